#include "services/store/postgres/pg_metrics.h"

#include "libs/ops/metrics.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { CONNECTING, IDLE, BUSY, STATES };

static struct metric_series connections[STATES] = {
    [CONNECTING] = {.labels = "state=\"connecting\""},
    [IDLE] = {.labels = "state=\"idle\""},
    [BUSY] = {.labels = "state=\"busy\""},
};
static struct metric_series waiting[] = {{.labels = ""}};
static struct metric_series answers[PG_ANSWERS] = {
    [PG_ANSWERED] = {.labels = "result=\"answered\""},
    [PG_REFUSED] = {.labels = "result=\"refused\""},
    [PG_FAILED] = {.labels = "result=\"failed\""},
    [PG_LATE] = {.labels = "result=\"late\""},
    [PG_FULL] = {.labels = "result=\"full\""},
};
static struct metric_series waits[] = {{.labels = ""}};
static struct metric_series connects[] = {{.labels = ""}};
static struct metric_series breaks[] = {{.labels = ""}};

static struct metric pool_metrics[] = {
    {.name = "pg_pool_connections",
     .help = "Connections of the read side, by state.",
     .kind = METRIC_GAUGE,
     .series = connections,
     .count = STATES},
    {.name = "pg_pool_waiting_questions",
     .help = "Questions that wait for a connection.",
     .kind = METRIC_GAUGE,
     .series = waiting,
     .count = 1},
    {.name = "pg_pool_questions_total",
     .help = "Questions to the database by what came of them.",
     .kind = METRIC_COUNTER,
     .series = answers,
     .count = PG_ANSWERS},
    {.name = "pg_pool_wait_seconds",
     .help = "How long questions waited for a connection.",
     .kind = METRIC_HISTOGRAM,
     .series = waits,
     .count = 1},
    {.name = "pg_pool_connects_total",
     .help = "Connections of the read side that were begun.",
     .kind = METRIC_COUNTER,
     .series = connects,
     .count = 1},
    {.name = "pg_pool_broken_total",
     .help = "Connections of the read side that failed or broke.",
     .kind = METRIC_COUNTER,
     .series = breaks,
     .count = 1},
};

static struct metric_series writer_connected[] = {{.labels = ""}};
static struct metric_series writer_connects[] = {{.labels = ""}};
static struct metric writer_metrics[] = {
    {.name = "pg_writer_connected",
     .help = "1: ingest has its connection to the database.",
     .kind = METRIC_GAUGE,
     .series = writer_connected,
     .count = 1},
    {.name = "pg_writer_connects_total",
     .help = "Connections that ingest has opened.",
     .kind = METRIC_COUNTER,
     .series = writer_connects,
     .count = 1},
};

void pg_metrics_add_pool(void)
{
    for (size_t i = 0; i < COUNT(pool_metrics); i++)
        metrics_add(&pool_metrics[i]);
}

void pg_metrics_add_writer(void)
{
    for (size_t i = 0; i < COUNT(writer_metrics); i++)
        metrics_add(&writer_metrics[i]);
}

void pg_metrics_answer(enum pg_answer answer)
{
    metric_add(&answers[answer], 1);
}

void pg_metrics_wait(int64_t us)
{
    metric_observe_us(&waits[0], us);
}

void pg_metrics_pool(const struct pg_pool_figures *figures)
{
    metric_set(&connections[CONNECTING], figures->connecting);
    metric_set(&connections[IDLE], figures->idle);
    metric_set(&connections[BUSY], figures->busy);
    metric_set(&waiting[0], (int64_t)figures->waiting);
}

void pg_metrics_pool_connects(void)
{
    metric_add(&connects[0], 1);
}

void pg_metrics_pool_breaks(void)
{
    metric_add(&breaks[0], 1);
}

void pg_metrics_writer(bool is_connected)
{
    metric_set(&writer_connected[0], is_connected ? 1 : 0);
    if (is_connected)
        metric_add(&writer_connects[0], 1);
}
