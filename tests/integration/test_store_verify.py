"""`telefact-store verify`: nothing differs after a varied history, and each planted error is found by its check alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.servers import Servers
from tests.integration.store_command import Ended, run_store
from tests.integration.store_log import (
    BOT_ID, Event, Log, connected, make, rows, seen, store, video, wait_applied,
)
from tests.property.histories import LARGE, WIDE, history_of
from tests.support.oracle.check_log import as_proto

CHECKS = Path(__file__).resolve().parents[2] / "services" / "store" / "postgres" / "checks"
NOW_MS = 1_760_000_000_000
BASE = "t_store_verify"
PEOPLE, GROUP = range(5_000_000_001, 5_000_000_021), -77_000_001  # who is erased
PSEUDONYM = "abs(user_id::numeric) BETWEEN 2::numeric ^ 62 AND 2::numeric ^ 62 + 2::numeric ^ 61 - 1"

_ONE = "(SELECT ctid FROM {table} {where} LIMIT 1)"


def _one(table: str, change: str, where: str = "") -> str:
    """Change one row."""
    return f"UPDATE {table} SET {change} WHERE ctid = {_ONE.format(table=table, where=where)}"


_FREE_PLACE = """
CREATE TEMP TABLE place AS
SELECT partition, (partition::bigint << 48) + (place << 4) AS pk_id
FROM g1.fence, generate_series(0, next_offset - 1) AS place
WHERE partition = (SELECT max(partition) FROM g1.fence) AND NOT EXISTS (
    SELECT FROM (SELECT pk_id FROM g1.videos UNION ALL SELECT pk_id FROM g1.music) AS facts
    WHERE facts.pk_id = (partition::bigint << 48) + (place << 4))
