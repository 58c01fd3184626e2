"""`telefact-store dlq`: dead letters listed, shown, retried, dropped and exported; their bytes expire."""

from __future__ import annotations

import asyncio
import base64
import json
import stat
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition

from deploy.local.servers import Servers
from tests.integration.store_command import Ended, run_store
from tests.integration.store_log import (
    BOT_ID, TIME_MS, Event, Log, connected, environment, key_of, make, rows, seen, store, video, wait_applied, wait_for,
)
from tests.support.oracle import ids
from tests.support.processes import Service

DAY_MS = 86_400_000
TABLES = ("users", "profiles", "videos", "music", "applied", "totals", "buckets", "langs", "referrals", "top_users")
Database = psycopg.Connection[Any]
Letters = Callable[..., Ended]


@pytest.fixture
def letters(binaries: Path, database_url: str) -> Letters:
    """Runs dlq over a migrated database without a log."""
    settings = {"STORE_BOT_ID": str(BOT_ID), "STORE_DATABASE_URL": database_url}
    assert run_store(binaries, settings, "migrate").code == 0
    return lambda *words, **more: run_store(binaries, settings | more, "dlq", *words)


def _insert(database: Database, partition: int, offset: int, cause: str = "malformed", key: bytes | None = b"k",
            value: bytes | None = b"\xff", kind: str = "", event_id: bytes | None = None, record_ms: int = TIME_MS) -> None:
    database.execute(
        'INSERT INTO telefact.dead_letters (partition, "offset", event_id, kind, cause, detail, record_key, record_value, '
        "record_ms) VALUES (%s, %s, encode(%s, 'hex')::uuid, %s, %s, 'a detail', %s, %s, %s)",
        (partition, offset, event_id, kind, cause, key, value, record_ms))


def _places(ended: Ended) -> list[str]:
    return [line.split()[0] for line in ended.out.splitlines() if line[0].isdigit()]


# ---- without a log ----


def test_letters_are_listed_by_place_in_pages(letters: Letters, database_url: str) -> None:
    with connected(database_url) as database:
        for number in range(70):
            _insert(database, number % 2, number, "malformed" if number % 5 else "other_bot")
        database.execute("UPDATE telefact.dead_letters SET decision = 'dropped', decided_at = now() WHERE \"offset\" = 4")
    everything = [f"{p}:{n}" for p in range(2) for n in range(p, 70, 2) if n != 4]

    first = letters("list")
    assert (first.code, _places(first)) == (0, everything[:50])
    assert first.out.splitlines()[0] == "0:0  open  other_bot  -  -  2025-10-09T08:53:20.000Z  1 bytes"
    assert first.out.splitlines()[-1] == f"there are more: --from {everything[50]}"
    rest = letters("list", "--from", everything[50])
    assert _places(rest) == everything[50:] and "more" not in rest.out
    assert _places(letters("list", "--limit", "16")) == everything[:16]
    assert _places(letters("list", "--cause", "other_bot", "--partition", "1")) == [f"1:{n}" for n in range(5, 70, 10)]
    assert _places(letters("list", "--decision", "dropped")) == ["0:4"]
    assert len(_places(letters("list", "--decision", "any", "--limit", "1000"))) == 70
    objects = [json.loads(line) for line in letters("list", "--json", "--limit", "3").out.splitlines()]
    assert [(each["partition"], each["offset"]) for each in objects] == [(0, 0), (0, 2), (0, 6)]
    assert objects[0] == {
        "partition": 0, "offset": 0, "event_id": None, "kind": None, "cause": "other_bot", "detail": "a detail",
        "record_ms": TIME_MS, "traceparent": None, "decision": "open", "decided_at": None, "expired": False, "size": 1}
    assert letters("list", "--partition", "7").out == ""


