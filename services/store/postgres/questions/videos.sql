-- One page of the downloads of chats of class $4 to $5. After time $1 and pk_id $2; then those of unknown times after
-- pk_id $3, looked for only when the first do not fill the page.
SELECT array_agg(page) FROM (
    (
        SELECT downloaded_at, pk_id, video_link FROM :schema.videos
        WHERE (downloaded_at, pk_id) > ($1, $2) AND :class_of_user BETWEEN $4 AND $5
        ORDER BY downloaded_at, pk_id LIMIT :limit
    ) UNION ALL (
        SELECT downloaded_at, pk_id, video_link FROM :schema.videos
        WHERE downloaded_at IS NULL AND pk_id > $3 AND :class_of_user BETWEEN $4 AND $5
        ORDER BY downloaded_at, pk_id LIMIT :limit
    )
    LIMIT :limit
) AS page
