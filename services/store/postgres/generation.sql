-- The tables of one generation, created by the store with :schema replaced by g<N>. The one place that holds the
-- physical layout of the facts. No sequence, no clock, no random value: rows depend on the log alone.
--
-- Facts carry no foreign key (docs/adr/0005). Statistics are kept, never scanned for (docs/adr/0009). What a bulk can do
-- without stands in indexes.sql.

CREATE SCHEMA :schema;

-- The next offset to apply of each partition, advanced by compare-and-set in the transaction that writes the data,
-- with the fingerprint of the record before it (timestamp, SHA-256 of the value): a rewritten log is noticed.
-- limit_offset: nothing from there on is applied; NULL: no limit. Set by a rebuild only.
CREATE TABLE :schema.fence (
    partition      integer PRIMARY KEY,
    next_offset    bigint  NOT NULL CHECK (next_offset >= 0),
    owner_epoch    bigint  NOT NULL DEFAULT 0,
    cluster_id     text    NOT NULL,
    last_record_ms bigint  NOT NULL DEFAULT 0,
    last_hash      bytea   NOT NULL DEFAULT '',
    limit_offset   bigint
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 50, autovacuum_vacuum_scale_factor = 0);

-- One row a chat. The columns up to ad_cooldown are tt.users; the rest is what the fold needs and per-user counters.
CREATE TABLE :schema.users (
    user_id       bigint  PRIMARY KEY,
    registered_at bigint,
    lang          text    NOT NULL DEFAULT 'en',
    link          text,
    file_mode     boolean NOT NULL DEFAULT false,
    ad_count      integer NOT NULL DEFAULT 0,
    ad_cooldown   bigint  NOT NULL DEFAULT 0,
    is_stub       boolean NOT NULL DEFAULT true,
    is_lang_set   boolean NOT NULL DEFAULT false,
    is_blocked    boolean NOT NULL DEFAULT false,
    is_mode_set   boolean NOT NULL DEFAULT false,
    -- (time in ms, update_id, event_id) of the registration that won; NULL for a stub
    first_ms      bigint,
    first_update  bigint,
    first_event   uuid,
    videos        bigint  NOT NULL DEFAULT 0,
    images        bigint  NOT NULL DEFAULT 0,
    music         bigint  NOT NULL DEFAULT 0,
    -- the largest known time of each kind of fact; NULL: none has a time
    last_video_at bigint,
    last_image_at bigint,
    last_music_at bigint
) WITH (fillfactor = 70);

