-- a fact is row 0 of its event, not before 1970, of a known platform, with a link of at most 2,048 bytes
SELECT pk_id, event_id FROM :schema.videos
WHERE pk_id < 0 OR pk_id & 15 <> 0 OR downloaded_at < 0 OR platform NOT BETWEEN 0 AND 3
    OR octet_length(video_link) > 2048
UNION ALL
SELECT pk_id, event_id FROM :schema.music WHERE pk_id < 0 OR pk_id & 15 <> 0 OR downloaded_at < 0
