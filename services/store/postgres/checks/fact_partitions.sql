-- all facts of a chat are of one partition
SELECT user_id FROM (
    SELECT user_id, pk_id >> 48 AS partition FROM :schema.videos
    UNION ALL
    SELECT user_id, pk_id >> 48 FROM :schema.music
) AS facts
GROUP BY user_id HAVING min(partition) <> max(partition)
