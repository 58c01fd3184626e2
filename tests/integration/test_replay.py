"""Rebuilding every table from the log with the real programs, Kafka and PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pytest

from deploy.local.servers import Servers
from tests.faults.repeat import patience, rounds
from tests.integration.store_log import (
    ERASED_MS, PATIENCE_S, Event, Log, connected, environment, make, rows, seen, store, video, wait_for,
)
from tests.support.processes import Service, free_port
from tests.support.protos import read_grpc, read_pb2

Database = psycopg.Connection[Any]
KILLS = rounds(20)
TABLES = ("users", "profiles", "videos", "music", "applied", "aliases", "totals", "buckets", "langs", "referrals",
          "top_users", "tombstones")


class Bench:
    """A log, a database, the live store and the command that rebuilds."""

    def __init__(self, log: Log, url: str, binaries: Path, work_dir: Path) -> None:
        self.log, self.url, self.binaries, self.work_dir = log, url, binaries, work_dir

    def store(self, name: str = "store", **more: str) -> Service:
        return store(self.log, self.url, self.binaries, self.work_dir, name, **more)

    async def begin(self, *words: str, **more: str) -> asyncio.subprocess.Process:
        settings = environment(self.log, self.url, free_port(), **more)
        return await asyncio.create_subprocess_exec(
            self.binaries / "telefact-store", "replay", *words, env=settings,
            stdout=asyncio.subprocess.PIPE, stderr=(self.work_dir / "replay.log").open("ab"))

    async def replay(self, *words: str, **more: str) -> tuple[int, str]:
        process = await self.begin(*words, **more)
        out, _ = await process.communicate()
        return process.returncode or 0, out.decode()

    def log_text(self) -> str:
        return (self.work_dir / "replay.log").read_text()


@pytest.fixture
def bench(servers: Servers, topic_prefix: str, database_url: str, binaries: Path, work_dir: Path) -> Bench:
    return Bench(Log(servers.kafka_bootstrap, topic_prefix), database_url, binaries, work_dir)


def run(body: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(body())  # type: ignore[arg-type]


def varied(count: int, start: int = 0) -> list[Event]:
    """Events of every kind, the same for the same numbers."""
    events: list[Event] = []
    for i in range(start, start + count):
        user = (i * 7919) % 97 - 20 or 1
        events.append([
            seen(user, i, source=1, lang="ru", link=f"ref{i % 5}"), video(user, i, is_images=i % 3 == 0),
            make("music_extracted", i, user_id=user, video_id=i), make("ad_counted", i, user_id=user),
            make("user_mode_changed", i, user_id=user, toggle=True), make("user_lang_changed", i, user_id=user, lang="vi"),
            make("user_settings_patched", i, user_id=abs(user) + 1, merge_patch=b'{"a":%d}' % i),
            make("chat_migrated", i, old_id=-user - 200, new_id=-user - 100200),
            make("user_blocked", i, user_id=user, blocked=i % 2 == 0),
        ][i % 9])
    return events


def state_of(database: Database, generation: int) -> str:
    found = rows(database, "SELECT state FROM telefact.generations WHERE id = %s", generation)
    return str(found[0][0]) if found else "none"


def content(database: Database, generation: int) -> dict[str, list[Any]]:
    return {table: rows(database, f"SELECT t::text FROM g{generation}.{table} AS t ORDER BY 1") for table in TABLES}


async def until(what: str, holds: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_for, what, holds)


def applied(database: Database, generation: int) -> int:
    return int(rows(database, f"SELECT sum(next_offset) FROM g{generation}.fence")[0][0])


def is_writing(database: Database, generation: int) -> bool:
    """Is a transaction open that wrote facts?"""
    return bool(rows(database, "SELECT FROM pg_locks WHERE relation = (%s || '.videos')::regclass AND granted"
                               " AND mode = 'RowExclusiveLock'", f"g{generation}"))


def test_a_rebuild_is_proved_equal_and_goes_live_while_ingest_goes_on(bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(varied(900))
        async with bench.store():
            with connected(bench.url) as database:
                await until("applied", lambda: applied(database, 1) == 900)
                code, out = await bench.replay("start", "--swap", "--grace-hours", "0", "--json")
                assert code == 0, bench.log_text()
                tables = [line for line in map(json.loads, out.splitlines()) if "table" in line]
                assert {line["table"] for line in tables} == {*TABLES, "fence"}
                assert all(line["equal"] for line in tables)
                assert rows(database, "SELECT generation FROM telefact.active") == [(2,)]
                assert (state_of(database, 1), state_of(database, 2)) == ("retired", "live")
                assert content(database, 1) == content(database, 2)
                bench.log.put(varied(300, 900))
                await until("applied to the new one", lambda: applied(database, 2) == 1200)
                assert rows(database, "SELECT count(*) FROM tt.videos") == rows(database, "SELECT count(*) FROM g2.videos")
                assert applied(database, 1) == 900, "nobody feeds the one before when its grace is over"

    run(body)


@pytest.mark.timeout(patience(300))
def test_a_rebuild_is_killed_again_and_again_and_is_the_same(bench: Bench) -> None:
    count = 10_000 + 100 * KILLS

    async def body() -> None:
        bench.log.put(varied(count))
        async with bench.store():
            with connected(bench.url) as database:
                await until("applied", lambda: applied(database, 1) == count)
                code, _ = await bench.replay("start", "--no-work")
                assert code == 0, bench.log_text()
                undone = 0
                for number in range(KILLS):
                    small = {"STORE_BATCH_MAX_EVENTS": str(40 + number % 40), "STORE_KAFKA_SESSION_TIMEOUT_MS": "6000"}
                    process = await bench.begin("work", STORE_KAFKA_GROUP_ID=f"{bench.log.prefix}-{number}", **small)
                    reached = applied(database, 2)
                    wanted = min(count, reached + 100)
                    # Most while batches wait for their commit; now and then one is let go on to it.
                    is_let_go_on = number % (KILLS // 4) == 0
                    await until("it went on", lambda wanted=wanted, waits=is_let_go_on: applied(database, 2) >= wanted  # type: ignore[misc]
                                or (not waits and is_writing(database, 2)))
                    undone += applied(database, 2) < wanted
                    process.kill()
                    await process.wait()
                assert undone > 0, "no kill met an open transaction"
                code, out = await bench.replay("work", "--swap", "--grace-hours", "0", "--json",
                                               STORE_KAFKA_GROUP_ID=f"{bench.log.prefix}-last")
                assert code == 0, bench.log_text() + out
                assert state_of(database, 2) == "live"
                assert content(database, 1) == content(database, 2)

    run(body)


def test_duplicates_of_what_a_killed_worker_wrote_undo_their_batch_alone(bench: Bench) -> None:
    """The next worker does not remember their ids: the unique index does, inside a transaction with other batches."""
    async def body() -> None:
        batches = {"STORE_BATCH_MAX_EVENTS": "300"}
        early = [video(i % 97 + 1, i) for i in range(4000)]
        events = early + early + [video(i % 97 + 1, i) for i in range(4000, 8000)]
        bench.log.put(events)
        metrics = f"127.0.0.1:{free_port()}"
        async with bench.store():
            with connected(bench.url) as database:
                await until("applied", lambda: applied(database, 1) == len(events))
                assert (await bench.replay("start", "--no-work"))[0] == 0, bench.log_text()
                database.execute("UPDATE g2.fence SET limit_offset = 500, owner_epoch = owner_epoch + 1")
                first = await bench.begin("work", STORE_KAFKA_GROUP_ID=f"{bench.log.prefix}-1", **batches)
                await until("its part is written", lambda: applied(database, 2) == 500 * bench.log.partitions)
                first.kill()
                await first.wait()
                database.execute("UPDATE g2.fence SET limit_offset = NULL, owner_epoch = owner_epoch + 1")
                second = await bench.begin("work", "--grace-hours", "1", "--admin-listen", metrics,
                                           STORE_KAFKA_GROUP_ID=f"{bench.log.prefix}-2", **batches)
                await until("ready", lambda: state_of(database, 2) == "ready")
                with urllib.request.urlopen(f"http://{metrics}/metrics", timeout=10) as answer:
                    retries = re.findall(r'apply_retries_total\{why="(\w+)"\} (\d+)', answer.read().decode())
                assert int(dict(retries)["duplicate"]) > 0
                assert int(dict(retries)["undone"]) == 0
                assert content(database, 1) == content(database, 2)
                second.terminate()
                assert await second.wait() == 0

    run(body)


def test_a_rebuild_with_erased_people_is_equal_and_erases_on(bench: Bench) -> None:
    async def body() -> None:
        people, group, later = (5, -13, 7), -207, ERASED_MS + 1000
        events = varied(600)
        for event in events[200:240]:
            event.occurred_at_ms = 0
        back = [seen(5, "back", time_ms=later), video(5, "again", time_ms=later),
                make("music_extracted", "again too", user_id=5, video_id=1, time_ms=later)]
        bench.log.put(events)
        count = sum(bench.log.erase(each) for each in (*people, group)) + len(events)
        twice = [video(7, "between", time_ms=later), make("music_extracted", "between too", user_id=7, video_id=2, time_ms=later)]
        bench.log.put([*back, *twice, *events])
        count += bench.log.erase(40) + len(back) + len(twice) + len(events)
        count += bench.log.erase(7, later + 10, bytes([7] * 16))
        async with bench.store():
            with connected(bench.url) as database:
                await until("applied", lambda: applied(database, 1) == count)
                erasures = rows(database, "SELECT * FROM telefact.erasures ORDER BY 1, 2")
                assert len(erasures) == 6 * bench.log.partitions
                assert rows(database, "SELECT count(*) FROM g1.users WHERE abs(user_id) >= 2::numeric ^ 62") == [(5,)]
                assert rows(database, "SELECT videos, music FROM g1.users WHERE user_id = 5") == [(1, 1)]
                worker = await bench.begin("start", "--swap", "--grace-hours", "1", STORE_BATCH_MAX_EVENTS="7")
                await until("live", lambda: state_of(database, 2) == "live")
                assert content(database, 1) == content(database, 2)
                count += bench.log.erase(5, later + 1000, bytes(16))
                await until("both are fed", lambda: applied(database, 1) == applied(database, 2) == count)
                for generation in (1, 2):
                    assert rows(database, f"SELECT FROM g{generation}.users WHERE user_id IN (5, 7, -13, 40)") == []
                assert content(database, 1) == content(database, 2)
                worker.terminate()
                assert await worker.wait() == 0

    run(body)


def test_what_differs_keeps_both_and_is_named(bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(varied(400))
        async with bench.store():
            with connected(bench.url) as database:
                await until("applied", lambda: applied(database, 1) == 400)
                database.execute("UPDATE g1.users SET videos = videos + 1 WHERE user_id = 5")
                code, out = await bench.replay("start", "--swap", "--grace-hours", "0")
                assert code == 1
                assert "users        DIFFERS" in out and "first at user_id=5" in out
                assert (state_of(database, 1), state_of(database, 2)) == ("live", "failed")
                assert rows(database, "SELECT detail FROM telefact.generations WHERE id = 2") == [("differs: users",)]
                assert (await bench.replay("swap", "2"))[0] == 1, "a failed one never goes live"
                assert (await bench.replay("cancel"))[0] == 0
                assert state_of(database, 2) == "none"
                assert rows(database, "SELECT FROM pg_namespace WHERE nspname = 'g2'") == []
                code, out = await bench.replay("start", "--swap", "--grace-hours", "0", "--expect-differences", "users.videos")
                assert code == 0, out
                assert state_of(database, 2) == "live"

    run(body)


def test_readers_go_back_at_once_and_forward_again(bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(varied(300))
        async with bench.store():
            with connected(bench.url) as database:
                await until("applied", lambda: applied(database, 1) == 300)
                worker = await bench.begin("start", "--swap", "--grace-hours", "1")
                await until("live", lambda: state_of(database, 2) == "live")
                bench.log.put(varied(100, 300))
                await until("both are fed", lambda: applied(database, 1) == applied(database, 2) == 400)
                assert (await bench.replay("rollback"))[0] == 0, bench.log_text()
                assert (state_of(database, 1), state_of(database, 2)) == ("live", "retired")
                bench.log.put(varied(100, 400))
                await until("both are fed", lambda: applied(database, 1) == applied(database, 2) == 500)
                assert (await bench.replay("rollback"))[0] == 0, bench.log_text()
                assert (state_of(database, 1), state_of(database, 2)) == ("retired", "live")
                bench.log.put(varied(100, 500))
                await until("both are fed", lambda: applied(database, 1) == applied(database, 2) == 600)
                assert content(database, 1) == content(database, 2)
                worker.terminate()
                assert await worker.wait() == 0
                assert (await bench.replay("drop", "2"))[0] == 1, "never the live one"
                assert (await bench.replay("drop", "1"))[0] == 0
                assert state_of(database, 1) == "none"
                bench.log.put(varied(50, 600))
                await until("ingest goes on", lambda: applied(database, 2) == 650)

    run(body)


def test_a_pause_holds_it_and_only_it(bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(varied(300))
        async with bench.store():
            with connected(bench.url) as database:
                await until("applied", lambda: applied(database, 1) == 300)
                assert (await bench.replay("start", "--no-work"))[0] == 0
                assert (await bench.replay("start"))[0] == 1, "one at a time"
                assert "a rebuild is under way" in bench.log_text()
                assert (await bench.replay("pause"))[0] == 0
                worker = await bench.begin("work", "--swap", "--grace-hours", "0")
                bench.log.put(varied(100, 300))
                await until("live goes on", lambda: applied(database, 1) == 400)
                code, out = await bench.replay("status", "--json")
                assert code == 0
                view = json.loads(out)
                assert (view["state"], view["paused"], view["done"], view["total"]) == ("building", True, 0, 300)
                assert (await bench.replay("resume"))[0] == 0
                assert await worker.wait() == 0, bench.log_text()
                assert state_of(database, 2) == "live"
                assert content(database, 1) == content(database, 2)

    run(body)


def test_a_past_moment_is_built_beside_and_never_goes_live(bench: Bench) -> None:
    async def body() -> None:
        places = bench.log.put(varied(300))
        ends = {p: 1 + max(offset for q, offset in places if q == p) for p, _ in places}
        async with bench.store():
            with connected(bench.url) as database:
                await until("applied", lambda: applied(database, 1) == 300)
                before = content(database, 1)
                bench.log.put(varied(300, 300))
                await until("applied", lambda: applied(database, 1) == 600)
                position = ",".join(f"{p}:{end}" for p, end in sorted(ends.items()))
                assert (await bench.replay("start", "--as-of", position))[0] == 0, bench.log_text()
                assert state_of(database, 2) == "past"
                assert content(database, 2) == before
                assert (await bench.replay("swap", "2"))[0] == 1
                assert state_of(database, 1) == "live"
                beyond = ",".join(f"{p}:{end + 10_000}" for p, end in sorted(ends.items()))
                assert (await bench.replay("start", "--as-of", beyond))[0] == 1
                assert "ends before offset" in bench.log_text()

    run(body)


def test_an_ordinary_store_shows_how_far_a_rebuild_is(bench: Bench) -> None:
    async def shows(service: Service, **wanted: float) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            found = await service.metrics()
            if all(found[f"rebuild_{name}"] == value for name, value in wanted.items()):
                return
            assert asyncio.get_running_loop().time() < deadline, (wanted, found)
            await asyncio.sleep(0.1)

    async def body() -> None:
        bench.log.put(varied(300))
        service = bench.store()
        async with service:
            with connected(bench.url) as database:
                await until("applied", lambda: applied(database, 1) == 300)
                await shows(service, generation=0, eta_seconds=-1)
                assert (await bench.replay("start", "--no-work"))[0] == 0, bench.log_text()
                await shows(service, generation=2, events_done=0, events_target=300, paused=0, **{'state{state="building"}': 1})
                assert (await bench.replay("pause"))[0] == 0
                await shows(service, paused=1)
                assert (await bench.replay("resume"))[0] == 0
                database.execute("UPDATE g1.users SET videos = videos + 1 WHERE user_id = 5")
                assert (await bench.replay("work"))[0] == 1
                await shows(service, generation=2, events_done=300, paused=0, **{'state{state="failed"}': 1})
                assert (await bench.replay("cancel"))[0] == 0
                await shows(service, generation=0, events_target=0, **{'state{state="failed"}': 0})

    run(body)


def test_a_log_that_lost_its_beginning_is_refused_unless_forced(bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(varied(400))
        async with bench.store():
            with connected(bench.url) as database:
                await until("applied", lambda: applied(database, 1) == 400)
                bench.log.delete_records(0, 10)
                assert (await bench.replay("start"))[0] == 1
                assert "partition 0 of the log begins at offset 10" in bench.log_text()
                code, out = await bench.replay("start", "--force", "--swap", "--grace-hours", "0")
                assert code == 1, "what is missing is a difference"
                assert "DIFFERS" in out
                assert state_of(database, 2) == "failed"

    run(body)


READERS = 1000
MARK = 1_000_000  # added to what generation 1 says of a user


async def _read_on(stub: read_grpc.ReadServiceStub, stop: asyncio.Event, seen_in: set[int]) -> int:
    """Ask until the end; each answer is of the generation that it says."""
    count = 0
    while not stop.is_set():
        call = stub.GetUserStats(read_pb2.GetUserStatsRequest(user_id=5), timeout=120)
        answer = await call
        generation = int(dict(await call.initial_metadata())["telefact-generation"])
        assert (answer.videos_count >= MARK) == (generation == 1), "an answer of both"
        seen_in.add(generation)
        count += 1
    return count


def test_a_thousand_readers_see_wholly_old_or_wholly_new_and_none_fails(bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(varied(300))
        rpc = free_port()
        async with bench.store(STORE_ROLES="ingest,rpc", STORE_RPC_LISTEN=f"127.0.0.1:{rpc}"):
            with connected(bench.url) as database:
                await until("applied", lambda: applied(database, 1) == 300)
                database.execute(f"UPDATE g1.users SET videos = videos + {MARK} WHERE user_id = 5")
                worker = await bench.begin("start", "--expect-differences", "users.videos", "--grace-hours", "1")
                await until("ready", lambda: state_of(database, 2) == "ready")
                stop, seen_in = asyncio.Event(), set[int]()
                async with contextlib.AsyncExitStack() as stack:
                    channels = [await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{rpc}"))
                                for _ in range(20)]
                    readers = [asyncio.create_task(_read_on(read_grpc.ReadServiceStub(channels[i % 20]), stop, seen_in))
                               for i in range(READERS)]
                    for word in ("swap", "rollback", "rollback"):
                        assert (await bench.replay(word))[0] == 0, bench.log_text()
                    stop.set()
                    counts = await asyncio.gather(*readers)
                assert seen_in == {1, 2}
                assert min(counts) > 0
                worker.terminate()
                assert await worker.wait() == 0

    run(body)


def test_a_long_report_on_the_views_delays_a_swap_and_stops_nothing(bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(varied(300))
        async with bench.store():
            with connected(bench.url) as database, psycopg.connect(bench.url) as report:
                await until("applied", lambda: applied(database, 1) == 300)
                worker = await bench.begin("start", "--grace-hours", "1")
                await until("ready", lambda: state_of(database, 2) == "ready")
                before = report.execute("SELECT count(*), sum(pk_id) FROM tt.videos").fetchone()  # a transaction is open
                swap = await bench.begin("swap")
                await until("it tries again", lambda: "trying again" in bench.log_text())
                bench.log.put(varied(200, 300))
                await until("ingest goes on", lambda: applied(database, 1) == 500)
                assert state_of(database, 2) == "ready"
                assert report.execute("SELECT count(*) FROM tt.videos").fetchone() >= (before or (0,))[:1]
                report.commit()
                assert await swap.wait() == 0, bench.log_text()
                assert state_of(database, 2) == "live"
                worker.terminate()
                assert await worker.wait() == 0

    run(body)


def test_two_workers_share_a_rebuild_and_one_leads(bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(varied(2000))
        async with bench.store():
            with connected(bench.url) as database:
                await until("applied", lambda: applied(database, 1) == 2000)
                assert (await bench.replay("start", "--no-work"))[0] == 0
                assert (await bench.replay("pause"))[0] == 0
                words = ("work", "--swap", "--grace-hours", "0", "--json")
                workers = [await bench.begin(*words, STORE_BATCH_MAX_EVENTS=size) for size in ("7", "500")]
                await until("both take part", lambda: bench.log_text().count("partitions assigned") >= 2)
                assert (await bench.replay("resume"))[0] == 0
                outs = [(await worker.communicate())[0].decode() for worker in workers]
                assert [worker.returncode for worker in workers] == [0, 0], bench.log_text()
                assert sum('"table":"videos"' in out for out in outs) == 1, "only one compared"
                assert state_of(database, 2) == "live"
                assert content(database, 1) == content(database, 2)

    run(body)


def test_what_is_live_is_never_paused_and_a_pause_outlasts_everything_else(bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(varied(300))
        async with bench.store():
            with connected(bench.url) as database:
                await until("applied", lambda: applied(database, 1) == 300)
                assert (await bench.replay("pause"))[0] == 1
                assert "nothing is being rebuilt" in bench.log_text()
                assert (await bench.replay("pause", "1"))[0] == 1
                assert "generation 1 is not being rebuilt" in bench.log_text()
                worker = await bench.begin("start", "--grace-hours", "1")
                await until("ready", lambda: state_of(database, 2) == "ready")
                assert (await bench.replay("pause"))[0] == 0
                bench.log.put(varied(100, 300))
                await until("live goes on", lambda: applied(database, 1) == 400)
                database.execute("UPDATE telefact.generations SET state = 'verifying' WHERE id = 2")  # as after a crash
                assert applied(database, 2) == 300
                assert (await bench.replay("resume"))[0] == 0
                await until("it is verified again", lambda: state_of(database, 2) == "ready")
                await until("it goes on", lambda: applied(database, 2) == 400)
                worker.terminate()
                assert await worker.wait() == 0

    run(body)


def test_a_text_that_differs_is_not_shown(bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(varied(300))
        async with bench.store():
            with connected(bench.url) as database:
                await until("applied", lambda: applied(database, 1) == 300)
                database.execute("""UPDATE g1.referrals SET link = 'somebody"s' WHERE link = 'ref1'""")
                code, out = await bench.replay("start", "--json")
                assert code == 1
                tables = {line["table"]: line for line in map(json.loads, out.splitlines()) if "table" in line}
                assert not tables["referrals"]["equal"]
                assert tables["referrals"]["example"] == "link=a text"

    run(body)
