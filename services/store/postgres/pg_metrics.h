/* pg_metrics: what this process's connections to PostgreSQL do, as metrics. From any thread. */
#ifndef SERVICES_STORE_POSTGRES_PG_METRICS_H
#define SERVICES_STORE_POSTGRES_PG_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Once each, at start. */
void pg_metrics_add_pool(void);
void pg_metrics_add_writer(void);

enum pg_answer {
    PG_ANSWERED,
    PG_REFUSED, /* the server answered with an error */
    PG_FAILED,  /* the connection broke, or there was none */
    PG_LATE,    /* the deadline passed */
    PG_FULL,    /* too many questions waited */
    PG_ANSWERS,
};
/* A question of the pool has its answer. */
void pg_metrics_answer(enum pg_answer answer);
/* It waited so long for a connection. */
void pg_metrics_wait(int64_t us);

struct pg_pool_figures {
    int connecting;
    int idle;
    int busy;
    size_t waiting; /* questions without a connection */
};
void pg_metrics_pool(const struct pg_pool_figures *figures);
void pg_metrics_pool_connects(void);
void pg_metrics_pool_breaks(void);

/* Whether ingest has its connection now. */
void pg_metrics_writer(bool is_connected);

#endif
