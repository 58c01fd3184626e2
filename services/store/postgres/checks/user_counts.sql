-- videos, images and music of a chat are as many as its facts
SELECT user_id FROM :schema.users
LEFT JOIN (
    SELECT user_id, count(*) AS videos, count(*) FILTER (WHERE is_images) AS images FROM :schema.videos GROUP BY user_id
) AS watched USING (user_id)
LEFT JOIN (SELECT user_id, count(*) AS music FROM :schema.music GROUP BY user_id) AS heard USING (user_id)
WHERE users.videos <> coalesce(watched.videos, 0) OR users.images <> coalesce(watched.images, 0)
    OR users.music <> coalesce(heard.music, 0)
