"""S3 to S5: no descriptors, no threads, interrupted calls, signals in every state, a log nobody takes."""

from __future__ import annotations

import asyncio
import fcntl
import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.e2e.conftest import MakePlan, Run
from tests.e2e.test_outages import IDLE_CPU_MAX, cpu_s
from tests.faults.database import terminate
from tests.faults.disks import fill, needs_root, small_disk
from tests.faults.stores import quick
from tests.faults.torture import Tortured, build, check_end, outcome
from tests.support.pair import Pair
from tests.support.processes import http_get
from tests.support.proxy import Proxy
from tests.support.traffic import Traffic, TrafficPlan

NO_MORE_FILES = 3
PAGE_BYTES = 4096


@pytest.mark.timeout(180)
def test_S03_interrupted_and_short_calls_change_nothing(
    run: Run, make_plan: MakePlan, work_dir: Path
) -> None:
    async def body() -> None:
        shim = build(work_dir)
        async with Pair(make_plan(gateways=1, store_settings=quick())) as pair:
            for service in pair.services:
                await service.stop()
                with Tortured(service, shim, TORTURE_SOCKETS="50") as tortured:
                    await service.start()
                assert "socket" in tortured.happened
            async with Traffic(pair, TrafficPlan(seed=303, rate=200)) as traffic:
                await traffic.acked(1_500, 60)
                verdict = await traffic.settle_and_judge(deadline_s=60)
                assert verdict.is_green, verdict.report()
                assert [service.starts for service in pair.services] == [2, 2]

    run(body())


async def _make_both_tell(pair: Pair, deadline_s: float = 60.0) -> None:
    """Give both services something to log until they have dropped a line."""
    deadline = time.monotonic() + deadline_s
    webhook = pair.webhooks[0].removeprefix("http://").split("/")[0]
    for service in (pair.gateways[0], pair.store):
        while (await service.metrics())["log_lines_dropped_total"] == 0:
            assert time.monotonic() < deadline, f"{service.name} drops no line"
            if service is pair.store:
                await asyncio.to_thread(_end_store_sessions, pair)
            else:
                await http_get(webhook, "/not-the-path")
            await asyncio.sleep(0.5)


def fill_page(log: Path) -> None:
    """To the end of what the file has on its disk already."""
    with log.open("ab") as out:
        out.write(b"\n" * (-log.stat().st_size % PAGE_BYTES))


def _end_store_sessions(pair: Pair) -> int:
    with psycopg.connect(pair.database_url) as database:
        return terminate(database)


@pytest.mark.timeout(180)
@needs_root
def test_S03_a_full_disk_under_the_log_is_borne_until_there_is_room(
    run: Run, make_plan: MakePlan
) -> None:
    async def body() -> None:
        plan = make_plan(gateways=1, store_settings=quick())
        with small_disk(4) as disk:
            async with Pair(plan) as pair:
                for service in pair.services:
                    await service.stop()
                    service.log_path = disk / f"{service.name}.log"
                    await service.start()
                async with Traffic(pair, TrafficPlan(seed=312, rate=200)) as traffic:
                    await traffic.acked(100, 30)
                    ballast = fill(disk)
                    for service in pair.services:
                        fill_page(service.log_path)
                    await _make_both_tell(pair)
                    await traffic.acked_more(500, 30)
                    for service in pair.services:
                        await service.wait_ready()
                        assert service.log_path.stat().st_size % PAGE_BYTES == 0, "not a byte more"
                    ballast.unlink()
                    await traffic.acked_more(100, 30)
                    verdict = await traffic.settle_and_judge()
                    assert verdict.is_green, verdict.report()
                for service in pair.services:
                    status = await service.stop()
                    lines = service.log_path.read_text().splitlines()
                    assert status == 0
                    assert len(lines) > 10
                    assert any("drained" in line for line in lines[-3:]), "lines are written again"

    run(body())


