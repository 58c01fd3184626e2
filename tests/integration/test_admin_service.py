"""AdminService of the real store: a rebuild ordered and watched by RPC, beside live ingest, and what is refused."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pytest

from deploy.local.servers import Servers
from tests.integration.store_log import Log, connected, rows
from tests.integration.test_replay import Bench, applied, content, run, state_of, until, varied
from tests.support.canary import RPC_TOKEN
from tests.support.processes import Service, free_port, http_get, parse_metrics
from tests.support.protos import admin_grpc, admin_pb2, read_grpc, read_pb2

ROOT = Path(__file__).resolve().parents[2]
ADMIN_TOKEN = "admin-token-of-the-tests-0123456789"
PATIENCE_S = 120  # of a call, on a busy machine; the server's own limit is 30 s
Database = psycopg.Connection[Any]
Progress = admin_pb2.RebuildProgress
State = admin_pb2.RebuildState


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


class Admin:
    """Calls of AdminService with a token."""

    def __init__(self, channel: grpc.aio.Channel, token: str = ADMIN_TOKEN) -> None:
        self.stub, self._metadata = admin_grpc.AdminServiceStub(channel), bearer(token)

    async def call(self, method: str, **fields: Any) -> Any:
        """One unary call; its answer."""
        kind = admin_pb2.DESCRIPTOR.services_by_name["AdminService"].methods_by_name[method].input_type
        request = getattr(admin_pb2, kind.name)(**fields)
        return await getattr(self.stub, method)(request, metadata=self._metadata, timeout=PATIENCE_S)

    async def refused(self, method: str, **fields: Any) -> str:
        """How a call is refused."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.call(method, **fields)
        return f"{caught.value.code().name} {caught.value.details()}"

    def watch(self, generation: int = 0) -> grpc.aio.UnaryStreamCall[Any, Any]:
        request = admin_pb2.WatchRebuildRequest(generation=generation)
        return self.stub.WatchRebuild(request, metadata=self._metadata)

    async def progress(self, generation: int = 0) -> Progress:
        return (await self.call("GetRebuild", generation=generation)).progress


@pytest.fixture
def bench(servers: Servers, topic_prefix: str, database_url: str, binaries: Path, work_dir: Path) -> Bench:
    return Bench(Log(servers.kafka_bootstrap, topic_prefix), database_url, binaries, work_dir)


@asynccontextmanager
async def served(bench: Bench, count: int, **more: str) -> AsyncIterator[tuple[Service, grpc.aio.Channel, Database]]:
    """A store that ingests and serves, with so many events applied."""
    rpc = free_port()
    (bench.work_dir / "admin_tokens").write_text(ADMIN_TOKEN + "\n")
    (bench.work_dir / "read_tokens").write_text(RPC_TOKEN + "\n")
    settings = {
        "STORE_ROLES": "ingest,rpc", "STORE_RPC_LISTEN": f"127.0.0.1:{rpc}",
        "STORE_RPC_ADMIN_TOKENS_FILE": str(bench.work_dir / "admin_tokens"),
        "STORE_RPC_TOKENS_FILE": str(bench.work_dir / "read_tokens"),
    } | more
    bench.log.put(varied(count))
    async with bench.store(**settings) as service:
        with connected(bench.url) as database:
            await until("applied", lambda: applied(database, 1) == count)
            async with grpc.aio.insecure_channel(f"127.0.0.1:{rpc}") as channel:
                yield service, channel, database
        if service.is_running:
            assert await service.stop() == 0, "it drains"


def with_admin(bench: Bench, count: int, body: Callable[[Admin, Database, Service], Awaitable[None]], **more: str) -> None:
    async def whole() -> None:
        async with served(bench, count, **more) as (service, channel, database):
            await body(Admin(channel), database, service)

    run(whole)


def refusals(samples: dict[str, float]) -> dict[str, int]:
    """Counts of what AdminService refused."""
    head = 'refusals_total{where="rebuild",code="'
    return {name[len(head):-2]: int(value) for name, value in samples.items() if name.startswith(head) and value > 0}


async def metrics_at(listen: str) -> dict[str, float]:
    _, body = await http_get(listen, "/metrics")
    return parse_metrics(body.decode())


