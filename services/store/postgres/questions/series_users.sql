-- As series, of registrations; all of the range is $14 to before $15. twice: registrations of chats that were
-- registered as the group they were; they do not count.
WITH twice AS MATERIALIZED (
    SELECT new_id, own.registered_at FROM :pairs
    WHERE NOT old.is_stub AND NOT own.is_stub AND own.registered_at IS NOT NULL AND :class_of_pair BETWEEN $1 AND $2
), point AS (
    SELECT bucket * CASE $3 WHEN 1 THEN 3600 ELSE 86400 END AS moment, sum(chats)::bigint AS count
    FROM :schema.buckets WHERE level = $3 AND bucket >= $4 AND bucket < $5 AND chat_class BETWEEN $1 AND $2
    GROUP BY bucket
    UNION ALL
    SELECT bucket * 3600, sum(chats)::bigint
    FROM :schema.buckets WHERE level = 1 AND bucket >= $6 AND bucket < $7 AND chat_class BETWEEN $1 AND $2
    GROUP BY bucket
    UNION ALL
    SELECT bucket * 3600, sum(chats)::bigint
    FROM :schema.buckets WHERE level = 1 AND bucket >= $8 AND bucket < $9 AND chat_class BETWEEN $1 AND $2
    GROUP BY bucket
    UNION ALL
    SELECT $10, count(*) FROM :schema.users
    WHERE NOT is_stub AND registered_at >= $10 AND registered_at < $11 AND :class_of_user BETWEEN $1 AND $2
    UNION ALL
    SELECT $12, count(*) FROM :schema.users
    WHERE NOT is_stub AND registered_at >= $12 AND registered_at < $13 AND :class_of_user BETWEEN $1 AND $2
    UNION ALL
    SELECT registered_at / 3600 * 3600, -count(*) FROM twice
    WHERE registered_at >= $14 AND registered_at < $15
    GROUP BY registered_at / 3600
), block AS MATERIALIZED (
    SELECT bucket FROM :schema.buckets WHERE level = 3 AND chat_class BETWEEN $1 AND $2
    GROUP BY bucket HAVING sum(chats) > (SELECT count(*) FROM twice WHERE registered_at / 2764800 = bucket)
    ORDER BY bucket LIMIT 1
), day AS MATERIALIZED (
    SELECT bucket FROM :schema.buckets WHERE level = 2 AND chat_class BETWEEN $1 AND $2
        AND bucket >= 32 * (SELECT bucket FROM block) AND bucket < 32 * (SELECT bucket FROM block) + 32
    GROUP BY bucket HAVING sum(chats) > (SELECT count(*) FROM twice WHERE registered_at / 86400 = bucket)
    ORDER BY bucket LIMIT 1
), hour AS MATERIALIZED (
    SELECT bucket FROM :schema.buckets WHERE level = 1 AND chat_class BETWEEN $1 AND $2
        AND bucket >= 24 * (SELECT bucket FROM day) AND bucket < 24 * (SELECT bucket FROM day) + 24
    GROUP BY bucket HAVING sum(chats) > (SELECT count(*) FROM twice WHERE registered_at / 3600 = bucket)
    ORDER BY bucket LIMIT 1
)
SELECT
    (SELECT array_agg(point) FROM point WHERE count <> 0),
    (SELECT min(registered_at) FROM :schema.users
    WHERE NOT is_stub AND :class_of_user BETWEEN $1 AND $2 AND user_id NOT IN (SELECT new_id FROM twice)
        AND registered_at >= 3600 * (SELECT bucket FROM hour) AND registered_at < 3600 * (SELECT bucket FROM hour) + 3600)
