-- Counts by time of :counted of chats of class $1 to $2: kept ones of level $3 with $4 <= bucket < $5; of the days that
-- the range cuts those of hours $6 to before $7 and $8 to before $9; of the hours it cuts, from the facts, $10 to
-- before $11 and $12 to before $13. And the oldest time, from the first 32 days down to the first hour.
WITH point AS (
    SELECT bucket * CASE $3 WHEN 1 THEN 3600 ELSE 86400 END AS moment, sum(:counted)::bigint AS count
    FROM :schema.buckets WHERE level = $3 AND bucket >= $4 AND bucket < $5 AND chat_class BETWEEN $1 AND $2
    GROUP BY bucket
    UNION ALL
    SELECT bucket * 3600, sum(:counted)::bigint
    FROM :schema.buckets WHERE level = 1 AND bucket >= $6 AND bucket < $7 AND chat_class BETWEEN $1 AND $2
    GROUP BY bucket
    UNION ALL
    SELECT bucket * 3600, sum(:counted)::bigint
    FROM :schema.buckets WHERE level = 1 AND bucket >= $8 AND bucket < $9 AND chat_class BETWEEN $1 AND $2
    GROUP BY bucket
    UNION ALL
    SELECT $10, count(*) FROM :schema.:facts
    WHERE :condition AND downloaded_at >= $10 AND downloaded_at < $11 AND :class_of_user BETWEEN $1 AND $2
    UNION ALL
    SELECT $12, count(*) FROM :schema.:facts
    WHERE :condition AND downloaded_at >= $12 AND downloaded_at < $13 AND :class_of_user BETWEEN $1 AND $2
), block AS MATERIALIZED (
    SELECT bucket FROM :schema.buckets WHERE level = 3 AND chat_class BETWEEN $1 AND $2 AND :counted > 0
    ORDER BY bucket LIMIT 1
), day AS MATERIALIZED (
    SELECT bucket FROM :schema.buckets WHERE level = 2 AND chat_class BETWEEN $1 AND $2 AND :counted > 0
        AND bucket >= 32 * (SELECT bucket FROM block) AND bucket < 32 * (SELECT bucket FROM block) + 32
    ORDER BY bucket LIMIT 1
), hour AS MATERIALIZED (
    SELECT bucket FROM :schema.buckets WHERE level = 1 AND chat_class BETWEEN $1 AND $2 AND :counted > 0
        AND bucket >= 24 * (SELECT bucket FROM day) AND bucket < 24 * (SELECT bucket FROM day) + 24
    ORDER BY bucket LIMIT 1
)
SELECT
    (SELECT array_agg(point) FROM point WHERE count <> 0),
    (SELECT min(downloaded_at) FROM :schema.:facts
    WHERE :condition AND :class_of_user BETWEEN $1 AND $2
        AND downloaded_at >= 3600 * (SELECT bucket FROM hour) AND downloaded_at < 3600 * (SELECT bucket FROM hour) + 3600)