def test_what_people_wrote_is_shown_only_when_it_is_asked_for(letters: Letters, database_url: str) -> None:
    event = seen(5, "shown", source=1, lang="uk", link="Ref\x07é")
    event.user_seen.personal.clear.first_name = "Nobody\u009b31m"
    with connected(database_url) as database:
        _insert(database, 3, 17, "wrong_partition", key_of(event), event.SerializeToString(), "user_seen", event.event_id)
        _insert(database, 3, 18)
    hidden, shown = letters("show", "3:17"), letters("show", "--reveal", "3:17")
    for ended in (hidden, shown):
        assert ended.code == 0
        for line in ("place: 3:17", "decision: open", "cause: wrong_partition", "detail: a detail", "kind: user_seen",
                     f"event_id: {_uuid(event)}", "record_time: 2025-10-09T08:53:20.000Z", "event user_seen",
                     "  user_id: 5", "  source: start", "  lang: uk", f"  occurred_at_ms: {TIME_MS}"):
            assert line in ended.out.splitlines(), line
    assert "Nobody" not in hidden.out and "Ref" not in hidden.out
    assert "  link: (6 bytes, not shown)" in hidden.out
    assert "  link: Ref\\x07é\n" in shown.out
    assert "  first_name: Nobody\\xc2\\x9b31m\n" in shown.out
    malformed = letters("show", "3:18")
    assert malformed.code == 0 and "event: not protobuf" in malformed.out
    missing = letters("show", "3:16")
    assert (missing.code, missing.out) == (1, "")
    assert "no dead letter at 3:16" in missing.err


def _uuid(event: Event) -> str:
    import uuid

    return str(uuid.UUID(bytes=event.event_id))


def test_an_export_loses_nothing(letters: Letters, database_url: str, work_dir: Path) -> None:
    event = video(5, "exported")
    with connected(database_url) as database:
        _insert(database, 0, 1, "wrong_key", b"\x00\xff\n", bytes(range(256)) * 300)
        _insert(database, 0, 2, key=b"", value=None)
        _insert(database, 1, 0, "wrong_partition", key_of(event), event.SerializeToString(), "video_downloaded",
                event.event_id)
        for number in range(40):
            _insert(database, 2, number, value=b"x" * number)
        database.execute("UPDATE telefact.dead_letters SET decision = 'retried', decided_at = now() WHERE partition = 1")
        expected = rows(database, 'SELECT partition, "offset", event_id::text, nullif(kind, \'\'), cause, detail, record_ms, '
                                  "decision, is_expired, record_key, record_value FROM telefact.dead_letters ORDER BY 1, 2")

    def read(text: str) -> list[tuple[Any, ...]]:
        names = ("partition", "offset", "event_id", "kind", "cause", "detail", "record_ms", "decision", "expired")
        return [(*(each[name] for name in names), _decoded(each["key"]), _decoded(each["value"]))
                for each in map(json.loads, text.splitlines())]

    assert read(letters("export").out) == expected
    path = work_dir / "letters.jsonl"
    ended = letters("export", "--output", str(path), "--partition", "1")
    assert (ended.code, ended.out) == (0, "")
    assert read(path.read_text()) == [row for row in expected if row[0] == 1]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = letters("export", "--output", str(path))
    assert again.code == 1 and "File exists" in again.err
    assert letters("export", "--output", "/dev/full").code == 1


def _decoded(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text, validate=True)


def test_dropping_is_decided_once_and_more_than_one_needs_a_yes(letters: Letters, database_url: str) -> None:
    with connected(database_url) as database:
        for number in range(40):
            _insert(database, 0, number, "malformed" if number < 35 else "other_bot")

        def decided() -> list[tuple[Any, ...]]:
            return rows(database, 'SELECT "offset", decision, decided_at FROM telefact.dead_letters '
                                  "WHERE decision <> 'open' ORDER BY 1")

        one = letters("drop", "0:3")
        assert (one.code, one.out) == (0, "0:3 dropped\n")
        first = decided()
        assert [row[:2] for row in first] == [(3, "dropped")] and first[0][2] is not None
        again = letters("drop", "0:3")
        assert again.code == 1 and again.out == "0:3 refused: dropped: it was decided on before, and stays so\n"
        assert decided() == first
        assert letters("drop", "0:99").out == "0:99 refused: unknown: there is no dead letter\n"
        for words in (("drop", "0:1", "0:2"), ("drop", "--all"), ("drop", "--cause", "malformed")):
            assert letters(*words).code == 64 and decided() == first
        assert letters("drop", "--yes", "0:1", "0:2").out == "0:1 dropped\n0:2 dropped\n"
        assert letters("drop", "--yes", "--cause", "malformed").out.count("dropped\n") == 32
        assert letters("drop", "--yes", "--all").out.count("dropped\n") == 5
        assert [row[0] for row in decided()] == list(range(40))
        assert letters("drop", "--yes", "--all").out == ""


