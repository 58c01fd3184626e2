-- a group moved to one supergroup, and a supergroup was one group
-- Each partition that told of it has a row. Pseudonyms of erased groups stand beside the ids until all partitions have
-- come to the erase, and when the id is used again.
SELECT old_id, new_id FROM (
    SELECT old_id, new_id, count(*) OVER (PARTITION BY old_id) AS new_ids,
        count(*) OVER (PARTITION BY new_id) AS old_ids
    FROM (
        SELECT DISTINCT old_id, new_id FROM :schema.aliases
        WHERE old_id / (1::bigint << 61) <> -2 AND new_id / (1::bigint << 61) <> -2
    ) AS pairs
) AS counted
WHERE new_ids > 1 OR old_ids > 1 OR old_id = new_id
