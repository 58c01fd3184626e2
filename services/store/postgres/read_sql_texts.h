/* read_sql_texts: the texts of read_sql, by what they ask for, and the parts they share. */
#ifndef SERVICES_STORE_POSTGRES_READ_SQL_TEXTS_H
#define SERVICES_STORE_POSTGRES_READ_SQL_TEXTS_H

#include "services/store/read_ports.h"

#define STRINGIFY_(text) #text
#define STRINGIFY(text) STRINGIFY_(text)
#define PAGE STRINGIFY(READ_PAGE)

/* What every statement begins with: the pointer and the fences of the same snapshot. */
#define SNAPSHOT \
    "SELECT active.generation, coalesce((SELECT string_agg(partition || ':' || next_offset, ','" \
    " ORDER BY partition) FROM :schema.fence WHERE next_offset > 0), '')"

/* Chats that have a row under both of their ids. */
#define PAIRS \
    " FROM :schema.aliases JOIN :schema.users AS old ON old.user_id = old_id" \
    " JOIN :schema.users AS own ON own.user_id = new_id"
#define BOTH_REGISTERED " NOT old.is_stub AND NOT own.is_stub"

/* $1: user_id */
extern const char READ_SQL_USER[];
extern const char READ_SQL_PROFILE[];

/* $1 <= id <= $2; $3 1: blocked ones too */
extern const char READ_SQL_USER_IDS[];
extern const char READ_SQL_USERS[];

/* After time $1, pk_id $2; of unknown times after pk_id $3. $4: user_id; or $4 <= user_id <= $5 */
extern const char READ_SQL_USER_VIDEOS[];
extern const char READ_SQL_VIDEOS[];

/* $1: how many */
extern const char READ_SQL_REFERRALS[];
extern const char READ_SQL_OVERVIEW[];

/* $1 <= user_id <= $2, $3 <= chat_class <= $4 */
extern const char READ_SQL_TOTALS[];

/* The same; after $5, edge before $6, $7 <= hour < $8, $9 <= day < $10, block >= $11 */
extern const char READ_SQL_WINDOW[];

/* $1 to $4 the same; level $5 with $6 <= bucket < $7; $8 <= hour < $9, $10 <= hour < $11;
 * $12 <= time < $13, $14 <= time < $15; users: all of it is $16 <= time < $17 */
extern const char READ_SQL_SERIES_USERS[];
extern const char READ_SQL_SERIES_VIDEOS[];
extern const char READ_SQL_SERIES_MUSIC[];
extern const char READ_SQL_SERIES_IMAGES[];

#endif
