-- a group moved to one supergroup, and a supergroup was one group
SELECT old_id, new_id FROM (
    SELECT old_id, new_id, count(*) OVER (PARTITION BY old_id) AS new_ids,
        count(*) OVER (PARTITION BY new_id) AS old_ids
    FROM :schema.aliases
) AS counted
WHERE new_ids > 1 OR old_ids > 1 OR old_id = new_id
