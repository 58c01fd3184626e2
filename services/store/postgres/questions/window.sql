-- Totals since moment $3 of chats of class $1 to $2: the edge, which ends before $4, from the rows themselves; hours $5
-- to before $6, days $7 to before $8 and 32 days from $9 from what is kept. In kept counts a chat is active when its
-- last fact was, so at the edge those are whose last one lies there. OFFSET 0: each row by its id.
SELECT
    kept.chats + registered.chats - twice.chats,
    kept.videos + watched.videos, kept.images + watched.images,
    kept.video_users + watched.video_users - twice.video_users,
    kept.image_users + watched.image_users - twice.image_users,
    kept.music + heard.music, kept.music_users + heard.music_users - twice.music_users
FROM (
    SELECT :sums FROM (
        SELECT * FROM :schema.buckets WHERE level = 1 AND bucket >= $5 AND bucket < $6
        UNION ALL
        SELECT * FROM :schema.buckets WHERE level = 2 AND bucket >= $7 AND bucket < $8
        UNION ALL
        SELECT * FROM :schema.buckets WHERE level = 3 AND bucket >= $9
    ) AS part WHERE chat_class BETWEEN $1 AND $2
) AS kept, (
    SELECT count(*) AS chats FROM :schema.users
    WHERE registered_at > $3 AND registered_at < $4 AND NOT is_stub AND :class_of_user BETWEEN $1 AND $2
) AS registered, (
    SELECT
        coalesce(sum(videos), 0)::bigint AS videos,
        coalesce(sum(images), 0)::bigint AS images,
        count(*) FILTER (WHERE last_video_at < $4) AS video_users,
        count(*) FILTER (WHERE images > 0 AND last_image_at < $4) AS image_users
    FROM (
        SELECT user_id, count(*) AS videos, count(*) FILTER (WHERE is_images) AS images FROM :schema.videos
        WHERE downloaded_at > $3 AND downloaded_at < $4 AND :class_of_user BETWEEN $1 AND $2
        GROUP BY user_id
    ) AS edge CROSS JOIN LATERAL (
        SELECT last_video_at, last_image_at FROM :schema.users WHERE user_id = edge.user_id OFFSET 0
    ) AS last
) AS watched, (
    SELECT
        coalesce(sum(music), 0)::bigint AS music,
        count(*) FILTER (WHERE last_music_at < $4) AS music_users
    FROM (
        SELECT user_id, count(*) AS music FROM :schema.music
        WHERE downloaded_at > $3 AND downloaded_at < $4 AND :class_of_user BETWEEN $1 AND $2
        GROUP BY user_id
    ) AS edge CROSS JOIN LATERAL (
        SELECT last_music_at FROM :schema.users WHERE user_id = edge.user_id OFFSET 0
    ) AS last
) AS heard, (
    SELECT
        count(*) FILTER (WHERE NOT old.is_stub AND NOT own.is_stub AND own.registered_at > $3) AS chats,
        count(*) FILTER (WHERE old.last_video_at > $3 AND own.last_video_at > $3) AS video_users,
        count(*) FILTER (WHERE old.last_image_at > $3 AND own.last_image_at > $3) AS image_users,
        count(*) FILTER (WHERE old.last_music_at > $3 AND own.last_music_at > $3) AS music_users
    FROM :pairs WHERE :class_of_pair BETWEEN $1 AND $2
) AS twice
