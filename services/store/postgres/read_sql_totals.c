#include "services/store/postgres/read_sql_texts.h"

#define SUM(column) "coalesce(sum(" column "), 0)::bigint AS " column

#define SUMS \
    "(SELECT " SUM("chats") ", " SUM("videos") ", " SUM("images") ", " SUM( \
        "video_users") ", " SUM("image_users") ", " SUM("music") ", " SUM("music_users")

#define OF_CLASS " chat_class BETWEEN $3 AND $4"
#define OF_IDS " BETWEEN $1 AND $2"

/* A chat that was a group is counted under both of its ids. */
#define BOTH(is) "count(*) FILTER (WHERE " is ")"
#define TWICE(chats, videos, images, music) \
    "(SELECT " BOTH(chats) " AS chats, " BOTH(videos) " AS video_users, " BOTH( \
        images) " AS image_users, " BOTH(music) " AS music_users" PAIRS " WHERE new_id" OF_IDS \
                                                ") AS twice"

const char READ_SQL_TOTALS[] = SNAPSHOT
    ", kept.chats - twice.chats, kept.videos, kept.images, kept.video_users - twice.video_users,"
    " kept.image_users - twice.image_users, kept.music, kept.music_users - twice.music_users"
    " FROM telefact.active, " SUMS " FROM :schema.totals WHERE" OF_CLASS
    ") AS kept, " TWICE(BOTH_REGISTERED, "old.videos > 0 AND own.videos > 0",
                        "old.images > 0 AND own.images > 0", "old.music > 0 AND own.music > 0");

#define KEPT \
    SUMS " FROM (SELECT * FROM :schema.buckets WHERE level = 1 AND bucket >= $7 AND bucket < $8" \
         " UNION ALL SELECT * FROM :schema.buckets WHERE level = 2 AND bucket >= $9" \
         " AND bucket < $10" \
         " UNION ALL SELECT * FROM :schema.buckets WHERE level = 3 AND bucket >= $11) AS part" \
         " WHERE" OF_CLASS ") AS kept"

#define IN_EDGE(time) time " > $5 AND " time " < $6"
#define EDGE_USER " AND user_id" OF_IDS " AND user_id <> 0"

/* Who has a fact at the edge and none later; OFFSET 0: by index, row by row. */
#define LAST(columns) \
    " CROSS JOIN LATERAL (SELECT " columns \
    " FROM :schema.users WHERE user_id = edge.user_id OFFSET 0) AS last"

#define EDGE_CHATS \
    "(SELECT count(*) FROM :schema.users WHERE " IN_EDGE("registered_at") EDGE_USER \
        " AND NOT is_stub) AS registered(chats)"

#define EDGE_VIDEOS \
    "(SELECT coalesce(sum(videos), 0)::bigint AS videos," \
    " coalesce(sum(images), 0)::bigint AS images," \
    " count(*) FILTER (WHERE last_video_at < $6) AS video_users," \
    " count(*) FILTER (WHERE images > 0 AND last_image_at < $6) AS image_users" \
    " FROM (SELECT user_id, count(*) AS videos, count(*) FILTER (WHERE is_images) AS images" \
    " FROM :schema.videos WHERE " IN_EDGE("downloaded_at") EDGE_USER \
        " GROUP BY user_id) AS edge" LAST("last_video_at, last_image_at") ") AS watched"

#define EDGE_MUSIC \
    "(SELECT coalesce(sum(music), 0)::bigint AS music," \
    " count(*) FILTER (WHERE last_music_at < $6) AS music_users" \
    " FROM (SELECT user_id, count(*) AS music FROM :schema.music WHERE " IN_EDGE("downloaded_at") \
        EDGE_USER " GROUP BY user_id) AS edge" LAST("last_music_at") ") AS heard"

const char READ_SQL_WINDOW[] =
    SNAPSHOT ", kept.chats + registered.chats - twice.chats,"
             " kept.videos + watched.videos, kept.images + watched.images,"
             " kept.video_users + watched.video_users - twice.video_users,"
             " kept.image_users + watched.image_users - twice.image_users,"
             " kept.music + heard.music, kept.music_users + heard.music_users - twice.music_users"
             " FROM telefact.active, " KEPT ", " EDGE_CHATS ", " EDGE_VIDEOS ", " EDGE_MUSIC
             ", " TWICE(BOTH_REGISTERED " AND own.registered_at > $5",
                        "old.last_video_at > $5 AND own.last_video_at > $5",
                        "old.last_image_at > $5 AND own.last_image_at > $5",
                        "old.last_music_at > $5 AND own.last_music_at > $5");