def test_a_rebuild_is_ordered_watched_paused_swapped_and_dropped(bench: Bench) -> None:
    async def body(admin: Admin, database: Database, service: Service) -> None:
        started = await admin.call("StartRebuild", expected_differences="users.lang,music")
        assert started.generation == 2
        assert (await admin.call("PauseRebuild")).generation == 2
        metrics = f"127.0.0.1:{free_port()}"
        worker = await bench.begin("work", "--grace-hours", "1", "--admin-listen", metrics)
        seen: list[Progress] = []
        async for message in admin.watch():
            seen.append(message.progress)
            if len(seen) == 1:
                bench.log.put(varied(100, 600))
                await until("live goes on", lambda: applied(database, 1) == 700)
            elif len(seen) == 2:
                samples = await until_metrics(metrics, "rebuild_paused", 1)
                assert (samples["rebuild_generation"], samples["rebuild_events_target"]) == (2, 600)
                assert samples['rebuild_state{state="building"}'] == 1
                assert (await admin.call("ResumeRebuild", generation=2)).generation == 2
            elif message.progress.state == State.REBUILD_STATE_READY and message.progress.events_behind == 0:
                break
        first, last = seen[0], seen[-1]
        assert (first.generation, first.state, first.is_paused) == (2, State.REBUILD_STATE_BUILDING, True)
        assert (first.events_done, first.events_total, first.events_behind) == (0, 600, 600)
        assert not first.HasField("events_per_second"), "one look knows no speed"
        assert seen[1].events_per_second == 0 and not seen[1].HasField("seconds_left")
        assert (last.events_done, last.live_events_behind, last.is_paused) == (600, 0, False)

        samples = await until_metrics(metrics, 'rebuild_state{state="ready"}', 1)
        assert (samples["rebuild_events_done"], samples["rebuild_events_target"]) == (600, 600)
        assert (samples["rebuild_paused"], samples["rebuild_eta_seconds"]) == (0, -1)
        assert (samples["rebuild_lag_messages"], samples["rebuild_live_lag_messages"]) == (0, 0)
        assert samples['events_applied_total{kind="video_downloaded",result="new"}'] > 0

        assert (await admin.call("SwapRebuild")).generation == 2
        assert rows(database, "SELECT generation FROM telefact.active") == [(2,)]
        assert (await admin.call("RollbackRebuild")).generation == 1
        assert (await admin.call("RollbackRebuild", generation=2)).generation == 2
        assert [message.progress.state async for message in admin.watch(2)] == [State.REBUILD_STATE_LIVE]
        listed = (await admin.call("ListRebuilds")).generations
        assert [(one.generation, one.state) for one in listed] == [
            (1, State.REBUILD_STATE_RETIRED), (2, State.REBUILD_STATE_LIVE)]
        assert listed[1].expected_differences == "users.lang,music" and listed[1].as_of_position == ""
        assert listed[1].created_at >= listed[0].created_at > 1_700_000_000 and listed[1].projection_version > 0
        worker.terminate()
        assert await worker.wait() == 0
        assert content(database, 1) == content(database, 2)
        assert (await admin.call("DropGeneration", generation=1)).generation == 1
        assert state_of(database, 1) == "none"
        log = service.log_path.read_text()
        for told in ("rebuild was started", "rebuild was paused", "readers went over", "generation was dropped"):
            assert told in log, "an order is in the log"

    with_admin(bench, 600, body)


async def until_metrics(listen: str, name: str, value: float) -> dict[str, float]:
    """The samples, as soon as one of them is this."""
    async def ask() -> dict[str, float]:
        while True:
            samples = await metrics_at(listen)
            if samples.get(name) == value:
                return samples
            await asyncio.sleep(0.05)

    return await asyncio.wait_for(ask(), PATIENCE_S)


def test_a_rebuild_is_cancelled_while_it_is_watched(bench: Bench) -> None:
    async def body(admin: Admin, database: Database, service: Service) -> None:
        await admin.call("StartRebuild", force=True)
        assert (await bench.replay("work", "--admin-listen", service.admin))[0] == 1, "there the store listens"
        assert "--admin-listen: " in bench.log_text()
        call = admin.watch(2)
        assert (await call.read()).progress.state == State.REBUILD_STATE_BUILDING
        assert (await admin.call("CancelRebuild")).generation == 2
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            while await call.read() is not grpc.aio.EOF:
                pass
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
        assert state_of(database, 2) == "none"
        assert rows(database, "SELECT FROM pg_namespace WHERE nspname = 'g2'") == []

    with_admin(bench, 90, body)


def test_a_past_moment_is_built_by_position_and_by_time(bench: Bench) -> None:
    async def body(admin: Admin, database: Database, service: Service) -> None:
        newest = rows(database, "SELECT partition, next_offset FROM g1.fence ORDER BY 1")
        position = ",".join(f"{partition}:{offset}" for partition, offset in newest)
        before = content(database, 1)
        bench.log.put(varied(100, 300))
        await until("applied", lambda: applied(database, 1) == 400)
        await admin.call("StartRebuild", as_of_position=position)
        assert (await bench.replay("work"))[0] == 0, bench.log_text()
        assert (await admin.progress(2)).state == State.REBUILD_STATE_PAST
        assert content(database, 2) == before
        assert (await admin.call("ListRebuilds")).generations[1].as_of_position == position
        assert (await admin.refused("SwapRebuild", generation=2)).startswith("FAILED_PRECONDITION generation 2 is past")
        await admin.call("DropGeneration", generation=2)
        await admin.call("StartRebuild", as_of_time=1)  # before all of it
        progress = await admin.progress()
        assert (progress.generation, progress.events_total) == (2, 0)
        await admin.call("CancelRebuild", generation=2)

    with_admin(bench, 300, body)


