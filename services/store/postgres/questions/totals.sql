-- All-time totals of chats of class $1 to $2. twice: chats that were a group, counted under both of their ids.
SELECT
    kept.chats - twice.chats, kept.videos, kept.images, kept.video_users - twice.video_users,
    kept.image_users - twice.image_users, kept.music, kept.music_users - twice.music_users
FROM (
    SELECT :sums FROM :schema.totals WHERE chat_class BETWEEN $1 AND $2
) AS kept, (
    SELECT
        count(*) FILTER (WHERE NOT old.is_stub AND NOT own.is_stub) AS chats,
        count(*) FILTER (WHERE old.videos > 0 AND own.videos > 0) AS video_users,
        count(*) FILTER (WHERE old.images > 0 AND own.images > 0) AS image_users,
        count(*) FILTER (WHERE old.music > 0 AND own.music > 0) AS music_users
    FROM :pairs WHERE :class_of_pair BETWEEN $1 AND $2
) AS twice
