-- the languages of a partition are those of as many chats as its totals count
SELECT partition FROM (
    SELECT partition, chats FROM :schema.langs
    UNION ALL
    SELECT partition, -chats FROM :schema.totals
) AS both_sides
GROUP BY 1 HAVING sum(chats) <> 0
