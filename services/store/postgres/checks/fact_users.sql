-- the chat of a fact has a row in users: a stub if it never registered
SELECT pk_id, user_id FROM :schema.videos AS fact
WHERE NOT EXISTS (SELECT FROM :schema.users WHERE users.user_id = fact.user_id)
UNION ALL
SELECT pk_id, user_id FROM :schema.music AS fact
WHERE NOT EXISTS (SELECT FROM :schema.users WHERE users.user_id = fact.user_id)