def test_every_wrong_order_is_refused_and_counted(bench: Bench) -> None:
    async def body(admin: Admin, database: Database, service: Service) -> None:
        rebuild = ("PauseRebuild", "ResumeRebuild", "SwapRebuild", "CancelRebuild")
        for method in rebuild:
            assert await admin.refused(method) == "NOT_FOUND nothing is being rebuilt"
        assert await admin.refused("RollbackRebuild") == "NOT_FOUND no generation is kept to go back to"
        for method in (*rebuild, "RollbackRebuild", "DropGeneration", "GetRebuild"):
            assert await admin.refused(method, generation=7) == "NOT_FOUND there is no generation 7"
            assert await admin.refused(method, generation=-1) == "INVALID_ARGUMENT generation: must not be negative"
        assert refusals(await service.metrics()) == {"not_found": 12, "invalid_argument": 7}
        for method in (*rebuild, "RollbackRebuild", "DropGeneration"):
            answer = await admin.refused(method, generation=1)
            assert answer.startswith("FAILED_PRECONDITION generation 1 is live, and this needs one that "), answer
        assert await admin.refused("DropGeneration") == "INVALID_ARGUMENT generation: must be given"
        for fields, field in (({"as_of_time": -1}, "as_of_time"), ({"as_of_time": 253402300800}, "as_of_time"),
                              ({"as_of_position": ""}, "as_of_position"), ({"as_of_position": "x"}, "as_of_position"),
                              ({"expected_differences": "users;"}, "expected_differences"),
                              ({"expected_differences": "u" * 1001}, "expected_differences")):
            answer = await admin.refused("StartRebuild", **fields)
            assert answer.startswith(f"INVALID_ARGUMENT {field}: "), answer
        answer = await admin.refused("StartRebuild", as_of_position="0:1000000")
        assert answer == "FAILED_PRECONDITION the log of partition 0 ends before offset 1000000"
        await admin.call("StartRebuild")
        assert (await admin.refused("StartRebuild")).startswith("FAILED_PRECONDITION a rebuild is under way")
        assert (await admin.refused("SwapRebuild")).startswith("FAILED_PRECONDITION generation 2 is building: only one")
        assert refusals(await service.metrics()) == {"not_found": 12, "invalid_argument": 14, "wrong_state": 9}
        assert (await admin.progress()).generation == 2, "after all of that it goes on"
        log = service.log_path.read_text()
        for code in ("not_found", "invalid_argument", "wrong_state"):
            assert f"where=rebuild code={code} " in log

    with_admin(bench, 90, body)


def test_only_the_tokens_of_administration_authorise_it_and_they_nothing_else(bench: Bench) -> None:
    async def whole() -> None:
        async with served(bench, 90) as (service, channel, database):
            reads, request = read_grpc.ReadServiceStub(channel), read_pb2.HealthcheckRequest()
            assert (await reads.Healthcheck(request, metadata=bearer(RPC_TOKEN), timeout=PATIENCE_S)).ok
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await reads.Healthcheck(request, metadata=bearer(ADMIN_TOKEN), timeout=PATIENCE_S)
            assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
            methods = admin_pb2.DESCRIPTOR.services_by_name["AdminService"].methods
            unary = [method.name for method in methods if method.name != "WatchRebuild"]
            for token in (RPC_TOKEN, ADMIN_TOKEN + "x", "x"):
                for method in unary:
                    assert await Admin(channel, token).refused(method) == "UNAUTHENTICATED unauthenticated"
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await Admin(channel, token).watch().read()
                assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
            count = (await service.metrics())['refusals_total{where="rpc",code="unauthenticated"}']
            assert count == 1 + 3 * len(methods)
            assert rows(database, "SELECT id FROM telefact.generations") == [(1,)]

    run(whole)


def test_on_loopback_reads_need_no_token_and_orders_do(bench: Bench) -> None:
    async def whole() -> None:
        async with served(bench, 9, STORE_RPC_TOKENS_FILE="") as (_, channel, _database):
            assert (await read_grpc.ReadServiceStub(channel).Healthcheck(read_pb2.HealthcheckRequest())).ok
            assert await Admin(channel, "x").refused("StartRebuild") == "UNAUTHENTICATED unauthenticated"
            assert len((await Admin(channel).call("ListRebuilds")).generations) == 1

    run(whole)


