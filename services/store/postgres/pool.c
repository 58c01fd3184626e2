#include "services/store/postgres/pool.h"

#include "libs/base/backoff.h"
#include "libs/base/mem.h"
#include "libs/base/now.h"
#include "libs/base/random.h"
#include "services/store/postgres/canceller.h"
#include "services/store/postgres/pg_metrics.h"
#include "services/store/postgres/pool_connection.h"

#include <stdlib.h>

#define CONNECT_TIMEOUT_MS 5000
#define IDLE_MS 60000
#define BUSY_TICK_MS 50 /* how late a deadline may be noticed */
#define IDLE_TICK_MS 1000

struct pool {
    struct loop *loop;
    struct loop_timer *timer;
    struct pool_options options;
    struct canceller *canceller;
    struct pool_connection **connections; /* `count` of options.max */
    int count;
    struct pool_question *first; /* waiting */
    struct pool_question **end;
    size_t waiting;
    struct backoff backoff;
    int64_t connect_after_ms;
};

static const struct err LATE = {ERR_RETRY, "the database did not answer within the deadline"};
static const struct err FULL = {ERR_REJECT, "too many questions wait for the database"};

static void append(struct pool *pool, struct pool_question *question)
{
    question->next = NULL;
    question->connection = NULL;
    *pool->end = question;
    pool->end = &question->next;
    pool->waiting++;
}

static void unlink_at(struct pool *pool, struct pool_question **link)
{
    struct pool_question *question = *link;
    *link = question->next;
    if (pool->end == &question->next)
        pool->end = link;
    pool->waiting--;
}

static void remove_connection(struct pool *pool, int index)
{
    pool_connection_free(pool->connections[index]);
    pool->connections[index] = pool->connections[--pool->count];
}

static void answer(struct pool_question *question, enum pg_answer kind, const struct err *err)
{
    pg_metrics_answer(kind);
    question->done(question, NULL, "", err);
}

static void fail_first(struct pool *pool, const struct err *err)
{
    struct pool_question *question = pool->first;
    unlink_at(pool, &pool->first);
    answer(question, PG_FAILED, err);
}

/* Give the connection up together with what the server does for it. */
static void abandon(struct pool *pool, int index)
{
    if (pool->connections[index]->state == POOL_BUSY)
        canceller_send(pool->canceller, PQgetCancel(pool->connections[index]->conn));
    remove_connection(pool, index);
}

static int index_of(const struct pool *pool, const struct pool_connection *connection)
{
    int index = 0;
    while (pool->connections[index] != connection)
        index++;
    return index;
}

int pool_connected(const struct pool *pool)
{
    int up = 0;
    for (int i = 0; i < pool->count; i++)
        up += pool->connections[i]->state == POOL_IDLE || pool->connections[i]->state == POOL_BUSY;
    return up;
}

/* While a server is away everybody who waits learns it at once; a retry is the caller's decision.
 */
static void drop_broken(struct pool *pool, int index)
{
    struct err err = pool->connections[index]->error;
    struct pool_question *question = pool->connections[index]->question;
    remove_connection(pool, index);
    pg_metrics_pool_breaks();
    pool->connect_after_ms = now_monotonic_ms() + backoff_next(&pool->backoff, random_u32());
    if (question != NULL)
        answer(question, PG_FAILED, &err);
    size_t told = pool->waiting; /* not those that a callback adds */
    while (pool_connected(pool) == 0 && told-- > 0 && pool->first != NULL)
        fail_first(pool, &err);
}

static bool end_one_waiting(struct pool *pool, int64_t now_ms)
{
    for (struct pool_question **link = &pool->first; *link != NULL; link = &(*link)->next) {
        struct pool_question *question = *link;
        if (now_ms < question->deadline_ms && pool->waiting <= pool->options.queue_max)
            continue;
        bool is_late = now_ms >= question->deadline_ms;
        unlink_at(pool, link);
        answer(question, is_late ? PG_LATE : PG_FULL, is_late ? &LATE : &FULL);
        return true;
    }
    return false;
}

/* A callback may change anything, so each step that calls one starts the search again. */
static bool end_one_late(struct pool *pool, int64_t now_ms)
{
    for (int i = 0; i < pool->count; i++) {
        struct pool_connection *connection = pool->connections[i];
        if (connection->state == POOL_BROKEN) {
            drop_broken(pool, i);
            return true;
        }
        if (connection->state == POOL_CONNECTING &&
            now_ms - connection->since_ms > CONNECT_TIMEOUT_MS) {
            (void)err_set(&connection->error, ERR_RETRY, "connect to the database: no answer");
            connection->state = POOL_BROKEN;
            return true;
        }
        if (connection->state == POOL_BUSY && now_ms >= connection->question->deadline_ms) {
            struct pool_question *question = connection->question;
            abandon(pool, i);
            answer(question, PG_LATE, &LATE);
            return true;
        }
    }
    return end_one_waiting(pool, now_ms);
}