@pytest.mark.timeout(180)
def test_S03_no_descriptor_left_is_refused_and_recovers(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        plan = make_plan(gateways=2, store_settings=quick())
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=304, rate=200)) as traffic:
            await traffic.acked(300, 30)
            before = {
                service.name: resource.prlimit(service.pid, resource.RLIMIT_NOFILE)
                for service in pair.services
            }
            for service in pair.services:  # those that are open stay, and there are no others
                resource.prlimit(
                    service.pid, resource.RLIMIT_NOFILE, (NO_MORE_FILES, before[service.name][1])
                )
            sockets = []
            for address in (*pair.webhooks, *pair.publish_targets, pair.store_rpc):
                host, port = address.removeprefix("http://").split("/")[0].split(":")
                sockets += [await asyncio.open_connection(host, int(port)) for _ in range(50)]
            assert await asyncio.to_thread(_end_store_sessions, pair) >= 1  # it needs new ones
            await asyncio.sleep(5)
            cpu = {service.name: cpu_s(service) for service in pair.services}
            await asyncio.sleep(3)
            for service in pair.services:
                assert service.is_running, service.log_end()
                assert (cpu_s(service) - cpu[service.name]) / 3 < IDLE_CPU_MAX, f"{service.name} spins"
            assert "level=warn" in pair.store.log_path.read_text(), "it tells that it cannot go on"
            for _, writer in sockets:
                writer.close()
            for service in pair.services:
                resource.prlimit(service.pid, resource.RLIMIT_NOFILE, before[service.name])
            await traffic.acked_more(300, 60)
            for service in pair.services:
                await service.wait_ready()
            verdict = await traffic.settle_and_judge()
            assert verdict.is_green, verdict.report()
            assert [service.starts for service in pair.services] == [1, 1, 1]

    run(body())


@pytest.mark.timeout(120)
def test_S03_an_event_before_anybody_listens_is_not_the_last(
    run: Run, make_plan: MakePlan, work_dir: Path
) -> None:
    """Kafka refuses at the start, and its error is there before the gateway watches for events."""

    async def body() -> None:
        shim = build(work_dir)
        plan = make_plan(gateways=1, store_settings=quick())
        host, port = plan.servers.kafka_bootstrap.split(":")
        async with Pair(plan) as pair:
            gateway = pair.gateways[0]
            await gateway.stop()
            with Proxy((host, int(port))) as proxy:
                gateway.environment["GATEWAY_KAFKA_BOOTSTRAP_SERVERS"] = proxy.address
                proxy.refuse()
                with Tortured(gateway, shim, TORTURE_EVENTFD_MS="300") as tortured:
                    await gateway.spawn()
                await asyncio.sleep(2)
                assert "eventfd" in tortured.happened
                proxy.accept()
                await gateway.wait_ready()
                async with Traffic(pair, TrafficPlan(seed=311, rate=200)) as traffic:
                    await traffic.acked(200, 20)
                    verdict = await traffic.settle_and_judge()
                    assert verdict.is_green, verdict.report()

    run(body())


@pytest.mark.timeout(120)
def test_S03_a_thread_that_cannot_be_made_crashes_nothing(
    run: Run, make_plan: MakePlan, work_dir: Path
) -> None:
    async def body() -> None:
        shim = build(work_dir)
        async with Pair(make_plan(gateways=1, store_settings=quick())) as pair:
            for service in pair.services:
                await service.stop()
                for number in (1, 2, 3):
                    with Tortured(service, shim, TORTURE_THREAD=str(number)) as tortured:
                        await service.spawn()
                        status = await outcome(service, 10)
                    assert "thread" in tortured.happened
                    if status is None:
                        await service.kill()
                    else:
                        check_end(service, status, "all")
                await service.start()

    run(body())


