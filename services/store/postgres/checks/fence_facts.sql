-- a fact's offset is below the next one of its partition's fence
SELECT pk_id FROM (
    SELECT pk_id FROM :schema.videos
    UNION ALL
    SELECT pk_id FROM :schema.music
) AS facts
JOIN :schema.fence ON fence.partition = pk_id >> 48
WHERE (pk_id >> 4 & (1::bigint << 44) - 1) >= next_offset