-- Who pressed /start, with the newest names (seed 004's users). A row without first_ms is a stub: settings came first.
CREATE TABLE :schema.profiles (
    id            bigint PRIMARY KEY,
    username      text,
    first_name    text   NOT NULL,
    created_at    timestamptz,
    settings      jsonb  NOT NULL DEFAULT '{}',
    first_ms      bigint,
    first_update  bigint,
    first_event   uuid,
    -- of the names; NULL: no sighting carried any
    last_ms       bigint,
    last_update   bigint,
    last_event    uuid
);

CREATE TABLE :schema.videos (
    event_id          uuid    PRIMARY KEY,
    pk_id             bigint  NOT NULL,
    user_id           bigint  NOT NULL,
    downloaded_at     bigint,
    video_link        text    NOT NULL,
    is_images         boolean NOT NULL DEFAULT false,
    is_processed      boolean NOT NULL DEFAULT false,
    is_inline         boolean NOT NULL DEFAULT false,
    platform          smallint NOT NULL DEFAULT 0,
    platform_video_id bigint
);

CREATE TABLE :schema.music (
    event_id      uuid   PRIMARY KEY,
    pk_id         bigint NOT NULL,
    user_id       bigint NOT NULL,
    downloaded_at bigint,
    video_id      bigint NOT NULL
);

-- Ids of the applied events that leave no fact row (UserSeen excepted: it may be applied any number of times).
CREATE TABLE :schema.applied (
    event_id uuid PRIMARY KEY
);

-- Group old_id became supergroup new_id. Reads sum over aliases; nothing is moved. Each partition that says so has a
-- row of its own, because an erase changes those of one partition at a time.
CREATE TABLE :schema.aliases (
    old_id    bigint  NOT NULL,
    new_id    bigint  NOT NULL,
    partition integer NOT NULL,
    PRIMARY KEY (old_id, new_id, partition)
);
-- What a chat was before, also to erase it.
CREATE INDEX aliases_new ON :schema.aliases (new_id);

-- Who was erased, as each partition's log says, and up to when: events dated up to then are dropped (docs/adr/0010).
-- subject: of the id, the first 16 bytes of the SHA-256 of "telefact", "erased" and the id, each on a line.
CREATE TABLE :schema.tombstones (
    partition integer NOT NULL,
    subject   uuid    NOT NULL,
    until_ms  bigint  NOT NULL,
    PRIMARY KEY (partition, subject)
);

-- All-time totals, one row for each partition (its writer) and class of chats (0: id 0, 1: users, 2: groups).
CREATE TABLE :schema.totals (
    partition   integer  NOT NULL,
    chat_class  smallint NOT NULL,
    chats       bigint   NOT NULL DEFAULT 0,
    videos      bigint   NOT NULL DEFAULT 0,
    images      bigint   NOT NULL DEFAULT 0,
    video_users bigint   NOT NULL DEFAULT 0,
    image_users bigint   NOT NULL DEFAULT 0,
    music       bigint   NOT NULL DEFAULT 0,
    music_users bigint   NOT NULL DEFAULT 0,
    file_modes  bigint   NOT NULL DEFAULT 0,
    PRIMARY KEY (partition, chat_class)
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 50, autovacuum_vacuum_scale_factor = 0);

-- The same by time: level 1: hours, 2: days, 3: 32 days; bucket = unix seconds / length of the level's bucket. chats by
-- registered_at; videos, images, music by downloaded_at; *_users: users whose *last* such fact lies in the bucket, so
-- the users active since a moment are a sum too. What has no time is in no bucket. A row of zeros is deleted.
CREATE TABLE :schema.buckets (
    level       smallint NOT NULL,
    bucket      bigint   NOT NULL,
    partition   integer  NOT NULL,
    chat_class  smallint NOT NULL,
    chats       bigint   NOT NULL DEFAULT 0,
    videos      bigint   NOT NULL DEFAULT 0,
    images      bigint   NOT NULL DEFAULT 0,
    video_users bigint   NOT NULL DEFAULT 0,
    image_users bigint   NOT NULL DEFAULT 0,
    music       bigint   NOT NULL DEFAULT 0,
    music_users bigint   NOT NULL DEFAULT 0,
    PRIMARY KEY (level, bucket, partition, chat_class)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.05);

-- Registered chats by language. A row of zero is deleted.
CREATE TABLE :schema.langs (
    partition integer NOT NULL,
    lang      text COLLATE "C" NOT NULL,
    chats     bigint  NOT NULL,
    PRIMARY KEY (partition, lang)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 50, autovacuum_vacuum_scale_factor = 0);

-- Registered chats by referral link: the one table whose rows all writers share, because it must be ranked; written
-- last before COMMIT, in order of the links. A row of zero is deleted. A link is at most 2,048 bytes, which an index
-- row (2,704) always holds.
CREATE TABLE :schema.referrals (
    link  text COLLATE "C" PRIMARY KEY,
    chats bigint NOT NULL
) WITH (fillfactor = 70);

-- The 16 users of each partition with most videos (ties: pseudonyms of erased people, then the smaller id). Counts only
-- grow, so who falls out comes back only by a video of its own.
CREATE TABLE :schema.top_users (
    partition integer NOT NULL,
    user_id   bigint  NOT NULL,
    videos    bigint  NOT NULL,
    PRIMARY KEY (partition, user_id)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 50, autovacuum_vacuum_scale_factor = 0);
