-- Rebuilding: where a generation stands between its making and its end (docs/replay.md has the picture).
ALTER TABLE telefact.generations
    DROP CONSTRAINT generations_state_check,
    ADD CONSTRAINT generations_state_check CHECK (state IN ('building', 'indexing', 'catching_up', 'verifying', 'ready',
        'failed', 'past', 'live', 'retired', 'dropping')),
    ADD is_paused boolean NOT NULL DEFAULT false,
    ADD target text NOT NULL DEFAULT '',
    ADD as_of text,
    ADD expected_differences text NOT NULL DEFAULT '',
    ADD detail text NOT NULL DEFAULT '',
    ADD changed_at timestamptz NOT NULL DEFAULT now();
COMMENT ON COLUMN telefact.generations.target IS 'Position that the bulk must reach: the end of the log when it began.';
COMMENT ON COLUMN telefact.generations.as_of IS 'Position at which it ends for good: a build of a past moment.';
COMMENT ON COLUMN telefact.generations.expected_differences IS 'Columns (table.column) and tables that may differ from the live generation.';
COMMENT ON COLUMN telefact.generations.detail IS 'Why it failed, or what is missing in it.';

-- Generations that are there already get what generation.sql gives to new ones. Nothing of their rows changes.
DO $$
DECLARE
    generation integer;
BEGIN
    FOR generation IN SELECT id FROM telefact.generations LOOP
        EXECUTE format('ALTER TABLE g%s.fence ADD COLUMN limit_offset bigint', generation);
    END LOOP;
END
$$;
