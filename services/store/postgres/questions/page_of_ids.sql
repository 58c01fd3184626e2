-- Registered chats: those with a row of their own, except groups that moved on; and those that were registered only as
-- the group they were. Nobody can be written to under the pseudonym of an erased chat, as if it had blocked the bot.
(
    SELECT user_id FROM :schema.users
    WHERE user_id BETWEEN $1 AND $2 AND NOT is_stub AND ($3 = 1 OR NOT is_blocked)
        AND NOT EXISTS (SELECT FROM :schema.aliases WHERE old_id = user_id)
    ORDER BY user_id LIMIT :limit
) UNION (
    SELECT new_id FROM :schema.aliases
        JOIN :schema.users AS old ON old.user_id = old_id
        LEFT JOIN :schema.users AS own ON own.user_id = new_id
    WHERE new_id BETWEEN $1 AND $2 AND NOT old.is_stub
        AND ($3 = 1 OR (own.is_blocked IS NOT TRUE AND new_id NOT BETWEEN :group_pseudonyms))
    ORDER BY new_id LIMIT :limit
)
ORDER BY user_id LIMIT :limit
