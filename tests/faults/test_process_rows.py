"""S1 and S3 to S5: no memory, no descriptors, no threads, interrupted calls, signals in every state, a log nobody takes."""

from __future__ import annotations

import asyncio
import fcntl
import os
import resource
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import MakePlan, Run
from tests.faults.stores import quick
from tests.faults.torture import Tortured, build
from tests.support.pair import Pair
from tests.support.processes import Service
from tests.support.proxy import Proxy
from tests.support.traffic import Traffic, TrafficPlan

NTH_AT_START = (1, 2, 3, 5, 9, 17, 40, 90, 200, 450, 900)
NTH_UNDER_LOAD = {"own": (700, 2_000), "all": (4_000, 9_000)}
MEMORY_ERRORS = {-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE}
FOREIGN_END = -signal.SIGABRT  # librdkafka asserts that it was given memory


async def outcome(service: Service, seconds: float) -> int | None:
    """The status with which it ended; None: it became ready or goes on trying."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and service.is_running and not await service.is_ready():
        await asyncio.sleep(0.02)
    return None if service.is_running else await service.wait(1)


def check_end(service: Service, status: int, who: str) -> None:
    """Either the one path of exhausted memory, or a refusal to start, or a library's own assertion."""
    assert status not in MEMORY_ERRORS, f"{service.name}: status {status}\n{service.log_end()}"
    assert status > 0 or (who == "all" and status == FOREIGN_END), (
        f"status {status}\n{service.log_end()}"
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("who", ["own", "all"])
def test_S01_memory_that_fails_at_start_ends_the_process_cleanly(
    run: Run, make_plan: MakePlan, work_dir: Path, who: str
) -> None:
    async def body() -> None:
        shim = build(work_dir)
        ends: dict[int | None, int] = {}
        async with Pair(make_plan(gateways=1, store_settings=quick())) as pair:
            for service in pair.services:
                await service.stop()
                for number in NTH_AT_START:
                    mode = "ever" if number % 2 else "once"
                    with Tortured(
                        service, shim, TORTURE_MALLOC=f"{who}:{number}:{mode}"
                    ) as tortured:
                        await service.spawn()
                        status = await outcome(service, 3)
                    assert tortured.happened or number > 100, f"allocation {number} never came"
                    if status is None:
                        await service.kill()
                    else:
                        check_end(service, status, who)
                    ends[status] = ends.get(status, 0) + 1
                await service.start(30)
        print(f"{who}: {ends}")
        assert sum(count for status, count in ends.items() if status is not None) > 5

    run(body())


@pytest.mark.timeout(300)
@pytest.mark.parametrize("who", ["own", "all"])
@pytest.mark.parametrize("mode", ["once", "ever"])
def test_S01_memory_that_fails_under_load_counts_nothing_wrong(
    run: Run, make_plan: MakePlan, work_dir: Path, who: str, mode: str
) -> None:
    async def body() -> None:
        shim = build(work_dir)
        plan = make_plan(gateways=2, store_settings=quick())
        hit = 0
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=301, rate=200)) as traffic:
            for service in (pair.gateways[0], pair.store):
                for number in NTH_UNDER_LOAD[who]:
                    await service.kill()
                    with Tortured(
                        service, shim, TORTURE_MALLOC=f"{who}:{number}:{mode}"
                    ) as tortured:
                        await service.spawn()
                    deadline = time.monotonic() + 20
                    while not tortured.happened and time.monotonic() < deadline:
                        await asyncio.sleep(0.05)
                    hit += bool(tortured.happened)
                    await asyncio.sleep(0.5)
                    if service.is_running:
                        await service.kill()
                    else:
                        check_end(service, await service.wait(1), who)
                    await service.start(30)
            verdict = await traffic.settle_and_judge(deadline_s=90)
            assert verdict.is_green, verdict.report()
        print(f"{who} {mode}: {hit} of {2 * len(NTH_UNDER_LOAD[who])} allocations failed")
        assert hit >= 3

    run(body())


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
                    await service.start(40)
                assert "socket" in tortured.happened
            async with Traffic(pair, TrafficPlan(seed=303, rate=200)) as traffic:
                await traffic.acked(1_500, 60)
                verdict = await traffic.settle_and_judge(deadline_s=60)
                assert verdict.is_green, verdict.report()
                assert [service.starts for service in pair.services] == [2, 2]

    run(body())


@pytest.mark.timeout(180)
def test_S03_no_descriptor_left_is_refused_and_recovers(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        plan = make_plan(gateways=2, store_settings=quick())
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=304, rate=200)) as traffic:
            await traffic.acked(300, 30)
            before = {}
            for service in pair.services:
                before[service.name] = resource.prlimit(service.pid, resource.RLIMIT_NOFILE)
                used = max(int(fd) for fd in os.listdir(f"/proc/{service.pid}/fd")) + 1
                resource.prlimit(
                    service.pid, resource.RLIMIT_NOFILE, (used, before[service.name][1])
                )
            for webhook in pair.webhooks:
                host, port = webhook.removeprefix("http://").split("/")[0].split(":")
                sockets = [await asyncio.open_connection(host, int(port)) for _ in range(50)]
                await asyncio.sleep(0.5)
                for _, writer in sockets:
                    writer.close()
            await asyncio.sleep(3)
            for service in pair.services:
                assert service.is_running, service.log_end()
                resource.prlimit(service.pid, resource.RLIMIT_NOFILE, before[service.name])
            await traffic.acked_more(300, 30)
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
                await gateway.wait_ready(20)
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
                await service.start(30)

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
                    await service.start(30)
            for service in (pair.gateways[0], pair.store):
                service.signal(signal.SIGTERM)
                service.signal(signal.SIGTERM)
                began = time.monotonic()
                assert await service.wait(5) in (0, 1)
                assert time.monotonic() - began < 5
                await service.start(30)
            verdict = await traffic.settle_and_judge(deadline_s=90)
            assert verdict.is_green, verdict.report()

    run(body())


@pytest.mark.timeout(120)
def test_S04_sighup_drains_as_sigterm_does(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        plan = make_plan(gateways=2, store_settings=quick())
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=307, rate=200)) as traffic:
            await traffic.acked(200, 30)
            for service in (pair.gateways[0], pair.store):
                service.signal(signal.SIGHUP)
                assert await service.wait(30) == 0, service.log_end()
                await service.start(30)
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
                await service.start(30)
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