def test_without_tokens_of_its_own_it_is_off(bench: Bench) -> None:
    async def whole() -> None:
        more = {"STORE_RPC_ADMIN_TOKENS_FILE": "", "STORE_RPC_TOKENS_FILE": ""}
        async with served(bench, 9, **more) as (service, channel, database):
            methods = admin_pb2.DESCRIPTOR.services_by_name["AdminService"].methods
            off = "PERMISSION_DENIED AdminService is off: set STORE_RPC_ADMIN_TOKENS_FILE"
            for method in methods:
                if method.name != "WatchRebuild":
                    assert await Admin(channel).refused(method.name, **({"generation": 1} if "Drop" in method.name else {})) == off
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await Admin(channel).watch().read()
            assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
            assert refusals(await service.metrics()) == {"off": len(methods)}
            assert "where=rebuild code=off " in service.log_path.read_text()
            assert rows(database, "SELECT id FROM telefact.generations") == [(1,)]

    run(whole)


def test_a_token_of_both_files_is_no_configuration(bench: Bench) -> None:
    async def whole() -> None:
        (bench.work_dir / "tokens").write_text(RPC_TOKEN + "\n")
        tokens = str(bench.work_dir / "tokens")
        code, _ = await bench.replay("list", STORE_ROLES="rpc", STORE_RPC_TOKENS_FILE=tokens, STORE_RPC_ADMIN_TOKENS_FILE=tokens)
        assert code == 78
        assert "STORE_RPC_ADMIN_TOKENS_FILE: a token is in STORE_RPC_TOKENS_FILE too" in bench.log_text()

    run(whole)


def test_watches_are_few_and_end_with_the_store(bench: Bench) -> None:
    async def whole() -> None:
        async with served(bench, 9) as (service, channel, _):
            admin = Admin(channel)
            await admin.call("StartRebuild")
            watches = [admin.watch() for _ in range(16)]
            for watch in watches:
                assert (await watch.read()).progress.generation == 2
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await admin.watch().read()
            assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watches")
            assert refusals(await service.metrics()) == {"too_many": 1}
            watches[0].cancel()
            assert await service.stop() == 0, "a watch does not hold it up"
            for watch in watches[1:]:
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    while await watch.read() is not grpc.aio.EOF:
                        pass
                assert caught.value.code() == grpc.StatusCode.UNAVAILABLE

    run(whole)


def test_the_commands_of_the_page_work(bench: Bench) -> None:
    async def body(admin: Admin, database: Database, service: Service) -> None:
        page = (ROOT / "docs" / "replay.md").read_text()
        (function,) = re.findall(r"^order\(\) \{.*?; \}\n", page, re.M | re.S)
        (bench.work_dir / "admin-token").write_text(ADMIN_TOKEN + "\n")
        function = function.replace("-import-path proto", f"-import-path {ROOT / 'proto'}")
        function = function.replace("127.0.0.1:9091", service.environment["STORE_RPC_LISTEN"])
        environment = {**os.environ, "PATH": f"{ROOT / '.cache' / 'tools' / 'bin'}:{os.environ['PATH']}"}
        assert "order StartRebuild '{}'" in page
        for command in ("order StartRebuild '{}'", "order CancelRebuild '{}'"):
            process = await asyncio.create_subprocess_exec(
                "bash", "-c", function + command, cwd=bench.work_dir, env=environment, stdout=asyncio.subprocess.PIPE)
            out, _ = await process.communicate()
            assert json.loads(out) == {"generation": 2}

    with_admin(bench, 9, body)


def test_reads_are_answered_while_an_order_waits_for_a_lock(bench: Bench) -> None:
    """The order has its own thread; the loop never waits for the database."""
    async def body(admin: Admin, database: Database, service: Service) -> None:
        await admin.call("StartRebuild")
        address = service.environment["STORE_RPC_LISTEN"]
        with psycopg.connect(bench.url) as locker:
            locker.execute("LOCK TABLE telefact.generations IN ACCESS EXCLUSIVE MODE")
            order = asyncio.create_task(admin.refused("PauseRebuild"))
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'telefact-store admin'" \
                      " AND wait_event_type = 'Lock'"
            await until("the order waits", lambda: rows(database, waiting) == [(1,)])
            async with grpc.aio.insecure_channel(address) as channel:
                for _ in range(20):
                    stub, request = read_grpc.ReadServiceStub(channel), read_pb2.HealthcheckRequest()
                    assert (await stub.Healthcheck(request, metadata=bearer(RPC_TOKEN), timeout=PATIENCE_S)).ok
            answer = await order
        assert answer.startswith("UNAVAILABLE "), answer
        assert refusals(await service.metrics()) == {"unavailable": 1}
        assert (await admin.call("PauseRebuild")).generation == 2, "afterwards it is done"

    with_admin(bench, 9, body, STORE_LOCK_TIMEOUT_MS="1000")
