-- no counter is below 0
SELECT 'users' AS "table", user_id, NULL::integer AS partition FROM :schema.users
WHERE least(ad_count, ad_cooldown, videos, images, music) < 0
UNION ALL
SELECT 'totals', NULL, partition FROM :schema.totals
WHERE least(chats, videos, images, video_users, image_users, music, music_users, file_modes) < 0
UNION ALL
SELECT 'buckets', NULL, partition FROM :schema.buckets
WHERE least(chats, videos, images, video_users, image_users, music, music_users) < 0
UNION ALL
SELECT 'langs', NULL, partition FROM :schema.langs WHERE chats < 0
UNION ALL
SELECT 'referrals', NULL, NULL FROM :schema.referrals WHERE chats < 0
UNION ALL
SELECT 'top_users', user_id, partition FROM :schema.top_users WHERE videos < 0
