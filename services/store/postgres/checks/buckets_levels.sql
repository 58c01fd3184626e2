-- the chats of a partition's hours add up to those of its days, and those of its days to those of its 32 days
SELECT level, bucket, partition, chat_class FROM (
    SELECT level + 1 AS level, bucket / CASE level WHEN 1 THEN 24 ELSE 32 END AS bucket, partition, chat_class, chats
    FROM :schema.buckets WHERE level < 3
    UNION ALL
    SELECT level, bucket, partition, chat_class, -chats FROM :schema.buckets WHERE level > 1
) AS both_sides
GROUP BY 1, 2, 3, 4 HAVING sum(chats) <> 0
