-- a dead letter has a place, a cause and, once it is decided, a time; an id exactly if it was decoded; no expired bytes
SELECT partition, "offset" FROM telefact.dead_letters
WHERE partition < 0 OR "offset" < 0 OR cause = '' OR (decision = 'open') <> (decided_at IS NULL)
    OR (kind = '') <> (event_id IS NULL)
    OR (is_expired AND (num_nonnulls(record_key, record_value) > 0 OR subjects <> '{}'))
