"""PostgreSQL's server goes: killed again and again, replaced by a standby that lost commits, not to be trusted."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deploy.local.postgres import Postgres
from deploy.local.process import free_ports, run_as
from deploy.local.servers import Servers
from tests.e2e.conftest import MakePlan, Run
from tests.faults.database import Bench, Proxy, applied_at, check_counts, many, through, until, until_logged
from tests.faults.disks import fill, needs_root, small_disk
from tests.faults.repeat import patience, rounds
from tests.faults.test_postgres_trouble import count_users, reads_again
from tests.integration.store_log import Log, connected, rows
from tests.support.certificates import DAY_S, Authority
from tests.support.pair import Pair
from tests.support.traffic import Traffic, TrafficPlan

KILLS = rounds(50)
IN_FLIGHT_MAX = 150  # records of a batch that was on its way when the address changed


@pytest.mark.timeout(patience(600))
def test_P01_a_server_killed_again_and_again_loses_nothing(run: Run, make_hurt_plan: MakePlan) -> None:
    async def body() -> None:
        plan = make_hurt_plan(gateways=1)
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=301, rate=150)) as traffic:
            await traffic.acked(100, 30)
            for _ in range(KILLS):
                await asyncio.to_thread(plan.servers.kill_postgres)
                await traffic.acked_more(20, 20)
                await asyncio.to_thread(plan.servers.start_postgres)
                before = sum((await asyncio.to_thread(pair.fences)).values())
                await until("it goes on", lambda: sum(pair.fences().values()) > before, 30)
            verdict = await traffic.settle_and_judge(deadline_s=90)
            assert verdict.is_green, verdict.report()
            assert pair.store.starts == 1

    run(body())


def standby_of(primary: Postgres, home: Path) -> Postgres:
    """A second server that follows the first one asynchronously; it runs."""
    port = free_ports(1)[0]
    home.mkdir(parents=True)
    home.chmod(0o700)
    if primary.user:
        os.chown(home, primary.user.pw_uid, primary.user.pw_gid)
    data = home / "data"
    basebackup = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_basebackup"))[-1]
    subprocess.run([basebackup, "-D", data, "-R", "-X", "stream", "-c", "fast", "-U", "postgres", "-h", primary.home,
                    "-p", str(primary.state["port"])], check=True, cwd=home, **run_as(primary.user))
    with (data / "postgresql.auto.conf").open("a") as conf:
        conf.write(f"port = {port}\nunix_socket_directories = '{home}'\n")
    state = {key: primary.state[key] for key in ("password", "role")}
    standby = Postgres(home, {**state, "home": str(home), "port": port})
    standby.launch()
    standby.wait_ready()
    return standby


@pytest.mark.timeout(240)
def test_P03_a_standby_that_lost_commits_takes_over(run: Run, make_plan: MakePlan, own_servers: Servers) -> None:
    async def body() -> None:
        plan = make_plan(gateways=1)
        plan.servers = own_servers
        first = own_servers.postgres
        database = f"t_{plan.name}"
        with Proxy(("127.0.0.1", first.state["port"])) as proxy:
            url = through(first.url(database), proxy)
            plan.store_settings = {"STORE_DATABASE_URL": url}
            standby = None
            async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=303, rate=150)) as traffic:
                try:
                    await traffic.acked(300, 30)
                    standby = standby_of(first, Path(f"{first.home}.standby"))
                    await traffic.acked_more(100, 20)
                    # What it has received it would replay when promoted, paused or not: it must receive no more.
                    standby.query("ALTER SYSTEM SET primary_conninfo = ''")
                    standby.query("SELECT pg_reload_conf()")
                    await until("it follows no more", lambda: first.query(
                        "SELECT count(*) FROM pg_stat_replication").strip() == "0")
                    at_standby = applied_at_socket(standby, database)
                    await traffic.acked_more(300, 20)
                    await until("commits will be lost", lambda: applied_at_socket(first, database) > at_standby + 100)
                    lost_from = applied_at_socket(first, database)
                    first.kill()
                    proxy.refuse()
                    proxy.cut(reset=True)
                    standby.query("SELECT pg_promote()")
                    back = applied_at_socket(standby, database)
                    print(f"position {lost_from} -> {back}")
                    assert back < lost_from - 100, "no commit was lost"
                    proxy.target = ("127.0.0.1", standby.state["port"])
                    proxy.accept()
                    pair.database_url = url
                    await traffic.acked_more(100, 20)
                    verdict = await traffic.settle_and_judge(deadline_s=90)
                    assert verdict.is_green, verdict.report()
                    assert pair.store.starts == 1
                finally:
                    if standby is not None:
                        standby.kill()
                        standby.remove()

    run(body())


def applied_at_socket(server: Postgres, database: str) -> int:
    """The sum of the positions on this server."""
    dsn = server.admin_dsn.replace("dbname=postgres", f"dbname={database}")
    with psycopg.connect(dsn, autocommit=True) as connection:
        return int(rows(connection, "SELECT coalesce(sum(next_offset), 0) FROM g1.fence")[0][0])


@pytest.mark.timeout(240)
def test_P04_a_standby_serves_reads_and_takes_no_writes(run: Run, make_plan: MakePlan, own_servers: Servers) -> None:
    """The address leads to the standby for a while, as after a failover that was taken back."""

    async def body() -> None:
        plan = make_plan(gateways=1)
        plan.servers = own_servers
        first = own_servers.postgres
        database = f"t_{plan.name}"
        with Proxy(("127.0.0.1", first.state["port"])) as proxy:
            plan.store_settings = {"STORE_DATABASE_URL": through(first.url(database), proxy)}
            standby = None
            async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=304, rate=150)) as traffic:
                try:
                    await traffic.acked(300, 30)
                    standby = standby_of(first, Path(f"{first.home}.standby"))
                    at = applied_at_socket(first, database)
                    proxy.target = ("127.0.0.1", standby.state["port"])
                    proxy.cut(reset=True)
                    await until_logged(pair.store, "read-only")
                    await traffic.acked_more(200, 30)
                    assert await reads_again(pair.store) > 0
                    for _ in range(20):
                        assert await count_users(pair.store) > 0
                    assert not await pair.store.is_ready(), "what comes in is not applied"
                    assert applied_at_socket(first, database) <= at + IN_FLIGHT_MAX
                    proxy.target = ("127.0.0.1", first.state["port"])
                    proxy.cut(reset=True)
                    await pair.store.wait_ready()
                    verdict = await traffic.settle_and_judge(deadline_s=90)
                    assert verdict.is_green, verdict.report()
                    assert pair.store.starts == 1
                finally:
                    if standby is not None:
                        standby.kill()
                        standby.remove()

    run(body())


@pytest.mark.timeout(240)
@needs_root
def test_P06_a_full_disk_under_the_servers_own_log_is_survived(
    servers: Servers, name: str, binaries: Path, work_dir: Path
) -> None:
    """Without room for its log PostgreSQL panics, again and again or for good, until somebody makes room."""

    async def body() -> None:
        with small_disk(80, "postgres") as disk, hurt_postgres(work_dir / "postgres", disk) as server:
            bench = Bench(Log(servers.kafka_bootstrap, f"t.{name}"), server.create_database("cramped"), binaries, work_dir)
            bench.log.put(many(200))
            async with bench.running(STORE_ROLES="ingest,rpc") as store:
                await until("applied", lambda: applied_at(bench.url) == 200)
                ballast = fill(disk)
                bench.log.put(many(5_000, start=200))
                with contextlib.suppress(RuntimeError):
                    server.query("SELECT pg_switch_wal()")  # the next piece of its log has no room
                bench.log.put(many(5_000, start=5_200))
                await until("the server panics", lambda: is_in_panic(server), 60)
                await until("the store tells", lambda: "level=warn" in bench.log_text())
                bench.log.put(many(5_000, start=10_200))
                await asyncio.sleep(5)  # it may come up and panic again
                ballast.unlink()
                if not server.is_running():
                    server.launch()
                server.wait_ready()
                await until("all applied", lambda: applied_at(bench.url) == 15_200, 90)
                with connected(bench.url) as database:
                    batches = [many(200), *(many(5_000, start=start) for start in (200, 5_200, 10_200))]
                    check_counts(database, [event for batch in batches for event in batch])
                await store.wait_ready()
                assert store.starts == 1

    asyncio.run(body())


def is_in_panic(server: Postgres) -> bool:
    log = (server.home / "postgres.log").read_text()
    return "PANIC" in log and "No space left on device" in log


@contextlib.contextmanager
def hurt_postgres(home: Path, disk: Path) -> Iterator[Postgres]:
    """A server of one's own whose write-ahead log stands on this disk."""
    server = Postgres(home, {})
    server.prepare()
    there = disk / "pg_wal"
    here = server.home / "data" / "pg_wal"
    shutil.copytree(here, there)
    shutil.rmtree(here)
    here.symlink_to(there)
    for part in (there, *there.rglob("*")):
        shutil.chown(part, "postgres", "postgres")
    server.launch()
    try:
        server.wait_ready()
        yield server
    finally:
        server.kill()
        server.remove()


