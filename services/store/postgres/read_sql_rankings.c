#include "services/store/postgres/read_sql_texts.h"

/* The link of a chat that was registered as the group before is not counted. Taking some away
 * moves others up by as many places at most, so that many more are looked at. */
const char READ_SQL_REFERRALS[] =
    "WITH twice AS MATERIALIZED (SELECT own.link COLLATE \"C\" AS link, count(*) AS chats" PAIRS
    " WHERE" BOTH_REGISTERED " AND own.link IS NOT NULL GROUP BY 1) " SNAPSHOT
    ", (SELECT array_agg(ranked) FROM (SELECT link, top.chats - coalesce(twice.chats, 0) AS chats"
    " FROM (SELECT link, chats FROM :schema.referrals ORDER BY chats DESC, link"
    " LIMIT $1 + (SELECT count(*) FROM twice)) AS top LEFT JOIN twice USING (link)"
    " WHERE top.chats > coalesce(twice.chats, 0)"
    " ORDER BY 2 DESC, 1 LIMIT $1) AS ranked) FROM telefact.active";

/* What holds for a chat with two rows: the rules of query_merge. */
#define EFFECTIVE(column, is_set) \
    "CASE WHEN own." is_set " OR (old.is_stub AND NOT old." is_set ") THEN own." column \
    " ELSE old." column " END"

#define PAIR \
    "pair AS MATERIALIZED (SELECT NOT old.is_stub AS old_counts, NOT own.is_stub AS own_counts," \
    " old.lang AS old_lang, own.lang AS own_lang, " EFFECTIVE( \
        "lang", "is_lang_set") " AS lang," \
                               " old.file_mode AS old_mode, own.file_mode AS own_mode," \
                               " " EFFECTIVE("file_mode", "is_mode_set") " AS mode" PAIRS ")"

#define FILE_MODES \
    "(SELECT coalesce(sum(file_modes), 0)::bigint FROM :schema.totals) + (SELECT" \
    " coalesce(sum(((old_counts OR own_counts) AND mode)::int - (old_counts AND old_mode)::int" \
    " - (own_counts AND own_mode)::int), 0)::bigint FROM pair)"

#define LANGS \
    "(SELECT array_agg(ranked) FROM (SELECT lang, sum(chats)::bigint AS chats" \
    " FROM (SELECT lang, chats FROM :schema.langs UNION ALL" \
    " SELECT change.lang COLLATE \"C\", change.chats FROM pair CROSS JOIN LATERAL" \
    " (VALUES (old_lang, -old_counts::int), (own_lang, -own_counts::int), (lang, (old_counts OR " \
    "own_counts)::int))" \
    " AS change(lang, chats)) AS kept" \
    " GROUP BY lang HAVING sum(chats) > 0 ORDER BY 2 DESC, 1) AS ranked)"

#define IS_MOVED(id) \
    "(EXISTS (SELECT FROM :schema.aliases WHERE old_id = " id ")" \
    " OR EXISTS (SELECT FROM :schema.aliases WHERE new_id = " id "))"

/* A chat that moved stands in no list of its partition as the sum it is: it is looked at in any
 * case. When these leave fewer than ten others in a full list (16), somebody may be missing in it:
 * only then all rows are looked at. */
#define LISTED \
    "listed AS MATERIALIZED (SELECT partition, user_id, videos, " IS_MOVED( \
        "user_id") " AS is_moved FROM :schema.top_users)"
#define IS_SHORT \
    "(SELECT EXISTS (SELECT FROM listed GROUP BY partition HAVING count(*) >= 16" \
    " AND count(*) FILTER (WHERE NOT is_moved) < 10))"

#define TOP_USERS \
    "(SELECT array_agg(ranked) FROM (SELECT user_id, max(videos) AS videos FROM (" \
    "SELECT user_id, videos FROM listed WHERE NOT is_moved UNION ALL" \
    " SELECT new_id, coalesce(own.videos, 0) + coalesce(old.videos, 0) FROM :schema.aliases" \
    " LEFT JOIN :schema.users AS own ON own.user_id = new_id" \
    " LEFT JOIN :schema.users AS old ON old.user_id = old_id UNION ALL" \
    " (SELECT user_id, videos FROM :schema.users WHERE " IS_SHORT " AND NOT " IS_MOVED( \
        "user_id") " ORDER BY videos DESC, user_id LIMIT 10)) AS candidate" \
                   " WHERE videos > 0 GROUP BY user_id ORDER BY 2 DESC, 1 LIMIT 10) AS ranked)"

const char READ_SQL_OVERVIEW[] = "WITH " PAIR ", " LISTED " " SNAPSHOT ", " FILE_MODES ", " LANGS
                                 ", " TOP_USERS " FROM telefact.active";
