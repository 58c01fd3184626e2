-- the chats of a language equal a recount of users
SELECT lang FROM (
    SELECT lang COLLATE "C" AS lang, count(*) AS chats FROM :schema.users WHERE NOT is_stub GROUP BY 1
    UNION ALL
    SELECT lang, -chats FROM :schema.langs
) AS both_sides
GROUP BY 1 HAVING sum(chats) <> 0
