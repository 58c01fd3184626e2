/* generations_state: what the parts of generations share. */
#ifndef SERVICES_STORE_POSTGRES_GENERATIONS_STATE_H
#define SERVICES_STORE_POSTGRES_GENERATIONS_STATE_H

#include "services/store/postgres/generations.h"
#include "services/store/postgres/session.h"

#define ALIGN_MAX_MS 900 /* live ingest stands still for so long at most */

/* Who holds the live fences and is stopped in the middle loses its session after this. */
#define HOLDING_SQL "SET LOCAL idle_in_transaction_session_timeout = '3s'"

struct generations {
    struct session_options options; /* its timeouts suit orders; indexes take longer */
    int64_t bot_id;
    struct session *session;
};

/* A statement whose every %d is the generation. */
#define GENERATION_SQL_MAX 4096

/* Changes every fence, whose writers then begin anew; locked in the order in which they lock. */
#define FENCES_SQL(set) \
    "WITH locked AS MATERIALIZED (SELECT partition FROM g%d.fence ORDER BY partition FOR UPDATE)" \
    " UPDATE g%d.fence AS f SET owner_epoch = owner_epoch + 1" set " FROM locked" \
    " WHERE f.partition = locked.partition"

MUST_CHECK bool generations_run(struct session *session, int id, const char *fmt, struct err *err);

/* Next offsets of the fences; with `lock` they stay as they are until the transaction ends. */
MUST_CHECK bool generations_read_fences(struct session *session, int id, bool lock,
                                        struct position *out, struct err *err);
/* Nothing from `limit` on is applied; NULL: as the generation itself says, which stands still while
 * it is paused and else ends where it was told. Its writers begin anew. */
MUST_CHECK bool generations_limit(struct session *session, int id, const struct position *limit,
                                  struct err *err);
/* Every partition of `wanted` is reached. */
bool generations_has_reached(const struct position *now, const struct position *wanted);
/* Poll the fences until they have reached `wanted`. ERR_RETRY: not within wait_ms. */
MUST_CHECK bool generations_await(struct session *session, int id, const struct position *wanted,
                                  int64_t wait_ms, struct err *err);
/* Another connection, whose statements may take long. */
MUST_CHECK bool generations_open_other(struct generations *generations, struct session **out,
                                       struct err *err);

/* generations_compare.c, generations_swap.c */
MUST_CHECK bool generations_compare(void *self, const struct generation_compare *compare,
                                    bool *out_equal, struct err *err);
MUST_CHECK bool generations_swap(void *self, int id, struct err *err);

#endif
