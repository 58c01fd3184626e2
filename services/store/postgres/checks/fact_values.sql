-- a fact is row 0 of its event, not before 1970, of a known platform, with a link of at most 2,048 bytes
-- Facts of somebody erased have an empty one.
SELECT pk_id, event_id FROM :schema.videos
WHERE pk_id < 0 OR pk_id & 15 <> 0 OR downloaded_at < 0 OR platform NOT BETWEEN 0 AND 3
    OR octet_length(video_link) > 2048 OR (user_id / (1::bigint << 61) IN (-2, 2) AND video_link <> '')
UNION ALL
SELECT pk_id, event_id FROM :schema.music WHERE pk_id < 0 OR pk_id & 15 <> 0 OR downloaded_at < 0
