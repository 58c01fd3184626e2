-- totals of registered chats and of those that get files equal a recount of users, by class of chats
SELECT chat_class FROM (
    SELECT (user_id > 0)::integer + 2 * (user_id < 0)::integer AS chat_class, count(*) AS chats,
        count(*) FILTER (WHERE file_mode) AS file_modes
    FROM :schema.users WHERE NOT is_stub GROUP BY 1
    UNION ALL
    SELECT chat_class, -chats, -file_modes FROM :schema.totals
) AS both_sides
GROUP BY 1 HAVING sum(chats) <> 0 OR sum(file_modes) <> 0
