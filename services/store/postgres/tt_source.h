/*
 * tt_source: the import_source over a TT-Bot database (version 5).
 *
 * One read-only REPEATABLE READ transaction, so all pages are of one moment whatever is written
 * meanwhile. Each page is found by the primary key. Texts come no longer than one character more
 * than an event takes, so a page is at most some MiB. Columns that came or went with versions may
 * be missing (ad_count, ad_cooldown: 0). One thread.
 */
#ifndef SERVICES_STORE_POSTGRES_TT_SOURCE_H
#define SERVICES_STORE_POSTGRES_TT_SOURCE_H

#include "services/store/import_ports.h"
#include "services/store/postgres/session_options.h"

struct tt_source;

/* Connect and take the snapshot. Errors never tell a password. ERR_RETRY: the database cannot be
 * reached or is unwell. ERR_FATAL: a table or a column is missing. */
MUST_CHECK bool tt_source_open(const struct session_options *options, const char *schema,
                               struct tt_source **out, struct err *err);

struct import_source tt_source_port(struct tt_source *source);

void tt_source_free(struct tt_source *source); /* NULL is fine */

#endif
