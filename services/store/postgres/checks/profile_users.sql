-- whoever pressed /start is registered in users, then or before
SELECT id FROM :schema.profiles
LEFT JOIN :schema.users ON user_id = id
WHERE profiles.first_ms IS NOT NULL
    AND (is_stub IS DISTINCT FROM false OR (users.first_ms, users.first_update, users.first_event)
        > (profiles.first_ms, profiles.first_update, profiles.first_event))
