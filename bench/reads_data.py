"""The same history twice in one database: as TT-Bot's tables (schema tt_bot) and as a generation of ours (g1).

Videos come at a constant rate, ten a minute, so more of them are a longer history; one chat for ten videos, skewed
(u^4), one of ten a group; a sound for every fifth video. Everything follows from the size.
"""

from __future__ import annotations

import psycopg

END_S = 1_790_000_000
VIDEO_EVERY_S = 6
PARTITIONS = 12

# As SQLAlchemy makes them from TT-Bot's models.
_TT_BOT = """
CREATE SCHEMA tt_bot;
CREATE TABLE tt_bot.users (user_id bigserial NOT NULL PRIMARY KEY, registered_at bigint, lang varchar NOT NULL, link varchar,
    file_mode boolean NOT NULL, ad_count integer NOT NULL, ad_cooldown bigint NOT NULL);
CREATE TABLE tt_bot.videos (pk_id bigserial NOT NULL PRIMARY KEY, user_id bigint NOT NULL, downloaded_at bigint,
    video_link varchar NOT NULL, is_images boolean NOT NULL, is_processed boolean NOT NULL, is_inline boolean NOT NULL);
CREATE TABLE tt_bot.music (pk_id bigserial NOT NULL PRIMARY KEY, user_id bigint NOT NULL, downloaded_at bigint,
    video_id bigint NOT NULL);
"""

_ID = "(CASE WHEN n % 10 = 0 THEN -1000000000000 - n ELSE 10000000 + n END)"

_FILL_TT_BOT = """
SELECT setseed(0.5);
INSERT INTO tt_bot.users SELECT {id}, {begin} + (random() * ({end} - {begin}))::bigint,
    (ARRAY['en','en','en','ru','ru','uk','ar','hi','id','so','vi'])[1 + floor(random() * 11)],
    CASE WHEN random() < 0.3 THEN 'ref_' || floor(5000 * random() ^ 3)::int END, random() < 0.05,
    floor(random() * 5)::int, CASE WHEN random() < 0.5 THEN 0 ELSE {end} - (random() * 200000)::bigint END
    FROM generate_series(0, {users} - 1) AS n;
INSERT INTO tt_bot.videos SELECT i, {id}, {begin} + i * {every} + floor(random() * {every})::bigint,
    'https://www.tiktok.com/@u/video/' || 7000000000000000000 + i, i % 7 = 0, false, i % 11 = 0
    FROM (SELECT i, floor({users} * random() ^ 4)::bigint AS n FROM generate_series(0, {videos} - 1) AS i) AS drawn;
INSERT INTO tt_bot.music SELECT i, {id}, {begin} + i * {every} * 5, 7000000000000000000 + i
    FROM (SELECT i, floor({users} * random() ^ 4)::bigint AS n FROM generate_series(0, {videos} / 5 - 1) AS i) AS drawn;
ANALYZE tt_bot.users, tt_bot.videos, tt_bot.music;
"""

_PARTITION = f"(abs(user_id) / 7 % {PARTITIONS})::int"
_CLASS = "(CASE WHEN user_id > 0 THEN 1 WHEN user_id < 0 THEN 2 ELSE 0 END)::smallint"
_EVENT = "(lpad(to_hex(pk_id), 16, '0') || substr(md5(pk_id::text), 1, 16))::uuid"
_PK = f"{_PARTITION}::bigint << 48 | pk_id << 4"