LIMIT 1;
"""

_ADD_SOUND = """
INSERT INTO g1.music (event_id, pk_id, user_id, video_id)
SELECT '00000000-0000-0000-0000-000000000001', pk_id, user_id, 1 FROM place, chat;
INSERT INTO g1.totals AS kept (partition, chat_class, music, music_users) SELECT partition, 1, 1, 1 FROM place
ON CONFLICT (partition, chat_class) DO UPDATE SET music = kept.music + 1, music_users = kept.music_users + 1;
"""

PLANTED = {
    "aliases": "INSERT INTO g1.aliases SELECT old_id, -4242, partition FROM g1.aliases WHERE old_id > -100000 LIMIT 1",
    "buckets_chats": """
        UPDATE g1.buckets AS kept SET chats = kept.chats + 1
        FROM (SELECT * FROM g1.buckets WHERE level = 1 AND chats > 0 LIMIT 1) AS one
        WHERE kept.partition = one.partition AND kept.chat_class = one.chat_class
            AND kept.bucket = one.bucket / CASE kept.level WHEN 1 THEN 1 WHEN 2 THEN 24 ELSE 768 END""",
    "buckets_facts": _one("g1.buckets", "videos = videos + 1", "WHERE level = 2"),
    "buckets_levels": """
        CREATE TEMP TABLE one AS SELECT * FROM g1.buckets WHERE level = 2 AND chats > 0 AND videos > 0 LIMIT 1;
        UPDATE g1.buckets AS kept SET chats = kept.chats - 1 FROM one WHERE kept.level = 2
            AND (kept.bucket, kept.partition, kept.chat_class) = (one.bucket, one.partition, one.chat_class);
        INSERT INTO g1.buckets AS kept (level, bucket, partition, chat_class, chats)
        SELECT level, bucket, (partition + 1) % 4, chat_class, 1 FROM one
        ON CONFLICT (level, bucket, partition, chat_class) DO UPDATE SET chats = kept.chats + 1""",
    "buckets_users": _one("g1.buckets", "music_users = music_users + 1", "WHERE level = 3"),
    "dead_letters": _one("telefact.dead_letters", "decision = 'dropped'"),
    "erased_facts": """
        INSERT INTO g1.tombstones SELECT pk_id >> 48, encode(substring(sha256(convert_to(
            E'telefact\\nerased\\n' || user_id, 'UTF8')) FROM 1 FOR 16), 'hex')::uuid, downloaded_at * 1000 + 999
        FROM g1.videos WHERE downloaded_at > 0 AND user_id BETWEEN 1 AND 100000 ORDER BY downloaded_at LIMIT 1""",
    "event_ids": "INSERT INTO g1.applied SELECT event_id FROM g1.videos LIMIT 1",
    "fact_partitions": _FREE_PLACE + """
        CREATE TEMP TABLE chat AS SELECT user_id FROM g1.videos, place
        WHERE user_id BETWEEN 1 AND 100000 AND videos.pk_id >> 48 < partition LIMIT 1;
        UPDATE g1.users SET music = music + 1 FROM chat WHERE users.user_id = chat.user_id;
        """ + _ADD_SOUND,
    "fact_users": _FREE_PLACE + "CREATE TEMP TABLE chat AS SELECT 987654321987 AS user_id;" + _ADD_SOUND,
    "fact_values": _one("g1.music", "pk_id = pk_id + 1"),
    "fence_dead_letters": _one("telefact.dead_letters", "\"offset\" = 1000000"),
    "fence_facts": _one("g1.music", "pk_id = (pk_id >> 48 << 48) + (1000000 << 4)"),
    "fence_fingerprints": _one("g1.fence", "last_hash = ''", "WHERE next_offset > 0"),
    "fences": "DELETE FROM g1.fence WHERE partition = 1",
    "langs": """
        UPDATE g1.langs AS kept SET chats = kept.chats + change
        FROM (SELECT partition, lang, 3 - 2 * row_number() OVER (ORDER BY chats) AS change
              FROM (SELECT * FROM g1.langs WHERE partition = 0 ORDER BY chats DESC LIMIT 2) AS two) AS changes
        WHERE kept.partition = changes.partition AND kept.lang = changes.lang""",
    "negative_counters": _one("g1.users", "ad_count = -1"),
    "pk_ids": """
        UPDATE g1.music SET pk_id = (SELECT max(pk_id) FROM g1.videos WHERE videos.pk_id >> 48 = music.pk_id >> 48)
        WHERE ctid = (SELECT ctid FROM g1.music LIMIT 1)""",
    "profile_users": _one("g1.profiles", "first_ms = 1, created_at = to_timestamp(0.001)", "WHERE first_ms > 1000000"),
    "profiles": _one("g1.profiles", "settings = '[]'"),
    "referrals": _one("g1.referrals", "chats = chats + 1"),
    "top_users": "DELETE FROM g1.top_users WHERE ctid = (SELECT ctid FROM g1.top_users LIMIT 1)",
    "totals_chats": _one("g1.totals", "file_modes = file_modes + 1"),
    "totals_facts": _one("g1.totals", "images = images + 1"),
    "totals_langs": "UPDATE g1.totals SET chats = chats + 1 - 2 * partition WHERE partition < 2 AND chat_class = 1",
    "user_counts": _one("g1.users", "images = images + 1"),
    "user_times": _one("g1.users", "last_music_at = last_music_at + 1", "WHERE last_music_at > 0"),
    "users": _one("g1.users", "first_event = NULL", "WHERE NOT is_stub"),
    "views": "CREATE OR REPLACE VIEW tt.music AS SELECT 0::bigint AS pk_id, 0::bigint AS user_id, "
             "0::bigint AS downloaded_at, 0::bigint AS video_id",
    "zero_rows": "INSERT INTO g1.langs VALUES (0, 'xx', 0)",
}
"""For each check an error that no other one sees."""


def _verify(binaries: Path, url: str, *words: str) -> Ended:
    return run_store(binaries, {"STORE_BOT_ID": str(BOT_ID), "STORE_DATABASE_URL": url}, "verify", *words)


def _json(ended: Ended) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(ended.out)
    return report


def _active(chat: int, n: int, time_ms: int) -> list[Event]:
    """What makes a chat one of the most active ones."""
    videos = [video(chat, f"{chat} {time_ms} {i}", time_ms=time_ms) for i in range(60 - n)]
    return [seen(chat, f"{chat} {time_ms}", source=1, link="gone", time_ms=time_ms), *videos]


def _erase_some(log: Log) -> int:
    """People and a group that moved are erased, records of theirs come again, and some ids are used again; all records."""
    before = [make("chat_migrated", "moved", old_id=GROUP, new_id=GROUP - 1, time_ms=NOW_MS)]
    before += [event for n, chat in enumerate((*PEOPLE, GROUP)) for event in _active(chat, n, NOW_MS)]
    log.put(before)
    erasures = sum(log.erase(chat, NOW_MS + 1000) for chat in (*PEOPLE, GROUP))
    after = before + [event for n, chat in enumerate((*PEOPLE[:3], GROUP)) for event in _active(chat, n, NOW_MS + 2000)]
    log.put(after)
    return len(before) + erasures + len(after)


@pytest.fixture(scope="module")
def built(servers: Servers, binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database that a store filled from varied histories, dead letters among them. It stays as it is."""
    log, url = Log(servers.kafka_bootstrap, "t.store_verify"), servers.create_database(BASE)
    events = [event for seed, size in (("verify", LARGE), ("verify 2", WIDE), ("verify 3", WIDE))
              for event in history_of(seed, size, NOW_MS)]
    log.put([as_proto(BOT_ID, event, event.occurred_at_ms or 0) for event in events])
    count = len(events) + _erase_some(log)
    log.put_raw([(f"{BOT_ID}:1".encode(), b"\xff"), (b"other", video(3, "x").SerializeToString())])

    async def fill() -> None:
        async with store(log, url, binaries, tmp_path_factory.mktemp("store_verify"),
                         STORE_DEAD_LETTERS_PER_1000="1000"):
            with connected(url) as database:
                wait_applied(database, count + 2)

    asyncio.run(fill())
    return url


