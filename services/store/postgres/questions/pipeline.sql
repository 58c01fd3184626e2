-- Dead letters that nobody has decided on, by partition and cause (a flood is counted in part: the oldest 100,000), and
-- the generations.
SELECT
    (SELECT array_agg(counted) FROM (
        SELECT partition::bigint, cause, count(*), min(record_ms) FROM (
            SELECT partition, cause, record_ms FROM telefact.dead_letters
            WHERE decision = 'open' ORDER BY record_ms LIMIT 100000
        ) AS open GROUP BY 1, 2 ORDER BY 1, 2 LIMIT :limit
    ) AS counted),
    (SELECT array_agg(made) FROM (
        SELECT id::bigint, state, is_paused, extract(epoch FROM created_at)::bigint, detail
        FROM telefact.generations ORDER BY id DESC LIMIT :limit
    ) AS made)
