#include "services/store/postgres/read_sql_texts.h"

#define OF_CLASS " AND chat_class BETWEEN $3 AND $4"
#define OF_IDS " BETWEEN $1 AND $2"

/* Counts by the time their bucket begins. */
#define KEPT(column, level, length, first, end) \
    "SELECT bucket * " length " AS moment, sum(" column ")::bigint AS count FROM :schema.buckets" \
    " WHERE level = " level " AND bucket >= " first " AND bucket < " end OF_CLASS \
    " GROUP BY bucket"

#define EDGE(facts, time, first, end) \
    "SELECT " first ", count(*) FROM :schema." facts " AND " time " >= " first " AND " time \
    " < " end " AND user_id" OF_IDS

#define POINTS(column, facts, time, more) \
    ", (SELECT array_agg(point) FROM (SELECT moment, count FROM (" KEPT( \
        column, "$5", "CASE $5 WHEN 1 THEN 3600 ELSE 86400 END", "$6", \
        "$7") " UNION ALL " KEPT(column, "1", "3600", "$8", \
                                 "$9") " UNION ALL " KEPT(column, "1", "3600", "$10", \
                                                          "$11") " UNION ALL " EDGE(facts, time, \
                                                                                    "$12", \
                                                                                    "$13") " UNIO" \
                                                                                           "N " \
                                                                                           "ALL" \
                                                                                           " " EDGE( \
                                                                                               facts, \
                                                                                               time, \
                                                                                               "$" \
                                                                                               "1" \
                                                                                               "4", \
                                                                                               "$" \
                                                                                               "1" \
                                                                                               "5") \
                                                                                               more \
        ") AS part WHERE count <> 0) AS point)"

/* The first bucket of a level with anything in it but `twice`, within one of the level above. */
#define FIRST_OF(column, level, within, twice) \
    "(SELECT bucket FROM :schema.buckets WHERE level = " level within OF_CLASS \
    " GROUP BY bucket HAVING sum(" column ") > " twice " ORDER BY bucket LIMIT 1)"

#define WITHIN(name, above, times) \
    " AND " name " >= (SELECT bucket FROM " above ") * " times " AND " name \
    " < (SELECT bucket FROM " above ") * " times " + " times

#define FIRST(column, facts, time, twice, but) \
    ", (WITH block AS " FIRST_OF(column, "3", "", twice("2764800")) ", day AS " FIRST_OF( \
        column, "2", WITHIN("bucket", "block", "32"), \
        twice("86400")) ", hour AS " FIRST_OF(column, "1", WITHIN("bucket", "day", "24"), \
                                              twice("3600")) " SELECT min(" time \
                                                             ") FROM :schema." facts \
                                                             WITHIN( \
                                                                 time, "hour", \
                                                                 "3600") " AND user_id" OF_IDS but \
                                                                         ")"

#define NONE(length) "0"
#define SERIES_OF_FACTS(column, facts) \
    SNAPSHOT POINTS(column, facts, "downloaded_at", "") \
        FIRST(column, facts, "downloaded_at", NONE, "") " FROM telefact.active"

const char READ_SQL_SERIES_VIDEOS[] = SERIES_OF_FACTS("videos", "videos WHERE true");
const char READ_SQL_SERIES_IMAGES[] = SERIES_OF_FACTS("images", "videos WHERE is_images");
const char READ_SQL_SERIES_MUSIC[] = SERIES_OF_FACTS("music", "music WHERE true");

/* A chat registered as the group it was is not registered once more. */
#define TWICE \
    "WITH twice AS MATERIALIZED (SELECT new_id, own.registered_at AS moment" PAIRS \
    " WHERE" BOTH_REGISTERED " AND own.registered_at IS NOT NULL AND new_id" OF_IDS ") "
#define TWICE_IN(length) "(SELECT count(*) FROM twice WHERE moment / " length " = bucket)"

const char READ_SQL_SERIES_USERS[] =
    TWICE SNAPSHOT POINTS("chats", "users WHERE NOT is_stub", "registered_at",
                          " UNION ALL SELECT moment / 3600 * 3600, -count(*) FROM twice"
                          " WHERE moment >= $16 AND moment < $17 GROUP BY moment / 3600")
        FIRST("chats", "users WHERE NOT is_stub", "registered_at", TWICE_IN,
              " AND user_id NOT IN (SELECT new_id FROM twice)") " FROM telefact.active";
