"""Tables of a past moment and the people who are erased after it, with the real programs, Kafka and PostgreSQL."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from deploy.local.servers import Servers
from tests.integration.store_log import COMMAND, ERASED_MS, Event, Log, connected, environment, make, rows, seen, video
from tests.integration.test_replay import Bench, applied, content, run, state_of, until
from tests.integration.test_store_erase import GONE, GROUP, STAYING, SUPERGROUP, letters_of, life, others, patch, traces
from tests.support.processes import free_port

SETTLED, STRANGER, NEWCOMER = 9_123_456_781, 9_123_456_782, 9_123_456_783
SECOND = bytes(reversed(COMMAND))
BACK_MS = ERASED_MS + 1_000


@pytest.fixture
def bench(servers: Servers, topic_prefix: str, database_url: str, binaries: Path, work_dir: Path) -> Bench:
    return Bench(Log(servers.kafka_bootstrap, topic_prefix), database_url, binaries, work_dir)


@pytest.fixture
def twin(servers: Servers, name: str, topic_prefix: str, binaries: Path, work_dir: Path) -> Bench:
    """Whose log ends with what the other one's holds behind the moment."""
    url = servers.create_database(f"twin_{name}")
    return Bench(Log(servers.kafka_bootstrap, f"{topic_prefix}-twin"), url, binaries, work_dir)


def earlier() -> list[Event]:
    """People with everything that leaves a trace, a group that moved, one who only has settings."""
    moved = make("chat_migrated", "moved", old_id=GROUP, new_id=SUPERGROUP)
    return [*others(), *life(GONE), moved, patch(SETTLED, "settled", b'{"theme": 1}')]


def later() -> list[Event]:
    """One comes back, another comes."""
    return [seen(GONE, "back", time_ms=BACK_MS), video(GONE, "back too", time_ms=BACK_MS), *life(NEWCOMER)]


def erase_everybody(log: Log) -> int:
    """Also who came back, and who was never there."""
    count = sum(log.erase(each) for each in (GONE, GROUP, SETTLED, STRANGER))
    return count + log.erase(GONE, BACK_MS + 1_000, SECOND) + log.erase(NEWCOMER)


def put_letters(log: Log) -> int:
    """Records of the person that are set aside."""
    letters = list(letters_of(GONE, "before"))
    for key, value, partition in letters:
        log.put_raw([(key, value)], partition)
    return len(letters)


async def verified(bench: Bench) -> str:
    """What `verify` says of generation 2; it must find nothing."""
    process = await asyncio.create_subprocess_exec(
        bench.binaries / "telefact-store", "verify", "--generation", "2", env=environment(bench.log, bench.url, free_port()),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


def test_a_past_moment_is_as_if_later_erases_stood_at_its_end(bench: Bench, twin: Bench) -> None:
    async def body() -> None:
        places = bench.log.put(earlier())
        position = ",".join(f"{p}:{1 + max(o for q, o in places if q == p)}" for p in sorted({p for p, _ in places}))
        bench.log.put(later())
        count = len(earlier()) + len(later()) + put_letters(bench.log) + erase_everybody(bench.log)
        twin.log.put(earlier())
        twin_count = len(earlier()) + erase_everybody(twin.log)
        async with bench.store(), twin.store("twin"):
            with connected(bench.url) as database, connected(twin.url) as other:
                await until("applied", lambda: applied(database, 1) == count and applied(other, 1) == twin_count)
                code, _ = await bench.replay("start", "--as-of", position, STORE_BATCH_MAX_EVENTS="5")
                assert code == 0, bench.log_text()
                assert state_of(database, 2) == "past"
                assert content(database, 2) == content(other, 1)
                assert traces(database, GONE) == [] and traces(database, SETTLED, ()) == []
                assert "erased_facts" in await verified(bench)
                assert rows(database, "SELECT sum(videos) FROM g2.totals") == rows(
                    database, "SELECT count(*) FROM g2.videos") != [(0,)]
                assert rows(database, "SELECT count(*) FROM g2.users WHERE abs(user_id) >= 2::numeric ^ 62") == [(2,)]

    run(body)


def test_erases_that_come_later_reach_it_while_it_is_built_and_while_it_is_kept(bench: Bench) -> None:
    async def body() -> None:
        places = bench.log.put([*earlier(), *life(STAYING)])
        count = len(places)
        position = ",".join(f"{p}:{1 + max(o for q, o in places if q == p)}" for p in sorted({p for p, _ in places}))
        service = bench.store()
        async with service:
            with connected(bench.url) as database:
                await until("applied", lambda: applied(database, 1) == count)
                assert (await bench.replay("start", "--as-of", position, "--no-work"))[0] == 0, bench.log_text()
                count += bench.log.erase(GONE)
                await until("erased", lambda: applied(database, 1) == count)
                assert (await bench.replay("work"))[0] == 0, bench.log_text()
                assert state_of(database, 2) == "past"
                assert traces(database, GONE, ()) == []
                assert rows(database, "SELECT FROM g2.users WHERE user_id = %s", STAYING)
                totals = rows(database, "SELECT * FROM g2.totals ORDER BY 1, 2")
                count += bench.log.erase(STAYING)
                await until("erased here, too", lambda: traces(database, STAYING) == [])
                assert rows(database, "SELECT * FROM g2.totals ORDER BY 1, 2") == totals

                await service.stop()
                count += bench.log.erase(1)
                await service.start()
                await until("erased after a start", lambda: rows(database, "SELECT FROM g2.users WHERE user_id = 1") == [])
                await verified(bench)
                assert content(database, 2) == content(database, 1), "nothing but erases came after that moment"

    run(body)


def test_tables_that_this_build_cannot_change_go_with_the_first_erase(bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(earlier())
        async with bench.store():
            with connected(bench.url) as database:
                await until("applied", lambda: applied(database, 1) == len(earlier()))
                end = ",".join(f"{p}:{n}" for p, n in rows(database, "SELECT partition, next_offset FROM g1.fence"))
                assert (await bench.replay("start", "--as-of", end))[0] == 0, bench.log_text()
                database.execute("UPDATE telefact.generations SET projection_version = 2 WHERE id = 2")
                bench.log.erase(GONE)
                await until("removed", lambda: state_of(database, 2) == "none")
                assert rows(database, "SELECT FROM pg_namespace WHERE nspname = 'g2'") == []

    run(body)
