-- videos, images and music of every bucket equal a recount of the facts
WITH hours AS (
    SELECT bucket, partition, chat_class, sum(videos) AS videos, sum(images) AS images, sum(music) AS music FROM (
        SELECT downloaded_at / 3600 AS bucket, pk_id >> 48 AS partition,
            (user_id > 0)::integer + 2 * (user_id < 0)::integer AS chat_class,
            count(*) AS videos, count(*) FILTER (WHERE is_images) AS images, 0 AS music
        FROM :schema.videos WHERE downloaded_at IS NOT NULL GROUP BY 1, 2, 3
        UNION ALL
        SELECT downloaded_at / 3600, pk_id >> 48, (user_id > 0)::integer + 2 * (user_id < 0)::integer, 0, 0, count(*)
        FROM :schema.music WHERE downloaded_at IS NOT NULL GROUP BY 1, 2, 3
    ) AS facts GROUP BY 1, 2, 3
)
SELECT level, bucket, partition, chat_class FROM (
    SELECT level, bucket / hours AS bucket, partition, chat_class, videos, images, music
    FROM hours, (VALUES (1, 1), (2, 24), (3, 768)) AS levels (level, hours)
    UNION ALL
    SELECT level, bucket, partition, chat_class, -videos, -images, -music FROM :schema.buckets
) AS both_sides
GROUP BY 1, 2, 3, 4 HAVING sum(videos) <> 0 OR sum(images) <> 0 OR sum(music) <> 0
