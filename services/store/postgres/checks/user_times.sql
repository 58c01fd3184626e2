-- the last times of a chat are the largest of its facts
SELECT user_id FROM :schema.users
LEFT JOIN (
    SELECT user_id, max(downloaded_at) AS video_at, max(downloaded_at) FILTER (WHERE is_images) AS image_at
    FROM :schema.videos GROUP BY user_id
) AS watched USING (user_id)
LEFT JOIN (SELECT user_id, max(downloaded_at) AS music_at FROM :schema.music GROUP BY user_id) AS heard USING (user_id)
WHERE last_video_at IS DISTINCT FROM video_at OR last_image_at IS DISTINCT FROM image_at
    OR last_music_at IS DISTINCT FROM music_at