# What the store would have written, counted in the plainest way.
_FILL_OURS = f"""
INSERT INTO g1.videos SELECT {_EVENT}, {_PK}, user_id, downloaded_at, video_link, is_images, is_processed, is_inline, 1
    FROM tt_bot.videos ORDER BY pk_id;
INSERT INTO g1.music SELECT {_EVENT}, {_PK}, user_id, downloaded_at, video_id FROM tt_bot.music ORDER BY pk_id;
INSERT INTO g1.users (user_id, registered_at, lang, link, file_mode, ad_count, ad_cooldown, is_stub, first_ms,
        first_update, first_event, videos, images, last_video_at, last_image_at, music, last_music_at)
    SELECT user_id, registered_at, lang, link, file_mode, ad_count, ad_cooldown, false, registered_at * 1000, 1,
        md5(user_id::text)::uuid, coalesce(v.count, 0), coalesce(images, 0), last, last_image, coalesce(m.count, 0), last_music
    FROM tt_bot.users LEFT JOIN (SELECT user_id, count(*), count(*) FILTER (WHERE is_images) AS images,
            max(downloaded_at) AS last, max(downloaded_at) FILTER (WHERE is_images) AS last_image
            FROM tt_bot.videos GROUP BY user_id) AS v USING (user_id)
        LEFT JOIN (SELECT user_id, count(*), max(downloaded_at) AS last_music FROM tt_bot.music GROUP BY user_id) AS m
            USING (user_id);
INSERT INTO g1.profiles (id, username, first_name, created_at, first_ms, first_update, first_event)
    SELECT user_id, 'u' || user_id, 'User ' || user_id, to_timestamp(registered_at), registered_at * 1000, 1,
        md5(user_id::text)::uuid FROM tt_bot.users WHERE user_id > 0;
INSERT INTO g1.totals SELECT {_PARTITION}, {_CLASS}, count(*), sum(videos), sum(images), count(*) FILTER (WHERE videos > 0),
    count(*) FILTER (WHERE images > 0), sum(music), count(*) FILTER (WHERE music > 0), count(*) FILTER (WHERE file_mode)
    FROM g1.users GROUP BY 1, 2;
INSERT INTO g1.langs SELECT {_PARTITION}, lang, count(*) FROM g1.users GROUP BY 1, 2;
INSERT INTO g1.referrals SELECT link, count(*) FROM g1.users WHERE link IS NOT NULL GROUP BY 1;
INSERT INTO g1.top_users SELECT partition, user_id, videos FROM (SELECT {_PARTITION} AS partition, user_id, videos,
    row_number() OVER (PARTITION BY {_PARTITION} ORDER BY videos DESC, user_id) FROM g1.users WHERE videos > 0) AS ranked
    WHERE row_number <= 16;
CREATE TEMP TABLE hours AS SELECT hour, partition, chat_class, sum(chats) AS chats, sum(videos) AS videos,
    sum(images) AS images, sum(video_users) AS video_users, sum(image_users) AS image_users, sum(music) AS music,
    sum(music_users) AS music_users FROM (
    SELECT registered_at / 3600 AS hour, {_PARTITION} AS partition, {_CLASS} AS chat_class, count(*) AS chats, 0 AS videos,
        0 AS images, 0 AS video_users, 0 AS image_users, 0 AS music, 0 AS music_users FROM g1.users GROUP BY 1, 2, 3
    UNION ALL SELECT downloaded_at / 3600, {_PARTITION}, {_CLASS}, 0, count(*), count(*) FILTER (WHERE is_images), 0, 0, 0, 0
        FROM g1.videos GROUP BY 1, 2, 3
    UNION ALL SELECT downloaded_at / 3600, {_PARTITION}, {_CLASS}, 0, 0, 0, 0, 0, count(*), 0 FROM g1.music GROUP BY 1, 2, 3
    UNION ALL SELECT last_video_at / 3600, {_PARTITION}, {_CLASS}, 0, 0, 0, count(*), 0, 0, 0
        FROM g1.users WHERE videos > 0 GROUP BY 1, 2, 3
    UNION ALL SELECT last_image_at / 3600, {_PARTITION}, {_CLASS}, 0, 0, 0, 0, count(*), 0, 0
        FROM g1.users WHERE images > 0 GROUP BY 1, 2, 3
    UNION ALL SELECT last_music_at / 3600, {_PARTITION}, {_CLASS}, 0, 0, 0, 0, 0, 0, count(*)
        FROM g1.users WHERE music > 0 GROUP BY 1, 2, 3) AS part GROUP BY 1, 2, 3;
INSERT INTO g1.buckets SELECT level, hour / hours_of, partition, chat_class, sum(chats), sum(videos), sum(images),
    sum(video_users), sum(image_users), sum(music), sum(music_users)
    FROM hours, (VALUES (1::smallint, 1), (2::smallint, 24), (3::smallint, 768)) AS level (level, hours_of) GROUP BY 1, 2, 3, 4;
INSERT INTO g1.fence (partition, next_offset, cluster_id) SELECT n, 1000000, 'bench' FROM generate_series(0, {PARTITIONS} - 1) AS n;
"""


def fill_tt_bot(database: psycopg.Connection, videos: int, end_s: int = END_S) -> None:
    """Make and fill TT-Bot's tables."""
    values = {"id": _ID, "begin": end_s - videos * VIDEO_EVERY_S, "end": end_s, "users": videos // 10, "videos": videos,
              "every": VIDEO_EVERY_S}
    _run(database, _TT_BOT + _FILL_TT_BOT.format(**values))


def fill(database: psycopg.Connection, videos: int) -> None:
    """Fill both schemas of a migrated database; the connection is in autocommit mode."""
    for setting in ("synchronous_commit = off", "maintenance_work_mem = '1GB'", "work_mem = '256MB'",
                    "max_parallel_workers_per_gather = 0"):
        database.execute(f"SET {setting}")  # type: ignore[arg-type]
    fill_tt_bot(database, videos)
    indexes = [row[0] for row in database.execute(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'g1' AND tablename IN ('videos', 'music', 'users')"
        " AND indexdef NOT LIKE '%UNIQUE%'")]
    for index in indexes:
        database.execute(f"DROP INDEX g1.{index.split()[2]}")  # type: ignore[arg-type]
    _run(database, _FILL_OURS)
    for index in indexes:
        database.execute(index)  # type: ignore[arg-type]
    tables = database.execute("SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('g1', 'tt_bot')")
    for schema, table in tables.fetchall():
        database.execute(f"VACUUM (ANALYZE) {schema}.{table}")  # type: ignore[arg-type]
    database.execute("CHECKPOINT")


def _run(database: psycopg.Connection, script: str) -> None:
    for statement in script.split(";\n"):
        if statement.strip():
            database.execute(statement)  # type: ignore[arg-type]
