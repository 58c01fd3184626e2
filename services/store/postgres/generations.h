/*
 * generations: the generation_store over PostgreSQL.
 *
 * Up to three connections: one for orders and the leader's lock, two more while generations are
 * compared or swapped. Where two generations are brought to one position, the rows of the live
 * one's fences are locked: live ingest stands still until that transaction ends, at most
 * ALIGN_MAX_MS, and fences are always locked before anything of the new generation is.
 */
#ifndef SERVICES_STORE_POSTGRES_GENERATIONS_H
#define SERVICES_STORE_POSTGRES_GENERATIONS_H

#include "services/store/postgres/session_options.h"
#include "services/store/replay_ports.h"

struct generations;

/* The strings of `options` are borrowed. */
struct generations *generations_new(const struct session_options *options, int64_t bot_id);
struct generation_store generations_port(struct generations *generations);
void generations_free(struct generations *generations); /* NULL is fine */

#endif
