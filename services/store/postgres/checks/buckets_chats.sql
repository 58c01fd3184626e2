-- the chats registered in a bucket equal a recount of users, by class of chats
WITH hours AS (
    SELECT registered_at / 3600 AS bucket, (user_id > 0)::integer + 2 * (user_id < 0)::integer AS chat_class,
        count(*) AS chats
    FROM :schema.users WHERE NOT is_stub AND registered_at IS NOT NULL GROUP BY 1, 2
)
SELECT level, bucket, chat_class FROM (
    SELECT level, bucket / hours AS bucket, chat_class, chats
    FROM hours, (VALUES (1, 1), (2, 24), (3, 768)) AS levels (level, hours)
    UNION ALL
    SELECT level, bucket, chat_class, -chats FROM :schema.buckets
) AS both_sides
GROUP BY 1, 2, 3 HAVING sum(chats) <> 0
