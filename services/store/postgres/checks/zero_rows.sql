-- buckets, langs, referrals and top_users hold no row of zeros
SELECT 'buckets' AS "table", partition FROM :schema.buckets
WHERE chats = 0 AND videos = 0 AND images = 0 AND video_users = 0 AND image_users = 0 AND music = 0 AND music_users = 0
UNION ALL
SELECT 'langs', partition FROM :schema.langs WHERE chats = 0
UNION ALL
SELECT 'referrals', NULL FROM :schema.referrals WHERE chats = 0
UNION ALL
SELECT 'top_users', partition FROM :schema.top_users WHERE videos = 0
