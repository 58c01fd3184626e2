-- top_users holds the 16 chats of each partition with most videos (of as many, pseudonyms first), with their counts
SELECT partition, user_id FROM (
    SELECT partition, user_id, videos FROM (
        SELECT partition, user_id, videos,
            row_number() OVER (PARTITION BY partition
                ORDER BY videos DESC, user_id / (1::bigint << 61) IN (-2, 2) DESC, user_id) AS place
        FROM (SELECT pk_id >> 48 AS partition, user_id, count(*) AS videos FROM :schema.videos GROUP BY 1, 2) AS counted
    ) AS ranked WHERE place <= 16
    UNION ALL
    SELECT partition, user_id, -videos FROM :schema.top_users
) AS both_sides
GROUP BY 1, 2 HAVING sum(videos) <> 0
