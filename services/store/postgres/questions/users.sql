-- The rows of one page of ids (see user_ids and user).
SELECT array_agg(chat) FROM (
    SELECT page.user_id,
        (SELECT own FROM (
            SELECT :user_columns FROM :schema.users WHERE user_id = page.user_id
        ) AS own) AS own,
        (SELECT old FROM (
            SELECT :user_columns FROM :schema.aliases JOIN :schema.users ON user_id = old_id
            WHERE new_id = page.user_id ORDER BY old_id LIMIT 1
        ) AS old) AS old
    FROM (:page_of_ids) AS page
    ORDER BY page.user_id
) AS chat
