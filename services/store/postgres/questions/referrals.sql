-- The $1 most used links. The link of a chat that was registered as the group before is not counted: taking some away
-- moves others up by as many places at most, so that many more are looked at.
WITH twice AS MATERIALIZED (
    SELECT own.link COLLATE "C" AS link, count(*) AS chats FROM :pairs
    WHERE NOT old.is_stub AND NOT own.is_stub AND own.link IS NOT NULL
    GROUP BY 1
)
SELECT array_agg(ranked) FROM (
    SELECT link, top.chats - coalesce(twice.chats, 0) AS chats
    FROM (
        SELECT link, chats FROM :schema.referrals
        ORDER BY chats DESC, link LIMIT $1 + (SELECT count(*) FROM twice)
    ) AS top LEFT JOIN twice USING (link)
    WHERE top.chats > coalesce(twice.chats, 0)
    ORDER BY 2 DESC, 1 LIMIT $1
) AS ranked