class Certificates:
    """Two authorities and what they signed for 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authorities = {name: Authority(folder, name) for name in ("ours", "foreign")}

    def server(self, name: str, authority: str = "ours", address: str = "127.0.0.1", days: int = 30) -> str:
        self.authorities[authority].issue(name, "server", valid_s=days * DAY_S, address=address)
        return name

    def install(self, server: Postgres, name: str) -> None:
        """Let the server show it, to connections from now on."""
        for suffix in ("key", "crt"):
            there = server.home / "data" / f"server.{suffix}"
            shutil.copyfile(self.folder / f"{name}.{suffix}", there)
            there.chmod(0o600)
            if server.user:
                os.chown(there, server.user.pw_uid, server.user.pw_gid)
        server.query("ALTER SYSTEM SET ssl = on")
        server.query("SELECT pg_reload_conf()")


@pytest.fixture
def trusted(hurt_servers: Servers, name: str, binaries: Path, work_dir: Path) -> Iterator[Bench]:
    """A store that wants the server's certificate of our authority; the server is without one so far."""
    url = hurt_servers.create_database(f"t_{name}")
    bench = Bench(Log(hurt_servers.kafka_bootstrap, f"t.{name}"), url, binaries, work_dir)
    yield bench
    hurt_servers.postgres.query("ALTER SYSTEM RESET ssl")
    hurt_servers.postgres.query("SELECT pg_reload_conf()")