@pytest.fixture
def copy(built: str, servers: Servers, name: str) -> Iterator[str]:
    """A copy of it to spoil."""
    servers.postgres.query(f"CREATE DATABASE t_{name} TEMPLATE {BASE} OWNER telefact")
    yield servers.postgres.url(f"t_{name}")
    servers.postgres.query(f"DROP DATABASE t_{name}")


def test_nothing_differs_after_a_varied_history(built: str, binaries: Path) -> None:
    ended = _verify(binaries, built)
    assert (ended.code, ended.out.count("WRONG")) == (0, 0), ended
    assert ended.out.startswith(f"bot {BOT_ID}, generation 1, position 0:")
    assert ended.out.endswith(f"{len(PLANTED)} checks, 0 found differences\n")
    assert ended.err.count("msg=checked") == len(PLANTED)
    with connected(built) as database:  # it is a history with something for every check
        for table in ("aliases", "videos", "music", "applied", "profiles", "langs", "referrals", "buckets", "totals",
                      "tombstones"):
            assert rows(database, f"SELECT count(*) > 3 FROM g1.{table}") == [(True,)], table
        assert rows(database, "SELECT count(*) FROM telefact.dead_letters") == [(2,)]
        assert rows(database, "SELECT count(*) > 16 FROM g1.top_users") == [(True,)]
        for table in ("users", "videos", "top_users"):
            assert rows(database, f"SELECT count(*) > 3 FROM g1.{table} WHERE {PSEUDONYM}") == [(True,)], table


def test_an_error_is_planted_for_every_check(built: str, binaries: Path) -> None:
    checks = [check["name"] for check in _json(_verify(binaries, built, "--json"))["checks"]]
    assert checks == sorted(PLANTED) == sorted(path.stem for path in CHECKS.glob("*.sql"))


@pytest.mark.parametrize("check", PLANTED)
def test_a_planted_error_is_found_by_its_check_alone(copy: str, binaries: Path, check: str) -> None:
    with connected(copy) as database:
        database.execute(PLANTED[check])  # type: ignore[call-overload]
        links = {link for (link,) in rows(database, "SELECT link FROM g1.referrals") if len(link) > 3}
    ended = _verify(binaries, copy, "--json")
    report = _json(ended)
    found = {each["name"]: each for each in report["checks"] if each["differences"]}
    assert list(found) == [check], found
    assert (ended.code, report["wrong"], report["complete"]) == (1, 1, True)
    assert 1 <= len(found[check]["examples"]) == min(5, found[check]["differences"])
    assert not [link for link in links if link in ended.out]


def test_the_lines_for_people_name_what_differs(copy: str, binaries: Path) -> None:
    with connected(copy) as database:
        database.execute("UPDATE g1.users SET ad_count = -1 WHERE user_id > 0")
        (count,) = rows(database, "SELECT count(*) FROM g1.users WHERE user_id > 0")[0]
    ended = _verify(binaries, copy)
    assert ended.code == 1
    at = ended.out.splitlines().index("WRONG negative_counters: no counter is below 0")
    lines = ended.out.splitlines()[at + 1 : at + 8]
    assert lines[0] == f"      {count} rows differ, among them"
    assert all(json.loads(line)["table"] == "users" for line in lines[1:6])
    assert lines[6].startswith("ok    pk_ids: ")


def test_what_cannot_be_verified_is_said(built: str, binaries: Path, database_url: str) -> None:
    assert _verify(binaries, built, "--generation", "1").code == 0
    for words, code, says in ((("--generation", "7"), 1, "there is no generation 7"),
                              (("--generation", "0"), 64, "--generation: a number from 1 on"),
                              (("--fast",), 64, "verify --help"), (("g1",), 64, "too much")):
        ended = _verify(binaries, built, *words)
        assert (ended.code, ended.out) == (code, ""), ended
        assert says in ended.err
    ended = _verify(binaries, database_url, "--json")
    assert (ended.code, ended.out) == (1, "")
    assert "telefact-store migrate" in ended.err
    assert run_store(binaries, {}, "verify").code == 78
    assert run_store(binaries, {}, "verify", "--help").out.startswith("usage: telefact-store verify")
