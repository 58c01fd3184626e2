"""PostgreSQL answers, but not as wished: read-only, in conflict, full, without connections, hung, refusing a row."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import grpc
import psycopg
import pytest

from deploy.local.servers import Servers
from tests.faults.database import (
    Bench, Proxy, applied_at, as_admin, check_counts, many, port_of, terminate, through, until, until_logged,
)
from tests.faults.disks import fill, needs_root, small_disk
from tests.integration.store_log import Event, Log, applied, connected, rows, video, wait_applied
from tests.support.processes import Service
from tests.support.protos import read_grpc, read_pb2

QUICK = {"STORE_STATEMENT_TIMEOUT_MS": "1000", "STORE_LOCK_TIMEOUT_MS": "500", "STORE_CONNECT_TIMEOUT_MS": "2000"}


@pytest.fixture
def bench(hurt_servers: Servers, name: str, binaries: Path, work_dir: Path) -> Bench:
    url = hurt_servers.create_database(f"t_{name}")
    return Bench(Log(hurt_servers.kafka_bootstrap, f"t.{name}"), url, binaries, work_dir)


async def count_users(store: Service, timeout_s: float = 5.0) -> int:
    """A read of the store."""
    async with grpc.aio.insecure_channel(store.environment["STORE_RPC_LISTEN"]) as channel:
        stub = read_grpc.ReadServiceStub(channel)
        answer = await stub.GetBotStats(read_pb2.GetBotStatsRequest(), timeout=timeout_s)
        return int(answer.ByteSize())


async def reads_again(store: Service, deadline_s: float = 15.0) -> int:
    """The first answer of reads that failed meanwhile."""
    until_s = time.monotonic() + deadline_s
    while True:
        try:
            return await count_users(store, 2.0)
        except grpc.aio.AioRpcError:
            assert time.monotonic() < until_s, f"reads do not come back\n{store.log_end()}"
            await asyncio.sleep(0.05)


def batches(*sizes: int) -> list[Event]:
    """What was put by turns of this size."""
    return [event for number, size in enumerate(sizes) for event in many(size, start=sum(sizes[:number]))]


async def goes_on(bench: Bench, *sizes: int) -> None:
    """All turns are applied, each event once."""
    await until(f"{sum(sizes)} applied", lambda: applied_at(bench.url) >= sum(sizes), 40)
    with connected(bench.url) as database:
        check_counts(database, batches(*sizes))


@pytest.mark.timeout(120)
def test_P04_a_read_only_database_pauses_writes_and_serves_reads(hurt_servers: Servers, bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(many(200))
        async with bench.running(STORE_ROLES="ingest,rpc") as store:
            await until("applied", lambda: applied_at(bench.url) == 200)
            with as_admin(hurt_servers) as admin:
                admin.execute("ALTER SYSTEM SET default_transaction_read_only = on")
                admin.execute("SELECT pg_reload_conf()")
                try:
                    bench.log.put(many(200, start=200))
                    await until_logged(store, "25006")
                    await until("the alarm", lambda: "level=warn" in bench.log_text())
                    for _ in range(20):
                        assert await count_users(store) > 0
                        await asyncio.sleep(0.1)
                    assert applied_at(bench.url) == 200
                    assert not await store.is_ready()
                    with as_admin(hurt_servers, bench.url) as here:
                        assert terminate(here) >= 1
                    await until_logged(store, "read-only")  # a server that is read-only is not taken for writing
                    assert await reads_again(store) > 0
                    assert applied_at(bench.url) == 200
                finally:
                    admin.execute("ALTER SYSTEM RESET default_transaction_read_only")
                    admin.execute("SELECT pg_reload_conf()")
            await goes_on(bench, 200, 200)
            await store.wait_ready()
            assert store.starts == 1

    asyncio.run(body())


@pytest.mark.timeout(120)
def test_P05_a_deadlock_repeats_the_batch(hurt_servers: Servers, bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(many(300))
        async with bench.running() as store:
            await until("applied", lambda: applied_at(bench.url) == 300)
            with as_admin(hurt_servers, bench.url) as other, connected(bench.url) as watch:
                other.execute("SET deadlock_timeout = '30s'")
                with other.transaction():
                    other.execute("SELECT 1 FROM g1.users ORDER BY user_id FOR UPDATE")
                    bench.log.put(many(300, start=300))
                    await until("the store waits", lambda: rows(
                        watch, "SELECT count(*) FROM pg_locks WHERE NOT granted")[0][0] > 0)
                    await asyncio.to_thread(other.execute, "UPDATE g1.fence SET owner_epoch = owner_epoch")
                await until_logged(store, "40P01")
            await goes_on(bench, 300, 300)

    asyncio.run(body())


@pytest.mark.timeout(120)
def test_P05_a_serialization_failure_repeats_the_batch(bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(many(300))
        async with bench.running() as store:
            await until("applied", lambda: applied_at(bench.url) == 300)
            with connected(bench.url) as database:
                database.execute(
                    f"ALTER DATABASE {bench.url.rpartition('/')[2]} SET default_transaction_isolation = 'repeatable read'")
                assert terminate(database) == 1
                bench.log.put(many(60, start=300))
                await until("it is there again", lambda: applied_at(bench.url) == 360)
                with psycopg.connect(bench.url) as other, connected(bench.url) as watch:
                    other.execute("UPDATE g1.fence SET owner_epoch = owner_epoch")
                    bench.log.put(many(300, start=360))
                    await until("the store waits", lambda: rows(
                        watch, "SELECT count(*) FROM pg_locks WHERE NOT granted")[0][0] > 0)
                await until_logged(store, "40001")
            await goes_on(bench, 300, 60, 300)

    asyncio.run(body())


@pytest.mark.timeout(180)
@needs_root
def test_P06_a_full_disk_pauses_until_there_is_room(hurt_servers: Servers, bench: Bench, name: str) -> None:
    async def body() -> None:
        database = bench.url.rpartition("/")[2]
        with small_disk(64, "postgres") as disk, as_admin(hurt_servers) as admin:
            admin.execute(f"CREATE TABLESPACE t_{name} LOCATION '{disk}'")
            admin.execute(f"ALTER DATABASE {database} SET TABLESPACE t_{name}")
            try:
                bench.log.put(many(200))
                async with bench.running() as store:
                    await until("applied", lambda: applied_at(bench.url) == 200)
                    ballast = fill(disk)
                    bench.log.put(many(20_000, start=200))
                    await until_logged(store, "53100", 30)
                    stuck = await asyncio.to_thread(applied_at, bench.url)
                    assert stuck < 20_200
                    await asyncio.sleep(2)
                    assert not await store.is_ready()
                    ballast.unlink()
                    await until("all applied", lambda: applied_at(bench.url) == 20_200, 60)
                    with connected(bench.url) as judge:
                        check_counts(judge, batches(200, 20_000))
                    await store.wait_ready()
                    assert store.starts == 1
            finally:
                admin.execute(f"DROP DATABASE {database} WITH (FORCE)")
                admin.execute(f"DROP TABLESPACE t_{name}")

    asyncio.run(body())


@pytest.mark.timeout(120)
@pytest.mark.parametrize("state", ["53100", "53200"])
def test_P06_a_server_that_lacks_something_is_asked_again_and_blames_no_event(bench: Bench, state: str) -> None:
    """A trigger plays the server whose disk or memory is full for a while."""

    async def body() -> None:
        bench.log.put(many(200))
        async with bench.running() as store:
            with connected(bench.url) as database:
                wait_applied(database, 200)
                database.execute(
                    f"CREATE FUNCTION public.lack() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                    f"RAISE EXCEPTION 'lacking' USING ERRCODE = '{state}'; END $$")
                database.execute("CREATE TRIGGER lack BEFORE INSERT ON g1.videos "
                                 "FOR EACH STATEMENT EXECUTE FUNCTION public.lack()")
                bench.log.put(many(200, start=200))
                await until_logged(store, state)
                await asyncio.sleep(3)  # several tries
                assert applied(database) == 200
                assert not await store.is_ready()
                assert "level=warn" in bench.log_text()
                database.execute("DROP TRIGGER lack ON g1.videos")
            await goes_on(bench, 200, 200)
            await store.wait_ready()
            with connected(bench.url) as database:
                assert rows(database, "SELECT count(*) FROM telefact.dead_letters") == [(0,)]
            assert "partition stopped" not in bench.log_text()
            assert store.starts == 1

    asyncio.run(body())


@pytest.mark.timeout(120)
def test_P07_reads_that_fill_their_pool_hold_up_no_writes(bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(many(200))
        async with bench.running(STORE_ROLES="ingest,rpc", STORE_RPC_POOL_MAX="2", **QUICK) as store:
            await until("applied", lambda: applied_at(bench.url) == 200)
            with psycopg.connect(bench.url) as other:
                other.execute("LOCK TABLE telefact.active")  # every read looks there, the writer does not
                reads = [asyncio.create_task(count_users(store, 20.0)) for _ in range(40)]
                with connected(bench.url) as watch:
                    await until("both of the readers' sessions wait", lambda: rows(
                        watch, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")[0][0] == 2)
                for start in range(200, 1_000, 200):
                    bench.log.put(many(200, start=start))
                    await until("applied", lambda end=start + 200: applied_at(bench.url) == end)
                assert not any(read.done() and read.exception() is None for read in reads)
            await asyncio.gather(*reads, return_exceptions=True)
            assert await reads_again(store) > 0
            await goes_on(bench, 200, 200, 200, 200, 200)

    asyncio.run(body())


@pytest.mark.timeout(120)
def test_P07_without_a_connection_it_waits_for_one(hurt_servers: Servers, bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(many(200))
        async with bench.running(STORE_ROLES="ingest,rpc") as store:
            await until("applied", lambda: applied_at(bench.url) == 200)
            with as_admin(hurt_servers, bench.url) as admin:
                admin.execute("ALTER ROLE telefact CONNECTION LIMIT 0")
                try:
                    assert terminate(admin) >= 1
                    bench.log.put(many(200, start=200))
                    await until_logged(store, "too many connections")
                    await asyncio.sleep(3)
                    assert not await store.is_ready()
                    taken = store.log_path.read_text().count("level=warn")
                    assert taken < 20, "it is not logged at every try"
                finally:
                    admin.execute("ALTER ROLE telefact CONNECTION LIMIT -1")
            await goes_on(bench, 200, 200)
            await store.wait_ready()
            assert await count_users(store) > 0

    asyncio.run(body())


@pytest.mark.timeout(120)
def test_P08_a_hung_session_is_given_up_and_changes_nothing_later(bench: Bench) -> None:
    async def body() -> None:
        bench.log.put(many(200))
        async with bench.running(**QUICK) as store:
            await until("applied", lambda: applied_at(bench.url) == 200)
            with connected(bench.url) as database:
                pid = rows(database, "SELECT pid FROM pg_stat_activity WHERE application_name = 'telefact-store' "
                                     "AND datname = current_database()")[0][0]
                os.kill(pid, signal.SIGSTOP)
                try:
                    bench.log.put(many(200, start=200))
                    await until_logged(store, "did not answer in time")
                    await goes_on(bench, 200, 200)
                finally:
                    os.kill(pid, signal.SIGCONT)
                await until("the hung session ends", lambda: rows(
                    database, "SELECT count(*) FROM pg_stat_activity WHERE pid = %s", pid) == [(0,)])
            bench.log.put(many(200, start=400))
            await goes_on(bench, 200, 200, 200)

    asyncio.run(body())


@pytest.mark.timeout(180)
@pytest.mark.parametrize("half", ["both", "down"])
def test_P08_reads_of_a_silent_server_end_at_their_deadline(bench: Bench, half: str) -> None:
    async def body() -> None:
        bench.log.put(many(200))
        with Proxy(("127.0.0.1", port_of(bench.url))) as proxy:
            behind = Bench(bench.log, through(bench.url, proxy), bench.binaries, bench.work_dir)
            async with behind.running(
                STORE_ROLES="ingest,rpc", **QUICK
            ) as store:
                await until("applied", lambda: applied_at(bench.url) == 200)
                size = await count_users(store)
                proxy.blackhole(*([1] if half == "down" else []))
                bench.log.put(many(200, start=200))
                codes = set()
                for _ in range(6):
                    began = time.monotonic()
                    with pytest.raises(grpc.aio.AioRpcError) as caught:
                        await count_users(store, 1.0)
                    codes.add(caught.value.code())
                    assert time.monotonic() - began < 1.5
                assert grpc.StatusCode.DEADLINE_EXCEEDED in codes
                assert codes <= {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}
                await until_logged(store, "did not answer in time", 30)
                proxy.heal()
                await goes_on(bench, 200, 200)
                assert await reads_again(store) >= size > 0
                await store.wait_ready()

    asyncio.run(body())


@pytest.mark.timeout(120)
def test_P08_sigterm_ends_it_though_the_server_is_silent(bench: Bench) -> None:
    """A cancel request that nobody answers holds a thread; the process must not wait for it."""

    async def body() -> None:
        bench.log.put(many(200))
        with Proxy(("127.0.0.1", port_of(bench.url))) as proxy:
            store = Bench(bench.log, through(bench.url, proxy), bench.binaries, bench.work_dir).store(
                STORE_ROLES="ingest,rpc", STORE_DRAIN_TIMEOUT_MS="3000", **QUICK)
            await store.start()
            try:
                await until("applied", lambda: applied_at(bench.url) == 200)
                proxy.blackhole()
                for _ in range(3):
                    with pytest.raises(grpc.aio.AioRpcError):
                        await count_users(store, 0.5)
                await asyncio.sleep(0.5)
                store.signal(signal.SIGTERM)
                assert await store.wait(15) in (0, 1), "drained, or left at the end of its time"
            finally:
                if store.is_running:
                    await store.kill()

    asyncio.run(body())


@pytest.mark.timeout(120)
@pytest.mark.parametrize("state", ["22021", "22P05", "22P02", "22003", "23514"])
def test_P11_a_row_that_the_database_refuses_is_found_and_set_aside(bench: Bench, state: str) -> None:
    """The sanitised events give no such row: a trigger plays the part of the value that slipped through."""

    async def body() -> None:
        async with bench.running(STORE_DEAD_LETTERS_PER_1000="1000") as store:
            with connected(bench.url) as database:
                await store.wait_ready()
                database.execute(
                    f"CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                    f"IF NEW.user_id = 13131313 THEN RAISE EXCEPTION 'refused' USING ERRCODE = '{state}'; END IF; "
                    f"RETURN NEW; END $$")
                database.execute("CREATE TRIGGER refuse BEFORE INSERT ON g1.videos "
                                 "FOR EACH ROW EXECUTE FUNCTION public.refuse()")
                good = many(900)
                bad = [video(13131313, f"bad{n}") for n in range(3)]
                bench.log.put(good[:300] + bad[:1] + good[300:600] + bad[1:] + good[600:])
                wait_applied(database, 903, 40)
                check_counts(database, good)
                letters = rows(database, "SELECT cause, record_value FROM telefact.dead_letters")
                assert sorted(value for _, value in letters) == sorted(event.SerializeToString() for event in bad)
                assert len({cause for cause, _ in letters}) == 1
                assert "partition stopped" not in bench.log_text()

    asyncio.run(body())