@pytest.mark.timeout(180)
def test_P09_only_the_server_of_our_authority_is_trusted(trusted: Bench, hurt_servers: Servers, work_dir: Path) -> None:
    async def body() -> None:
        certificates = Certificates(work_dir)
        server = hurt_servers.postgres
        bench = Bench(trusted.log, f"{trusted.url}?sslmode=verify-full&sslrootcert={work_dir}/ours.crt",
                      trusted.binaries, work_dir)
        faults = [
            ("off", "does not support SSL"),
            (certificates.server("expired", days=-1), "certificate verify failed"),
            (certificates.server("stranger", authority="foreign"), "certificate verify failed"),
            (certificates.server("elsewhere", address="127.0.0.2"), "does not match host name"),
        ]
        bench.log.put(many(100))
        for fault, says in faults:
            if fault != "off":
                certificates.install(server, fault)
            store = bench.store(fault)
            await store.spawn()
            try:
                await until_logged(store, says)
                assert not await store.is_ready()
                with connected(trusted.url) as database:
                    assert rows(database, "SELECT to_regclass('g1.fence')") == [(None,)], "it went on without trust"
            finally:
                if store.is_running:
                    await store.kill()
        store = bench.store("good")
        await store.spawn()
        try:
            await until_logged(store, says)
            certificates.install(server, certificates.server("good"))
            if not store.is_running:
                await store.spawn()
            await until("applied", lambda: applied_at(trusted.url) == 100, 30)
            with connected(trusted.url) as database:
                check_counts(database, many(100))
                assert rows(database, "SELECT bool_and(ssl) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE "
                                      "application_name = 'telefact-store' AND datname = current_database()") == [(True,)]
        finally:
            await store.kill()

    asyncio.run(body())


class StripsTls:
    """A server in the middle that says "no TLS here" and keeps what it is told then."""

    SSL_REQUEST = (80877103).to_bytes(4, "big")

    def __init__(self) -> None:
        self.asked = 0
        self.told = b""
        self.port = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> StripsTls:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            request = await reader.readexactly(8)
            self.told += b"" if request[4:] == self.SSL_REQUEST else request
            self.asked += 1
            writer.write(b"N")
            self.told += await reader.read(1000)
        writer.close()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("mode", ["verify-full", "verify-ca", "require"])
def test_P09_nothing_is_said_in_plaintext_when_tls_is_taken_away(trusted: Bench, mode: str) -> None:
    """For writer and readers alike: not the user's name, not the database's, no proof of the password."""

    async def body() -> None:
        async with StripsTls() as middle:
            before, _, after = trusted.url.rpartition(":")
            url = f"{before}:{middle.port}/{after.partition('/')[2]}?sslmode={mode}"
            trusted.log.put(many(100))
            store = Bench(trusted.log, url, trusted.binaries, trusted.work_dir).store(
                STORE_ROLES="ingest,rpc", STORE_MIGRATE_ON_START="false")
            await store.spawn()
            try:
                await until("it came again", lambda: middle.asked > 3, 40)
                await until_logged(store, "does not support SSL")
                assert middle.told == b""
                assert not await store.is_ready()
            finally:
                if store.is_running:
                    await store.kill()

    asyncio.run(body())


@pytest.mark.timeout(120)
def test_P09_a_refused_password_is_said_without_saying_it(trusted: Bench, hurt_servers: Servers) -> None:
    async def body() -> None:
        server = hurt_servers.postgres
        trusted.log.put(many(100))
        async with trusted.running() as store:
            await until("applied", lambda: applied_at(trusted.url) == 100)
            server.query("ALTER ROLE telefact PASSWORD 'another-one'")
            try:
                server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'telefact'")
                trusted.log.put(many(100, start=100))
                await until_logged(store, "password authentication failed")
                await asyncio.sleep(1)
                assert not await store.is_ready()
                assert server.state["password"] not in store.log_path.read_text()
            finally:
                server.query(f"ALTER ROLE telefact PASSWORD '{server.state['password']}'")
            await until("it goes on", lambda: applied_at(trusted.url) == 200, 30)
            with connected(trusted.url) as database:
                check_counts(database, many(100) + many(100, start=100))

    asyncio.run(body())