def test_wrong_words_and_missing_settings_are_refused(letters: Letters, binaries: Path) -> None:
    for words in ((), ("open",), ("list", "3:1"), ("list", "--yes"), ("list", "--limit", "0"), ("list", "--limit", "x"),
                  ("list", "--decision", "gone"), ("list", "--from", "3"), ("list", "--partition", "-1"), ("show",),
                  ("show", "1:2", "1:3"), ("show", "1:-2"), ("show", "--json", "1:2"), ("retry",), ("drop",),
                  ("retry", "1:2", "--all"), ("retry", "--all", "--cause", "bad_row"), ("retry", ":2"), ("export", "1:2"),
                  ("drop", "--force", "1:2"), ("retry", "1:99999999999999999999")):
        ended = letters(*words)
        assert (ended.code, ended.out) == (64, ""), words
        assert ended.err
    assert letters("--help").code == letters("retry", "--help").code == 0
    assert "telefact-store dlq list" in letters("list", "-h").out
    assert run_store(binaries, {}, "dlq", "list").code == 78
    without_kafka = letters("retry", "1:2")
    assert without_kafka.code == 78 and "STORE_KAFKA_BOOTSTRAP_SERVERS" in without_kafka.err


# ---- with a log ----


class Bench:
    """A log, a database, the store between them and the command."""

    def __init__(self, log: Log, url: str, binaries: Path, work_dir: Path) -> None:
        self.log, self.url, self.binaries, self.work_dir = log, url, binaries, work_dir
        self.starts = 0

    def dlq(self, *words: str) -> Ended:
        return run_store(self.binaries, environment(self.log, self.url, 1), "dlq", *words)

    @asynccontextmanager
    async def running(self, url: str | None = None) -> AsyncIterator[Service]:
        """A store that goes on where the last one stopped."""
        self.starts += 1
        service = store(self.log, url or self.url, self.binaries, self.work_dir, f"store-{self.starts}",
                        STORE_DEAD_LETTERS_PER_1000="1000",
                        STORE_KAFKA_GROUP_ID=f"{self.log.prefix}-{self.starts}")
        async with service:
            yield service

    def apply(self, count: int, url: str | None = None) -> None:
        """Until so many records are applied."""

        async def body() -> None:
            async with self.running(url):
                with connected(url or self.url) as database:
                    wait_applied(database, count)

        asyncio.run(body())

    def put_wrong(self, events: list[Event]) -> list[str]:
        """Events where murmur2 of their keys does not put them; their places."""
        places = []
        for event in events:
            right = self.log.put([make("ad_counted", f"right {event.event_id.hex()}", user_id=event_subject(event))])[0][0]
            (place,) = self.log.put_raw([(key_of(event), event.SerializeToString())],
                                        partition=(right + 1) % self.log.partitions)
            places.append(f"{place[0]}:{place[1]}")
        return places

    def records(self) -> dict[int, list[Any]]:
        """Everything in the log, by partition."""
        consumer = Consumer({"bootstrap.servers": self.log.bootstrap, "group.id": "look", "enable.auto.commit": False})
        found: dict[int, list[Any]] = {}
        try:
            for partition in range(self.log.partitions):
                _, end = consumer.get_watermark_offsets(TopicPartition(self.log.topic, partition), 30)
                consumer.assign([TopicPartition(self.log.topic, partition, 0)])
                found[partition] = []
                while len(found[partition]) < end:
                    message = consumer.poll(30)
                    assert message is not None and message.error() is None
                    found[partition].append(message)
        finally:
            consumer.close()
        return found


def event_subject(event: Event) -> int:
    return int(getattr(event, event.WhichOneof("payload")).user_id)


@pytest.fixture
def bench(servers: Servers, topic_prefix: str, database_url: str, binaries: Path, work_dir: Path) -> Bench:
    return Bench(Log(servers.kafka_bootstrap, topic_prefix), database_url, binaries, work_dir)


