-- One page of the downloads of a chat ($4) and of the group it was: a page of each, then the first of both. After time
-- $1 and pk_id $2; then those of unknown times after pk_id $3, looked for only when the first do not fill the page.
SELECT array_agg(page) FROM (
    (
        SELECT videos.* FROM (
            SELECT $4 AS id UNION SELECT old_id FROM :schema.aliases WHERE new_id = $4
        ) AS chat CROSS JOIN LATERAL (
            SELECT downloaded_at, pk_id, video_link FROM :schema.videos
            WHERE user_id = chat.id AND (downloaded_at, pk_id) > ($1, $2)
            ORDER BY downloaded_at, pk_id LIMIT :limit
        ) AS videos
        ORDER BY downloaded_at, pk_id LIMIT :limit
    ) UNION ALL (
        SELECT videos.* FROM (
            SELECT $4 AS id UNION SELECT old_id FROM :schema.aliases WHERE new_id = $4
        ) AS chat CROSS JOIN LATERAL (
            SELECT downloaded_at, pk_id, video_link FROM :schema.videos
            WHERE user_id = chat.id AND downloaded_at IS NULL AND pk_id > $3
            ORDER BY downloaded_at, pk_id LIMIT :limit
        ) AS videos
        ORDER BY downloaded_at, pk_id LIMIT :limit
    )
    LIMIT :limit
) AS page
