-- Erasures, outside every generation (docs/adr/0010): they tell what a generation that is built of a past moment lacks.
-- No id stands here: where the erasure stands in the log, its event's id, the subject's hash (as in the tombstones of a
-- generation), and up to when events of that id are dropped.
CREATE TABLE telefact.erasures (
    partition integer NOT NULL,
    "offset"  bigint  NOT NULL,
    event_id  uuid    NOT NULL,
    subject   uuid    NOT NULL,
    until_ms  bigint  NOT NULL,
    PRIMARY KEY (partition, "offset")
);

-- Whose record a dead letter is, as hashes of ids: its event's, a migration's other chat, its key's. An erase takes
-- the bytes by it.
ALTER TABLE telefact.dead_letters ADD COLUMN subjects uuid[] NOT NULL DEFAULT '{}';
UPDATE telefact.dead_letters SET subjects = ARRAY[encode(substring(
        sha256(convert_to(E'telefact\nerased\n' || split_part(encode(record_key, 'escape'), ':', 2), 'UTF8'))
        FROM 1 FOR 16), 'hex')::uuid]
    WHERE encode(record_key, 'escape') ~ '^[0-9]+:-?[0-9]+$';
