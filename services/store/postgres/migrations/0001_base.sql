-- What lives outside every generation: which bot and log this database belongs to, the generations and the pointer to
-- the active one, dead letters with the decisions taken on them, and the stable views people and BI tools read.
-- (Schema telefact and its table schema_migrations are made by the migrating program itself.)

-- One row: the bot whose events these are. Another STORE_BOT_ID refuses to start.
CREATE TABLE telefact.identity (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    bot_id     bigint  NOT NULL
);

-- One complete build of the projections each; its tables live in schema g<id>.
CREATE TABLE telefact.generations (
    id                 integer PRIMARY KEY CHECK (id > 0),
    projection_version integer NOT NULL,
    state              text    NOT NULL CHECK (state IN ('building', 'live', 'retired')),
    created_at         timestamptz NOT NULL DEFAULT now()
);

-- The pointer: reads select it as a column of the same statement, so an answer never mixes generations.
CREATE TABLE telefact.active (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    generation integer NOT NULL REFERENCES telefact.generations (id)
);

-- Events set aside with their cause. Coordinates and decision stay for ever, the bytes expire.
CREATE TABLE telefact.dead_letters (
    partition    integer NOT NULL,
    "offset"     bigint  NOT NULL,
    event_id     uuid,
    kind         text    NOT NULL,
    cause        text    NOT NULL,
    detail       text    NOT NULL,
    record_key   bytea,
    record_value bytea,
    record_ms    bigint  NOT NULL,
    decision     text    NOT NULL DEFAULT 'open' CHECK (decision IN ('open', 'retried', 'dropped')),
    decided_at   timestamptz,
    PRIMARY KEY (partition, "offset")
);
COMMENT ON COLUMN telefact.dead_letters.record_ms IS 'Timestamp of the record in the log, unix ms: the bytes expire by it.';

CREATE SCHEMA tt;
CREATE SCHEMA core;