@pytest.mark.timeout(180)
def test_S04_every_signal_has_its_one_way(run: Run, make_plan: MakePlan) -> None:
    """SIGPIPE: none; SIGTERM at any moment of a start or under load: a drain; a second one: at once."""

    async def body() -> None:
        plan = make_plan(gateways=2, store_settings=quick())
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=306, rate=200)) as traffic:
            await traffic.acked(200, 30)
            for service in pair.services:
                service.signal(signal.SIGPIPE)
            await traffic.acked_more(100, 30)
            assert [service.starts for service in pair.services] == [1, 1, 1]
            assert all(service.is_running for service in pair.services)
            for wait_s in (0.0, 0.01, 0.03, 0.1, 0.3, 1.0):
                for service in (pair.gateways[0], pair.store):
                    await service.stop()
                    await service.spawn()
                    await asyncio.sleep(wait_s)
                    service.signal(signal.SIGTERM)
                    status = await service.wait(20)
                    assert status in (0, -signal.SIGTERM), (
                        f"after {wait_s} s: {status}\n{service.log_end()}"
                    )
                    assert status == 0 or wait_s < 1.0, "a drain when it is up"
                    await service.start()
            for service in (pair.gateways[0], pair.store):
                service.signal(signal.SIGTERM)
                service.signal(signal.SIGTERM)
                began = time.monotonic()
                assert await service.wait(5) in (0, 1)
                assert time.monotonic() - began < 5
                await service.start()
            verdict = await traffic.settle_and_judge(deadline_s=90)
            assert verdict.is_green, verdict.report()

    run(body())


@pytest.fixture
def sighup_is_not_ignored() -> Iterator[None]:
    """Under nohup the services would inherit that it is, and rightly keep it so."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("sighup_is_not_ignored")
def test_S04_sighup_drains_as_sigterm_does(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        plan = make_plan(gateways=2, store_settings=quick())
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=307, rate=200)) as traffic:
            await traffic.acked(200, 30)
            for service in (pair.gateways[0], pair.store):
                service.signal(signal.SIGHUP)
                assert await service.wait(30) == 0, service.log_end()
                await service.start()
            verdict = await traffic.settle_and_judge(deadline_s=90)
            assert verdict.is_green, verdict.report()

    run(body())


def full_pipe(path: Path) -> int:
    """A named pipe that nobody reads and that takes no more; the descriptor keeps it open."""
    os.mkfifo(path)
    pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
    while True:
        try:
            os.write(pipe, b"x" * 512)
        except BlockingIOError:
            return pipe


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", ["full", "closed", "no_space"])
def test_S05_a_log_that_nobody_takes_blocks_no_work(
    run: Run, make_plan: MakePlan, work_dir: Path, kind: str
) -> None:
    async def body() -> None:
        plan = make_plan(
            gateways=1,
            store_settings=quick(STORE_LOG_LEVEL="debug"),
            gateway_settings={"GATEWAY_LOG_LEVEL": "debug"},
        )
        async with Pair(plan) as pair:
            pipes = []
            kept = {service.name: service.log_path for service in pair.services}
            for service in pair.services:
                await service.stop()
                service.log_path = (
                    Path("/dev/full") if kind == "no_space" else work_dir / f"{service.name}.pipe"
                )
                if kind != "no_space":
                    pipes.append(full_pipe(service.log_path))
                await service.start()
            if kind == "closed":
                for pipe in pipes:
                    os.close(pipe)
            for service in pair.services:
                service.log_path = kept[service.name]
            async with Traffic(pair, TrafficPlan(seed=308, rate=200)) as traffic:
                await traffic.acked(1_000, 40)
                verdict = await traffic.settle_and_judge()
                assert verdict.is_green, verdict.report()
            for service in pair.services:
                samples = await service.metrics()
                dropped = [
                    value for name, value in samples.items() if "log" in name and "dropped" in name
                ]
                assert dropped and dropped[0] > 0, "lines that could not be written are counted"
            for pipe in pipes if kind == "full" else []:
                os.close(pipe)

    run(body())
