-- a dead letter's offset is below the next one of its partition's fence (in the active generation)
SELECT partition, "offset" FROM telefact.dead_letters
JOIN :schema.fence USING (partition)
WHERE "offset" >= next_offset AND ':schema' = (SELECT 'g' || generation FROM telefact.active)
