/*
 * past: generations that stand at a past moment, and who was erased after it.
 *
 * Where the log's later erases are known (telefact.erasures), they are applied to such a generation
 * as if they stood right behind its end, by the transaction that applies every erase. Each takes
 * effect once, however often and by however many processes it is tried.
 */
#ifndef SERVICES_STORE_POSTGRES_PAST_H
#define SERVICES_STORE_POSTGRES_PAST_H

#include "libs/base/err.h"
#include "services/store/postgres/session_options.h"

struct session;

struct past {
    struct session_options options; /* its strings are borrowed */
    int64_t bot_id;
};

/* Erase in generation `id`, to which nothing else is applied any more, who is known to be erased
 * behind its end; on a connection of its own. *out: how many erases that were, each once for every
 * partition. ERR_RETRY: some of them may be done. */
MUST_CHECK bool past_erase(const struct past *past, int id, int64_t *out, struct err *err);

/* The same in every generation that stands at a past moment; `session` looks for them. One of
 * another projection version, which this build cannot change, is removed instead. */
MUST_CHECK bool past_erase_all(const struct past *past, struct session *session, int64_t *out,
                               struct err *err);

#endif
