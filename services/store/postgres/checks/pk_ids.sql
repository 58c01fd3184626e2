-- a pk_id stands once in videos and music together
SELECT pk_id FROM (
    SELECT pk_id FROM :schema.videos
    UNION ALL
    SELECT pk_id FROM :schema.music
) AS facts
GROUP BY pk_id HAVING count(*) > 1