static void hand_out(struct pool *pool)
{
    for (int i = 0; i < pool->count && pool->first != NULL; i++) {
        if (pool->connections[i]->state != POOL_IDLE)
            continue;
        struct pool_question *question = pool->first;
        unlink_at(pool, &pool->first);
        pg_metrics_wait(now_monotonic_us() - question->asked_us);
        pool_connection_ask(pool->connections[i], question);
    }
}

static void on_changed(void *self, struct pool_connection *connection);

static void open_needed(struct pool *pool, int64_t now_ms)
{
    int connecting = pool->count - pool_connected(pool);
    int wanted = pool->waiting > (size_t)connecting ? pool->count + 1 : pool->options.min;
    if (wanted > pool->options.max)
        wanted = pool->options.max;
    while (pool->count < wanted && now_ms >= pool->connect_after_ms) {
        pool->connections[pool->count++] =
            pool_connection_open(pool->loop, &pool->options.connect, on_changed, pool);
        pg_metrics_pool_connects();
        if (pool->connections[pool->count - 1]->state == POOL_BROKEN)
            break; /* the next round drops it */
    }
}

static void close_idle(struct pool *pool, int64_t now_ms)
{
    for (int i = pool->count - 1; i >= 0 && pool->count > pool->options.min; i--)
        if (pool->connections[i]->state == POOL_IDLE &&
            now_ms - pool->connections[i]->since_ms > IDLE_MS)
            remove_connection(pool, i);
}

static void show_figures(const struct pool *pool)
{
    struct pg_pool_figures figures = {.waiting = pool->waiting};
    for (int i = 0; i < pool->count; i++) {
        enum pool_connection_state state = pool->connections[i]->state;
        figures.connecting += state == POOL_CONNECTING ? 1 : 0;
        figures.idle += state == POOL_IDLE ? 1 : 0;
        figures.busy += state == POOL_BUSY ? 1 : 0;
    }
    pg_metrics_pool(&figures);
}

static void run(void *self)
{
    struct pool *pool = self;
    int64_t now_ms = now_monotonic_ms();
    while (end_one_late(pool, now_ms))
        continue;
    hand_out(pool);
    open_needed(pool, now_ms);
    close_idle(pool, now_ms);
    show_figures(pool);
    bool is_quiet = pool->waiting == 0 && pool_connected(pool) >= pool->options.min;
    for (int i = 0; i < pool->count && is_quiet; i++)
        is_quiet = pool->connections[i]->state == POOL_IDLE;
    loop_timer_arm(pool->timer, is_quiet ? IDLE_TICK_MS : BUSY_TICK_MS);
}

static void on_changed(void *self, struct pool_connection *connection)
{
    struct pool *pool = self;
    if (connection->state == POOL_BROKEN) {
        drop_broken(pool, index_of(pool, connection));
    } else {
        backoff_reset(&pool->backoff);
        struct pool_question *question = connection->question;
        PGresult *result = connection->result;
        connection->question = NULL;
        connection->result = NULL;
        hand_out(pool); /* the connection works on while the answer is used */
        if (question != NULL && PQresultStatus(result) == PGRES_TUPLES_OK) {
            pg_metrics_answer(PG_ANSWERED);
            question->done(question, result, "", NULL);
        } else if (question != NULL) {
            struct err err;
            const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
            pg_metrics_answer(PG_REFUSED);
            (void)err_set(&err, ERR_RETRY, "database: %s",
                          result == NULL ? "no answer" : PQresultErrorMessage(result));
            question->done(question, NULL, state == NULL ? "" : state, &err);
        }
        PQclear(result);
    }
    run(pool);
}

struct pool *pool_new(struct loop *loop, const struct pool_options *options)
{
    struct pool *pool = mem_alloc(sizeof(*pool));
    pool->loop = loop;
    pool->options = *options;
    pool->connections = mem_array((size_t)options->max, sizeof(struct pool_connection *));
    pool->end = &pool->first;
    pool->backoff = (struct backoff){.first_ms = 100, .max_ms = 2000};
    pool->canceller = canceller_new();
    pool->timer = loop_timer_new(loop, run, pool);
    loop_timer_arm(pool->timer, 0);
    return pool;
}

void pool_ask(struct pool *pool, struct pool_question *question)
{
    question->asked_us = now_monotonic_us();
    append(pool, question);
    hand_out(pool);
    bool is_sent = question->connection != NULL && question->connection->state == POOL_BUSY;
    loop_timer_arm(pool->timer, is_sent ? BUSY_TICK_MS : 0);
}

void pool_cancel(struct pool *pool, struct pool_question *question)
{
    if (question->connection != NULL) {
        abandon(pool, index_of(pool, question->connection));
        return;
    }
    struct pool_question **link = &pool->first;
    while (*link != question)
        link = &(*link)->next;
    unlink_at(pool, link);
}

void pool_free(struct pool *pool)
{
    if (pool == NULL)
        return;
    while (pool->count > 0)
        abandon(pool, pool->count - 1);
    canceller_free(pool->canceller);
    loop_timer_free(pool->timer);
    free(pool->connections);
    free(pool);
}