def _content(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    return {table: sorted(rows(database, f"SELECT * FROM g1.{table}"), key=repr) for table in TABLES}


def test_a_retry_is_applied_once_however_often_it_is_pressed(bench: Bench, servers: Servers, name: str) -> None:
    start = seen(6, "start", source=1, lang="uk", link="ref")
    start.user_seen.personal.clear.first_name = "Name"
    wrong = [video(5, "video"), start, make("music_extracted", "music", user_id=5, video_id=9)]
    places = bench.put_wrong(wrong)
    bench.apply(6)
    with connected(bench.url) as database:
        assert rows(database, "SELECT count(*) FROM g1.videos") == [(0,)]
        first = bench.dlq("retry", *places)
        assert (first.code, first.out) == (0, "".join(f"{place} retried\n" for place in places))
        assert "position=" in first.err
        bench.apply(9)
        assert rows(database, "SELECT user_id, videos, music FROM g1.users ORDER BY 1") == [(5, 1, 1), (6, 0, 0)]
        assert rows(database, "SELECT first_name FROM core.users") == [("Name",)]
        applied_once = _content(database)
        assert rows(database, "SELECT decision, decided_at IS NULL FROM telefact.dead_letters") == [("retried", False)] * 3

        again = bench.dlq("retry", *places)
        assert again.code == 1 and again.out.count("refused: retried: it was decided on before") == 3
        assert bench.dlq("retry", "--all").out == ""
        assert sum(map(len, bench.records().values())) == 9
        # As if it had been killed between the records and the decision.
        database.execute("UPDATE telefact.dead_letters SET decision = 'open', decided_at = NULL")
        assert bench.dlq("retry", "--cause", "wrong_partition").out.count("retried") == 3
        bench.apply(12)
        assert _content(database) == applied_once
        assert rows(database, "SELECT count(*) FROM telefact.dead_letters") == [(3,)]

    found = [message for messages in bench.records().values() for message in messages if message.headers()]
    assert {(message.key(), message.value()) for message in found} == {
        (key_of(event), event.SerializeToString()) for event in wrong}
    assert {dict(message.headers())["ce_type"] for message in found} == {
        f"telefact.event.v1.{kind}".encode() for kind in ("video_downloaded", "user_seen", "music_extracted")}
    assert {dict(message.headers())["ce_id"] for message in found} == {event.event_id.hex().encode() for event in wrong}

    rebuilt = servers.create_database(f"t_{name}_rebuilt")
    bench.apply(12, rebuilt)
    with connected(rebuilt) as database:
        assert _content(database) == applied_once
        assert rows(database, "SELECT decision FROM telefact.dead_letters") == [("open",)] * 3


def test_a_letter_keeps_the_trace_of_its_request(bench: Bench) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    traceparent = f"00-{trace_id}-b7ad6b7169203331-01"
    event = video(5, "traced")
    key = key_of(event)
    wrong = (ids.partition_of(key, bench.log.partitions) + 1) % bench.log.partitions
    ((_, offset),) = bench.log.put_raw([(key, event.SerializeToString())], wrong, {"traceparent": traceparent})
    bench.log.put_raw([(b"odd", b"\xff")], wrong, {"traceparent": traceparent.upper()})
    bench.apply(2)
    log = (bench.work_dir / "store-1.log").read_text()
    place = f"{wrong}:{offset}"
    with connected(bench.url) as database:
        assert rows(database, "SELECT cause, traceparent FROM telefact.dead_letters ORDER BY 1") == [
            ("malformed", None), ("wrong_partition", traceparent)]
    assert log.count("trace_id=") == 1
    (line,) = [line for line in log.splitlines() if "code=wrong_partition" in line]
    assert f"trace_id={trace_id}" in line
    assert f"\ntraceparent: {traceparent}\n" in bench.dlq("show", place).out
    assert bench.dlq("retry", place).code == 0
    headers = [dict(message.headers()) for messages in bench.records().values() for message in messages if message.headers()]
    assert [each["traceparent"] for each in headers if "ce_id" in each] == [traceparent.encode()]


def test_a_dropped_letter_stays_dropped_when_everything_is_built_again(bench: Bench) -> None:
    places = bench.put_wrong([video(5, "dropped"), video(6, "kept open")])
    bench.log.put_raw([(f"{BOT_ID}:1".encode(), b"\xff")], partition=0)
    bench.apply(5)
    assert bench.dlq("drop", places[0]).code == 0
    with connected(bench.url) as database:
        letters_sql = "SELECT * FROM telefact.dead_letters ORDER BY 1, 2"
        before, content = rows(database, letters_sql), _content(database)
        for table in (*TABLES, "aliases", "fence"):
            database.execute(f"TRUNCATE g1.{table}")  # type: ignore[call-overload]
        bench.apply(5)
        assert _content(database) == content
        assert rows(database, letters_sql) == before
        assert rows(database, "SELECT count(*) FROM telefact.dead_letters WHERE decision = 'dropped'") == [(1,)]
        refused = bench.dlq("retry", places[0])
        assert refused.code == 1 and "refused: dropped:" in refused.out
        assert bench.dlq("retry", "--force", places[0]).out == f"{places[0]} retried\n"
        bench.apply(6)
        assert rows(database, "SELECT user_id FROM g1.videos") == [(5,)]


def test_what_would_be_refused_again_is_not_retried(bench: Bench) -> None:
    other_bot = make("ad_counted", "p2", user_id=3, bot_id=BOT_ID + 1)
    bad_patch = make("user_settings_patched", "p3", user_id=3, merge_patch=b"[1]")
    newer = make("ad_counted", "newer", user_id=1)
    newer.ClearField("ad_counted")
    records: list[tuple[bytes, bytes | None]] = [
        (f"{BOT_ID}:1".encode(), b"\xff\xff"), (f"{BOT_ID}:2".encode(), None),
        (b"other" * 20, video(3, "p1").SerializeToString()),
        (key_of(other_bot), other_bot.SerializeToString()), (key_of(bad_patch), bad_patch.SerializeToString())]
    places = [f"{partition}:{offset}" for partition, offset in bench.log.put_raw(records)]
    bench.apply(5)
    with connected(bench.url) as database:
        _insert(database, 0, 1_000, "malformed", f"{BOT_ID}:1".encode(), newer.SerializeToString() + b"\x82\x06\x00")
        ended = bench.dlq("retry", "--all")
        lines = sorted(ended.out.splitlines())
        assert ended.code == 1
        causes = ["malformed", "malformed", "wrong_key", "other_bot", "bad_patch", "unknown_payload"]
        assert [line.split(": ")[:2] for line in lines] == sorted(
            [f"{place} refused", cause] for place, cause in zip([*places, "0:1000"], causes, strict=True))
        assert all(len(line.split(": ", 2)[2]) > 10 for line in lines)  # and why
        assert rows(database, "SELECT count(*) FROM telefact.dead_letters WHERE decision = 'open'") == [(6,)]
        assert sum(map(len, bench.records().values())) == 5

        forced = bench.dlq("retry", "--force", places[0], places[1], places[2], "0:1000")
        assert forced.code == 1
        assert f"{places[0]} retried\n" in forced.out and f"{places[1]} retried\n" in forced.out
        assert f"{places[2]} refused: wrong_key: " in forced.out and "0:1000 refused: unknown_payload: " in forced.out
        bench.apply(7)  # the same cause comes again, at the new place
        assert rows(database, "SELECT decision, count(*) FROM telefact.dead_letters WHERE cause = 'malformed' "
                              'AND "offset" < 1000 GROUP BY 1 ORDER BY 1') == [("open", 2), ("retried", 2)]


def test_bytes_expire_by_the_time_of_their_record(bench: Bench) -> None:
    now_ms = time.time_ns() // 1_000_000
    old = video(5, "old")
    (place,) = bench.put_wrong([old])
    bench.apply(2)
    partition, offset = map(int, place.split(":"))
    with connected(bench.url) as database:
        database.execute('UPDATE telefact.dead_letters SET record_ms = %s WHERE partition = %s AND "offset" = %s',
                         (now_ms - 30 * DAY_MS - 1, partition, offset))
        _insert(database, 8, 1, "other_bot", record_ms=now_ms - 29 * DAY_MS)
        _insert(database, 8, 2, "invented", record_ms=now_ms - 365 * DAY_MS)
        database.execute('UPDATE telefact.dead_letters SET decision = \'dropped\', decided_at = now() WHERE "offset" = 2')

        async def body() -> None:
            async with bench.running() as service:
                wait_for("the old bytes are gone", lambda: rows(
                    database, "SELECT count(*) FROM telefact.dead_letters WHERE is_expired") == [(2,)])
                while (metrics := await service.metrics())["dlq_expired_total"] < 2:
                    await asyncio.sleep(0.05)
                assert metrics['dlq_open{cause="wrong_partition"}'] == metrics['dlq_open{cause="other_bot"}'] == 1
                assert metrics['dlq_open{cause="malformed"}'] == metrics['dlq_open{cause="other"}'] == 0
                assert 30 * 86_400 <= metrics["dlq_oldest_seconds"] < 31 * 86_400

        asyncio.run(body())
        assert rows(database, "SELECT is_expired, record_key IS NULL, record_value IS NULL, decision, cause "
                              "FROM telefact.dead_letters ORDER BY partition, \"offset\"") == [
            (True, True, True, "open", "wrong_partition"), (False, False, False, "open", "other_bot"),
            (True, True, True, "dropped", "invented")]
    for words in (("retry", place), ("retry", "--force", place)):
        ended = bench.dlq(*words)
        assert ended.code == 1 and ended.out.startswith(f"{place} refused: expired: its bytes have expired")
    assert "bytes: expired" in bench.dlq("show", place).out
    assert bench.dlq("list").out.splitlines()[0].endswith("  expired")
    assert bench.dlq("drop", place).code == 0
