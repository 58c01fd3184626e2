/*
 * letter_desk: telefact.dead_letters for the dlq commands.
 *
 * Everything that is read is of one snapshot, made at the opening: whatever comes in meanwhile, for
 * example because a letter is retried and set aside again, is not handed out. Decisions go over a
 * connection of their own. Not thread-safe.
 */
#ifndef SERVICES_STORE_POSTGRES_LETTER_DESK_H
#define SERVICES_STORE_POSTGRES_LETTER_DESK_H

#include "services/store/dlq_ports.h"
#include "services/store/postgres/session_options.h"

struct letter_desk_pg;

/* Without options->is_writer nothing can be decided. ERR_FATAL: not this bot's database, or not
 * this build's schema. ERR_RETRY: it is unwell. */
MUST_CHECK bool letter_desk_open(const struct session_options *options, int64_t bot_id,
                                 struct letter_desk_pg **out, struct err *err);
struct letter_desk letter_desk_port(struct letter_desk_pg *desk);
void letter_desk_free(struct letter_desk_pg *desk); /* NULL is fine */

#endif
