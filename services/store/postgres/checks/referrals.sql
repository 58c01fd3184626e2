-- the chats of a referral link equal a recount of users (the link itself is not shown)
SELECT left(encode(sha256(convert_to(link, 'UTF8')), 'hex'), 16) AS link_sha256 FROM (
    SELECT link COLLATE "C" AS link, count(*) AS chats FROM :schema.users
    WHERE NOT is_stub AND link IS NOT NULL GROUP BY 1
    UNION ALL
    SELECT link, -chats FROM :schema.referrals
) AS both_sides
GROUP BY link HAVING sum(chats) <> 0
