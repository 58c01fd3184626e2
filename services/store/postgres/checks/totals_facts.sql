-- totals of videos, images, music and their chats equal a recount of the facts, by partition and class of chats
SELECT partition, chat_class FROM (
    SELECT partition, (user_id > 0)::integer + 2 * (user_id < 0)::integer AS chat_class, sum(videos) AS videos,
        sum(images) AS images, count(*) AS video_users, count(*) FILTER (WHERE images > 0) AS image_users,
        0 AS music, 0 AS music_users
    FROM (
        SELECT pk_id >> 48 AS partition, user_id, count(*) AS videos, count(*) FILTER (WHERE is_images) AS images
        FROM :schema.videos GROUP BY 1, 2
    ) AS watched GROUP BY 1, 2
    UNION ALL
    SELECT partition, (user_id > 0)::integer + 2 * (user_id < 0)::integer, 0, 0, 0, 0, sum(music), count(*)
    FROM (SELECT pk_id >> 48 AS partition, user_id, count(*) AS music FROM :schema.music GROUP BY 1, 2) AS heard
    GROUP BY 1, 2
    UNION ALL
    SELECT partition, chat_class, -videos, -images, -video_users, -image_users, -music, -music_users
    FROM :schema.totals
) AS both_sides
GROUP BY 1, 2
HAVING sum(videos) <> 0 OR sum(images) <> 0 OR sum(video_users) <> 0 OR sum(image_users) <> 0 OR sum(music) <> 0
    OR sum(music_users) <> 0
