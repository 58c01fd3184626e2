"""The store's write side against a real Kafka and a real PostgreSQL: rows, duplicates, dead letters, positions."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy.local.servers import Servers
from tests.integration.store_log import (
    BOT_ID, TIME_MS, Event, Log, applied, connected, event_id, key_of, make, rows, seen, store, video, wait_applied,
    wait_for,
)
from tests.support.processes import Service

Database = psycopg.Connection[Any]


class Bench:
    """A log, a database and the store between them."""

    def __init__(self, log: Log, url: str, binaries: Path, work_dir: Path) -> None:
        self.log, self.url, self.binaries, self.work_dir = log, url, binaries, work_dir
        self.count = 0

    def store(self, name: str = "store", **more: str) -> Service:
        return store(self.log, self.url, self.binaries, self.work_dir, name, **more)

    @asynccontextmanager
    async def running(self, **more: str) -> AsyncIterator[Service]:
        service = self.store(**more)
        await service.start()
        try:
            yield service
        finally:
            status = await service.stop()
        assert status == 0

    def log_text(self, name: str = "store") -> str:
        return (self.work_dir / f"{name}.log").read_text()


@pytest.fixture
def bench(servers: Servers, topic_prefix: str, database_url: str, binaries: Path, work_dir: Path) -> Bench:
    return Bench(Log(servers.kafka_bootstrap, topic_prefix), database_url, binaries, work_dir)


async def until_stopped(service: Service, reason: str, partitions: int) -> None:
    """Start it and wait for its alarm. It may be ready for the moment before."""
    with contextlib.suppress(Exception):
        await service.start(ready_s=3)
    for _ in range(100):
        if (await service.metrics())[f'partition_stopped{{reason="{reason}"}}'] == partitions:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"no alarm: {reason}")


def run(body: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(body())  # type: ignore[arg-type]


def totals(database: Database) -> tuple[Any, ...]:
    return rows(database, "SELECT sum(chats), sum(videos), sum(images), sum(video_users), sum(image_users), sum(music), "
                          "sum(music_users) FROM g1.totals")[0]


def recount(database: Database) -> tuple[Any, ...]:
    return rows(database, "SELECT count(*) FILTER (WHERE NOT is_stub), sum(videos), sum(images), "
                          "count(*) FILTER (WHERE videos > 0), count(*) FILTER (WHERE images > 0), sum(music), "
                          "count(*) FILTER (WHERE music > 0) FROM g1.users")[0]


def test_every_event_leaves_its_exact_rows(bench: Bench) -> None:
    async def body() -> None:
        start = seen(5, "start", source=1, lang="uk", link="Ref_é")
        start.user_seen.personal.clear.username = "nick"
        start.user_seen.personal.clear.first_name = "Ім'я 😀"
        events = [
            start,
            seen(-7, "group", lang="en", time_ms=0),
            seen(8, "message", source=3),
            make("user_lang_changed", "lang", user_id=9, lang="vi"),
            make("user_mode_changed", "mode", user_id=5, toggle=True),
            video(5, "video", is_images=True, is_processed=True, platform=1, platform_video_id=-(2**63)),
            make("video_downloaded", "long", user_id=-7, video_link="é" * 1024, is_inline=True, time_ms=0),
            make("music_extracted", "music", user_id=5, video_id=2**63 - 1),
            make("ad_shown", "shown", user_id=5, cooldown_s=60, count_after=4),
            make("ad_counted", "counted", user_id=5),
            make("user_blocked", "blocked", user_id=10, blocked=True),
            make("chat_migrated", "migrated", old_id=-7, new_id=-1007),
        ]
        places = bench.log.put(events)
        async with bench.running():
            with connected(bench.url) as database:
                wait_applied(database, len(events))
                second = TIME_MS // 1000
                assert rows(database, "SELECT * FROM tt.users ORDER BY user_id") == [
                    (-7, None, "en", None, False, 0, 0),
                    (5, second, "uk", "Ref_é", True, 5, second + 60),
                    (9, None, "vi", None, False, 0, 0),
                    (10, None, "en", None, False, 0, 0),
                ]
                assert rows(database, "SELECT user_id, is_stub, is_lang_set, is_blocked, first_event, videos, images, music "
                                      "FROM g1.users ORDER BY user_id") == [
                    (-7, False, False, False, _uuid("group"), 1, 0, 0),
                    (5, False, False, False, _uuid("start"), 1, 1, 1),
                    (9, True, True, False, None, 0, 0, 0),
                    (10, True, False, True, None, 0, 0, 0),
                ]
                pk = {i: partition << 48 | offset << 4 for i, (partition, offset) in enumerate(places)}
                assert rows(database, "SELECT * FROM tt.videos ORDER BY user_id") == [
                    (pk[6], -7, None, "é" * 1024, False, False, True),
                    (pk[5], 5, second, "https://v.example/1", True, True, False),
                ]
                assert rows(database, "SELECT platform, platform_video_id FROM g1.videos ORDER BY user_id") == [
                    (0, None), (1, -(2**63))]
                assert rows(database, "SELECT * FROM tt.music") == [(pk[7], 5, second, 2**63 - 1)]
                assert rows(database, "SELECT id, username, first_name, extract(epoch FROM created_at)::bigint, settings "
                                      "FROM core.users") == [(5, "nick", "Ім'я 😀", second, {})]
                assert rows(database, "SELECT * FROM g1.aliases") == [(-7, -1007, places[11][0])]
                assert {row[0] for row in rows(database, "SELECT event_id FROM g1.applied")} == {
                    _uuid(name) for name in ("lang", "mode", "shown", "counted", "blocked", "migrated")}
                assert totals(database) == recount(database) == (2, 2, 1, 2, 1, 1, 1)
                assert rows(database, "SELECT count(*) FROM telefact.dead_letters") == [(0,)]

    run(body)


def _uuid(name: object) -> Any:
    import uuid

    return uuid.UUID(bytes=event_id(name))


def _many(count: int, start: int = 0) -> list[Event]:
    """Events of every kind for some users, the same for the same numbers."""
    chance = random.Random(start)
    events = []
    for i in range(start, start + count):
        user = chance.choice([-40, 0, 1, 2, 3]) or chance.randrange(1, 300)
        kind = chance.randrange(6)
        events.append([
            lambda: video(user, i, is_images=i % 3 == 0), lambda: video(user, i),
            lambda: make("music_extracted", i, user_id=user, video_id=i),
            lambda: make("ad_counted", i, user_id=user),
            lambda: seen(user, i, lang="ru" if i % 2 else "en", time_ms=TIME_MS + i % 1000 * 1000),
            lambda: make("user_mode_changed", i, user_id=user, file_mode=bool(i % 2)),
        ][kind]())
    return events


def _check_counts(database: Database, events: list[Event]) -> None:
    """Per-user counters, facts and totals equal a count of the distinct events."""
    distinct = {event.event_id: event for event in events}.values()
    kinds = [event.WhichOneof("payload") for event in distinct]
    assert rows(database, "SELECT count(*) FROM g1.videos") == [(kinds.count("video_downloaded"),)]
    assert rows(database, "SELECT count(*) FROM g1.music") == [(kinds.count("music_extracted"),)]
    assert rows(database, "SELECT count(*) FROM g1.applied") == [
        (kinds.count("ad_counted") + kinds.count("user_mode_changed"),)]
    assert rows(database, "SELECT sum(ad_count) FROM g1.users") == [(kinds.count("ad_counted"),)]
    assert totals(database) == recount(database)
    assert rows(database, "SELECT sum(videos), sum(music) FROM g1.users") == [
        (kinds.count("video_downloaded"), kinds.count("music_extracted"))]


def test_duplicates_within_and_across_batches_count_once(bench: Bench) -> None:
    async def body() -> None:
        first, second = _many(3000), _many(3000, start=3000)
        bench.log.put(first + first[::2] + first)
        async with bench.running() as service:
            with connected(bench.url) as database:
                wait_applied(database, 7500)
                _check_counts(database, first)
                metrics = await service.metrics()
                assert metrics["duplicates_total"] > 0
        bench.log.put(second + first)  # the window of ids is empty after the restart: COPY meets the old ids
        async with bench.running() as service:
            with connected(bench.url) as database:
                wait_applied(database, 13500)
                _check_counts(database, first + second)
                assert (await service.metrics())['apply_retries_total{why="duplicate"}'] >= 1

    run(body)


def test_poison_becomes_dead_letters_among_good_events(bench: Bench) -> None:
    async def body() -> None:
        good = _many(400)
        poison: list[tuple[bytes, bytes | None]] = [
            (f"{BOT_ID}:1".encode(), b"\xff\xff"), (b"", b""), (f"{BOT_ID}:2".encode(), None),
            (b"other", video(3, "p1").SerializeToString()),
            (f"{BOT_ID + 1}:3".encode(), make("ad_counted", "p2", user_id=3, bot_id=BOT_ID + 1).SerializeToString()),
            (f"{BOT_ID}:4".encode(), make("ad_counted", "p3", user_id=4).SerializeToString()[:-2] + b"\x0a\xff"),
        ]
        bench.log.put(good[:200])
        places = bench.log.put_raw(poison)
        bench.log.put(good[200:])
        wrong = video(3, "p4")
        right = bench.log.put([video(3, "where")])[0][0]
        wrong_place = bench.log.put_raw([(key_of(wrong), wrong.SerializeToString())], partition=(right + 1) % 4)[0]
        async with bench.running(STORE_DEAD_LETTERS_PER_1000="1000") as service:
            with connected(bench.url) as database:
                wait_applied(database, 408)
                _check_counts(database, [*good, video(3, "where")])
                letters = {(p, o): (cause, key, value) for p, o, cause, key, value in rows(
                    database, 'SELECT partition, "offset", cause, record_key, record_value FROM telefact.dead_letters')}
                assert letters == {
                    place: (cause, key, value) for place, cause, (key, value) in zip(
                        [*places, wrong_place],
                        ["malformed", "malformed", "malformed", "wrong_key", "other_bot", "malformed", "wrong_partition"],
                        [*poison, (key_of(wrong), wrong.SerializeToString())])}
                metrics = await service.metrics()
                assert metrics['dlq_total{cause="malformed"}'] == 4

    run(body)


def test_C09_too_many_dead_letters_stop_the_partition_with_an_alarm(bench: Bench) -> None:
    async def body() -> None:
        good = _many(100)
        bench.log.put_raw([(f"{BOT_ID}:1".encode(), b"\xff")] * 50, partition=0)
        bench.log.put(good)
        service = bench.store()
        try:
            await until_stopped(service, "dead_letters", 1)
            with connected(bench.url) as database:
                assert rows(database, "SELECT next_offset FROM g1.fence WHERE partition = 0") == [(10,)]
                assert rows(database, "SELECT count(*) FROM telefact.dead_letters") == [(10,)]
            assert "level=error" in bench.log_text()
        finally:
            await service.stop()

    run(body)


def test_a_kill_at_every_step_loses_and_doubles_nothing(bench: Bench) -> None:
    async def body() -> None:
        points = (await _output(bench.binaries, "--print-fault-points")).split()
        assert len(points) >= 10
        events: list[Event] = []
        for number, point in enumerate(points):
            more = _many(1500, start=len(events))
            events += more
            bench.log.put(more)
            crash_log = bench.work_dir / "crash.log"
            service = bench.store(
                name=f"store-{number}", TELEFACT_CRASH_AT=f"{point}:100", TELEFACT_CRASH_LOG=str(crash_log),
                STORE_KAFKA_GROUP_ID=f"{bench.log.prefix}-{number}")  # not to wait for the dead member's session
            with contextlib.suppress(Exception):
                await service.start(ready_s=20)
            await service.wait(20)
            assert crash_log.read_text().splitlines()[-1].split()[0] == point
            assert int(crash_log.read_text().splitlines()[-1].split()[1]) >= 100
        async with bench.running(STORE_KAFKA_GROUP_ID=f"{bench.log.prefix}-last"):
            with connected(bench.url) as database:
                wait_applied(database, len(events))
                _check_counts(database, events)
                assert rows(database, "SELECT sum(next_offset) FROM g1.fence") == [(len(events),)]

    run(body)


async def _output(binaries: Path, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        binaries / "telefact-store", *arguments, stdout=asyncio.subprocess.PIPE)
    return (await process.communicate())[0].decode()


def test_C10_an_unknown_payload_stops_its_partition_until_the_upgrade(bench: Bench) -> None:
    async def body() -> None:
        newer = make("ad_counted", "newer", user_id=1)
        newer.ClearField("ad_counted")
        raw = newer.SerializeToString() + b"\x82\x06\x00"  # field 96, a message
        bench.log.put([video(1, "before")])
        partition = bench.log.put_raw([(f"{BOT_ID}:1".encode(), raw)])[0][0]
        bench.log.put([video(1, "after"), *[video(user, f"u{user}") for user in range(2, 40)]])
        service = bench.store()
        try:
            await until_stopped(service, "unknown_payload", 1)
            with connected(bench.url) as database:
                assert rows(database, "SELECT next_offset FROM g1.fence WHERE partition = %s", partition) == [(1,)]
                assert rows(database, "SELECT count(*) FROM g1.videos WHERE user_id = 1") == [(1,)]
                assert rows(database, "SELECT count(*) FROM telefact.dead_letters") == [(0,)]
        finally:
            await service.stop()

    run(body)


@pytest.mark.parametrize("reason", ["log_ends_before", "log_rewritten", "log_starts_later"])
def test_a_log_that_is_not_the_applied_one_stops_with_an_alarm(bench: Bench, reason: str) -> None:
    async def body() -> None:
        events = _many(400)
        bench.log.put(events)
        async with bench.running():
            with connected(bench.url) as database:
                wait_applied(database, len(events))
        with connected(bench.url) as database:
            before = rows(database, "SELECT partition, next_offset FROM g1.fence ORDER BY 1")
            facts = rows(database, "SELECT count(*) FROM g1.videos")
            if reason == "log_starts_later":
                bench.log.put(_many(400, start=1000))
                for partition, next_offset in before:
                    bench.log.delete_records(partition, next_offset + 3)
            else:
                bench.log.delete()
                wait_for("the topic is gone", lambda: _try_create(bench.log), 20)
                bench.log.put(_many(100 if reason == "log_ends_before" else 2000, start=5000))
            service = bench.store(name="again")
            try:
                await until_stopped(service, reason, 4)
                assert rows(database, "SELECT partition, next_offset FROM g1.fence ORDER BY 1") == before
                assert rows(database, "SELECT count(*) FROM g1.videos") == facts
                assert bench.log_text("again").count("partition stopped") == 4
            finally:
                await service.stop()

    run(body)


def _try_create(log: Log) -> bool:
    try:
        log.create()
        return True
    except Exception:
        return False


def test_two_stores_share_the_partitions_and_take_over(bench: Bench) -> None:
    async def body() -> None:
        events = _many(2000)
        first, second = bench.store(name="first"), bench.store(name="second")
        await first.start()
        bench.log.put(events)
        await second.start()
        more = _many(2000, start=2000)
        bench.log.put(more)
        with connected(bench.url) as database:
            wait_applied(database, 4000)
            await first.kill()
            last = _many(500, start=4000)
            bench.log.put(last)
            wait_applied(database, 4500, timeout_s=40)
            _check_counts(database, events + more + last)
        await second.stop()

    run(body)


def test_a_transaction_that_hangs_with_the_position_is_ended(bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(_many(200))
        with connected(bench.url) as database, psycopg.connect(bench.url) as zombie:
            async with bench.running(
                    STORE_LOCK_TIMEOUT_MS="300", STORE_ZOMBIE_AFTER_MS="1500", STORE_POSITION_CHECK_MS="3600000"):
                wait_applied(database, 200)
                zombie.execute("UPDATE g1.fence SET owner_epoch = owner_epoch")
                bench.log.put(_many(200, start=200))
                wait_applied(database, 400)
                _check_counts(database, _many(200) + _many(200, start=200))
                assert "ended a transaction" in bench.log_text()
            with pytest.raises(psycopg.OperationalError):
                zombie.execute("SELECT 1")

    run(body)


def test_P12_a_table_locked_by_somebody_is_waited_for(bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(_many(200))
        with connected(bench.url) as database:
            async with bench.running(STORE_LOCK_TIMEOUT_MS="200"):
                wait_applied(database, 200)
                with psycopg.connect(bench.url) as other:
                    other.execute("LOCK TABLE g1.users")
                    bench.log.put(_many(200, start=200))
                    await asyncio.sleep(1)
                    assert applied(database) == 200
                wait_applied(database, 400)
                _check_counts(database, _many(200) + _many(200, start=200))

    run(body)


def test_P13_terminated_sessions_lose_and_double_nothing(bench: Bench) -> None:
    async def body() -> None:
        events: list[Event] = []
        async with bench.running():
            with connected(bench.url) as database:
                for start in range(0, 6000, 300):
                    more = _many(300, start=start)
                    events += more
                    bench.log.put(more)
                    database.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE application_name = 'telefact-store' AND datname = current_database()")
                wait_applied(database, 6000, timeout_s=40)
                _check_counts(database, events)

    run(body)


@pytest.mark.slow
def test_a_stopped_database_is_waited_for(own_servers: Servers, topic_prefix: str, binaries: Path, work_dir: Path) -> None:
    async def body() -> None:
        log = Log(own_servers.kafka_bootstrap, topic_prefix)
        bench = Bench(log, own_servers.database_url, binaries, work_dir)
        events = _many(3000)
        log.put(events[:1000])
        async with bench.running() as service:
            with connected(bench.url) as database:
                wait_applied(database, 1000)
            own_servers.kill_postgres()
            log.put(events[1000:2000])
            await asyncio.sleep(3)
            own_servers.start_postgres()
            log.put(events[2000:])
            wait_for("all applied after the restart", lambda: _applied_at(bench.url) >= 3000, 30)
            with connected(bench.url) as database:
                _check_counts(database, events)
            own_servers.stop_kafka()
            await asyncio.sleep(2)
            own_servers.start_kafka()
            late = _many(100, start=9000)
            log.put(late)
            wait_for("all applied after Kafka's restart", lambda: _applied_at(bench.url) >= 3100, 40)
            assert "partition stopped" not in bench.log_text()
            assert (await service.metrics())["apply_batches_total"] > 1

    run(body)


def _applied_at(url: str) -> int:
    with connected(url) as database:
        return applied(database)
