-- A dead letter's bytes expire; its place, cause and decision stay.
ALTER TABLE telefact.dead_letters ADD COLUMN is_expired boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN telefact.dead_letters.is_expired IS 'The key and value of the record are gone from here.';

-- Whose bytes are to go next, and who waits for a decision for how long.
CREATE INDEX dead_letters_kept ON telefact.dead_letters (record_ms) WHERE NOT is_expired;
CREATE INDEX dead_letters_open ON telefact.dead_letters (record_ms) INCLUDE (cause) WHERE decision = 'open';
