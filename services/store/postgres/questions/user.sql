-- The rows of a chat ($1) and of the group it was; NULL: there is none.
SELECT ROW($1,
    (SELECT own FROM (
        SELECT :user_columns FROM :schema.users WHERE user_id = $1
    ) AS own),
    (SELECT old FROM (
        SELECT :user_columns FROM :schema.aliases JOIN :schema.users ON user_id = old_id
        WHERE new_id = $1 ORDER BY old_id LIMIT 1
    ) AS old)
)
