-- a profile has whole marks, its first sighting's time, and names only with the mark of theirs; settings are an object
-- No pseudonym of somebody erased has one.
SELECT id FROM :schema.profiles
WHERE num_nulls(first_ms, first_update, first_event) NOT IN (0, 3)
    OR num_nulls(last_ms, last_update, last_event) NOT IN (0, 3)
    OR (first_ms IS NULL AND num_nonnulls(created_at, last_ms) > 0)
    OR created_at <> to_timestamp(0) + first_ms * interval '1 ms'
    OR (last_ms IS NULL AND (username IS NOT NULL OR first_name <> ''))
    OR (last_ms, last_update, last_event) < (first_ms, first_update, first_event)
    OR jsonb_typeof(settings) <> 'object' OR id / (1::bigint << 61) IN (-2, 2)
