-- every partition that has facts, statistics, erased people or dead letters has a fence
SELECT DISTINCT partition FROM (
    SELECT pk_id >> 48 AS partition FROM :schema.videos
    UNION ALL
    SELECT pk_id >> 48 FROM :schema.music
    UNION ALL
    SELECT partition FROM :schema.totals
    UNION ALL
    SELECT partition FROM :schema.buckets
    UNION ALL
    SELECT partition FROM :schema.langs
    UNION ALL
    SELECT partition FROM :schema.top_users
    UNION ALL
    SELECT partition FROM :schema.tombstones
    UNION ALL -- a generation that is not read may be behind the one that set them aside
    SELECT partition FROM telefact.dead_letters
    WHERE ':schema' = (SELECT 'g' || generation FROM telefact.active)
) AS places
WHERE NOT EXISTS (SELECT FROM :schema.fence WHERE fence.partition = places.partition)
