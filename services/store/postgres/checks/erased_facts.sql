-- a partition has no fact of somebody erased that has no time, or one up to the erase
WITH people AS (
    SELECT user_id, partition, min(downloaded_at) AS first_at, bool_or(downloaded_at IS NULL) AS is_undated FROM (
        SELECT user_id, pk_id >> 48 AS partition, downloaded_at FROM :schema.videos
        UNION ALL
        SELECT user_id, pk_id >> 48, downloaded_at FROM :schema.music
    ) AS facts GROUP BY 1, 2
)
SELECT user_id, partition FROM people
JOIN :schema.tombstones USING (partition)
WHERE subject = encode(substring(sha256(convert_to(E'telefact\nerased\n' || user_id, 'UTF8')) FROM 1 FOR 16), 'hex')::uuid
    AND (is_undated OR first_at * 1000 + 999 <= until_ms)
