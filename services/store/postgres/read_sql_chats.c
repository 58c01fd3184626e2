#include "services/store/postgres/read_sql_texts.h"

/* See take_user of read_rows. */
#define USER_COLUMNS \
    "user_id, registered_at, lang, link, file_mode, ad_count, ad_cooldown, is_stub, is_lang_set," \
    " is_mode_set, videos, images"

/* The chat's row and that of the group it was; NULL: there is none. */
#define CHAT_ROWS(id) \
    " LEFT JOIN LATERAL (SELECT " USER_COLUMNS " FROM :schema.users WHERE user_id = " id \
    ") AS own ON true" \
    " LEFT JOIN LATERAL (SELECT " USER_COLUMNS \
    " FROM :schema.aliases JOIN :schema.users ON user_id = old_id WHERE new_id = " id \
    " ORDER BY old_id LIMIT 1) AS old ON true"

const char READ_SQL_USER[] = SNAPSHOT ", ROW($1, own, old) FROM telefact.active" CHAT_ROWS("$1");

const char READ_SQL_PROFILE[] =
    SNAPSHOT ", profile FROM telefact.active"
             " LEFT JOIN LATERAL (SELECT id, username, first_name,"
             " floor(extract(epoch FROM created_at))::bigint, settings::text"
             " FROM :schema.profiles WHERE id = $1 AND first_ms IS NOT NULL) AS profile ON true";

/* Registered chats: those with a row of their own, but not the groups that moved on; and those
 * that only were registered as the group they were. */
#define PAGE_OF_IDS \
    "((SELECT user_id FROM :schema.users WHERE user_id BETWEEN $1 AND $2 AND NOT is_stub" \
    " AND ($3 = 1 OR NOT is_blocked)" \
    " AND NOT EXISTS (SELECT FROM :schema.aliases WHERE old_id = user_id)" \
    " ORDER BY user_id LIMIT " PAGE ")" \
    " UNION (SELECT new_id FROM :schema.aliases" \
    " JOIN :schema.users AS old ON old.user_id = old_id" \
    " LEFT JOIN :schema.users AS own ON own.user_id = new_id" \
    " WHERE new_id BETWEEN $1 AND $2 AND NOT old.is_stub" \
    " AND ($3 = 1 OR own.is_blocked IS NOT TRUE)" \
    " ORDER BY new_id LIMIT " PAGE ")" \
    " ORDER BY user_id LIMIT " PAGE ")"

const char READ_SQL_USER_IDS[] =
    SNAPSHOT ", (SELECT array_agg(page) FROM " PAGE_OF_IDS " AS page) FROM telefact.active";

const char READ_SQL_USERS[] =
    SNAPSHOT ", (SELECT array_agg(chat) FROM (SELECT page.user_id, own, old FROM " PAGE_OF_IDS
             " AS page" CHAT_ROWS("page.user_id") " ORDER BY page.user_id) AS chat)"
                                                  " FROM telefact.active";
