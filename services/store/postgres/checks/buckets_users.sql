-- the active chats of every bucket are those whose last fact lies in it
WITH hours AS (
    SELECT last_at / 3600 AS bucket, partition, (user_id > 0)::integer + 2 * (user_id < 0)::integer AS chat_class,
        count(*) FILTER (WHERE kind = 1) AS video_users, count(*) FILTER (WHERE kind = 2) AS image_users,
        count(*) FILTER (WHERE kind = 3) AS music_users
    FROM (
        SELECT user_id, min(pk_id >> 48) AS partition, max(downloaded_at) AS last_at, 1 AS kind
        FROM :schema.videos GROUP BY user_id
        UNION ALL
        SELECT user_id, min(pk_id >> 48), max(downloaded_at), 2 FROM :schema.videos WHERE is_images GROUP BY user_id
        UNION ALL
        SELECT user_id, min(pk_id >> 48), max(downloaded_at), 3 FROM :schema.music GROUP BY user_id
    ) AS last WHERE last_at IS NOT NULL GROUP BY 1, 2, 3
)
SELECT level, bucket, partition, chat_class FROM (
    SELECT level, bucket / hours AS bucket, partition, chat_class, video_users, image_users, music_users
    FROM hours, (VALUES (1, 1), (2, 24), (3, 768)) AS levels (level, hours)
    UNION ALL
    SELECT level, bucket, partition, chat_class, -video_users, -image_users, -music_users FROM :schema.buckets
) AS both_sides
GROUP BY 1, 2, 3, 4 HAVING sum(video_users) <> 0 OR sum(image_users) <> 0 OR sum(music_users) <> 0
