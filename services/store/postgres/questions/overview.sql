-- File mode, languages and the chats with most videos; of those with as many, the pseudonyms of erased people first
-- (see top_users).
--
-- moved: what a chat that was a group adds to what is counted under its two ids. Its language and mode are those of
-- query_merge. It stands in no list of top_users as the sum it is, so it is looked at in any case.
WITH moved AS MATERIALIZED (
    SELECT new_id AS user_id, coalesce(own.videos, 0) + coalesce(old.videos, 0) AS videos,
        old.is_stub IS FALSE AS was, own.is_stub IS FALSE AS became,
        old.lang AS old_lang, own.lang AS own_lang,
        CASE WHEN own.is_lang_set OR (old.is_stub IS NOT FALSE AND old.is_lang_set IS NOT TRUE)
            THEN own.lang ELSE old.lang END AS lang,
        old.file_mode AS old_mode, own.file_mode AS own_mode,
        CASE WHEN own.is_mode_set OR (old.is_stub IS NOT FALSE AND old.is_mode_set IS NOT TRUE)
            THEN own.file_mode ELSE old.file_mode END AS file_mode
    FROM (SELECT DISTINCT old_id, new_id FROM :schema.aliases) AS alias
        LEFT JOIN :schema.users AS old ON old.user_id = old_id
        LEFT JOIN :schema.users AS own ON own.user_id = new_id
), lang AS (
    SELECT lang, chats FROM :schema.langs
    UNION ALL
    SELECT change.lang COLLATE "C", change.chats FROM moved CROSS JOIN LATERAL (VALUES
        (old_lang, -was::int), (own_lang, -became::int), (lang, (was OR became)::int)
    ) AS change (lang, chats)
), listed AS MATERIALIZED (
    SELECT partition, user_id, videos,
        EXISTS (SELECT FROM :schema.aliases WHERE old_id = user_id)
            OR EXISTS (SELECT FROM :schema.aliases WHERE new_id = user_id) AS is_moved
    FROM :schema.top_users
), short AS (
    -- A full list (16) with fewer than ten that did not move: somebody may be missing in it.
    SELECT FROM listed GROUP BY partition
    HAVING count(*) >= 16 AND count(*) FILTER (WHERE NOT is_moved) < 10
), candidate AS (
    SELECT user_id, videos FROM listed WHERE NOT is_moved
    UNION ALL
    SELECT user_id, videos FROM moved
    UNION ALL (
        -- Every row, only when it must be.
        SELECT user_id, videos FROM :schema.users
        WHERE EXISTS (SELECT FROM short)
            AND NOT EXISTS (SELECT FROM :schema.aliases WHERE old_id = user_id)
            AND NOT EXISTS (SELECT FROM :schema.aliases WHERE new_id = user_id)
        ORDER BY videos DESC, :is_pseudonym DESC, user_id LIMIT 10
    )
)
SELECT
    (SELECT coalesce(sum(file_modes), 0)::bigint FROM :schema.totals) + (
        SELECT coalesce(sum(((was OR became) AND file_mode)::int - (was AND old_mode)::int
            - (became AND own_mode)::int), 0)::bigint
        FROM moved
    ),
    (SELECT array_agg(ranked) FROM (
        SELECT lang, sum(chats)::bigint FROM lang
        GROUP BY lang HAVING sum(chats) > 0 ORDER BY 2 DESC, 1
    ) AS ranked),
    (SELECT array_agg(ranked) FROM (
        SELECT user_id, max(videos) FROM candidate
        WHERE videos > 0 GROUP BY user_id ORDER BY 2 DESC, :is_pseudonym DESC, 1 LIMIT 10
    ) AS ranked)
