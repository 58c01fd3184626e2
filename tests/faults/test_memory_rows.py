"""S1 and S2: an allocation fails, or the kernel kills a process for its memory."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import MakePlan, Run
from tests.faults.memory_group import MemoryGroup, needs_groups
from tests.faults.stores import quick
from tests.faults.torture import Tortured, build, check_end, outcome
from tests.support.pair import Pair
from tests.support.traffic import Traffic, TrafficPlan

NTH_AT_START = (*range(1, 13), 17, 25, 40, 60, 90, 130, 200, 300, 450, 600, 900, 1_300, 2_000)
NTH_UNDER_LOAD = {"own": (700, 2_000), "all": (4_000, 9_000)}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("who", ["own", "all"])
@pytest.mark.parametrize("mode", ["once", "ever"])
def test_S01_memory_that_fails_at_start_ends_the_process_cleanly(
    run: Run, make_plan: MakePlan, work_dir: Path, who: str, mode: str
) -> None:
    async def body() -> None:
        shim = build(work_dir)
        ends: dict[int | None, int] = {}
        async with Pair(make_plan(gateways=1, store_settings=quick())) as pair:
            for service in pair.services:
                await service.stop()
                for number in NTH_AT_START:
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
                await service.start()
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
                    deadline = time.monotonic() + 120
                    while not tortured.happened and time.monotonic() < deadline:
                        await asyncio.sleep(0.05)
                    hit += bool(tortured.happened)
                    await asyncio.sleep(0.5)
                    if service.is_running:
                        await service.kill()
                    else:
                        check_end(service, await service.wait(1), who)
                    await service.start()
            verdict = await traffic.settle_and_judge(deadline_s=90)
            assert verdict.is_green, verdict.report()
        print(f"{who} {mode}: {hit} of {2 * len(NTH_UNDER_LOAD[who])} allocations failed")
        assert hit >= 3

    run(body())


@pytest.mark.timeout(180)
@needs_groups
def test_S02_a_service_killed_for_its_memory_loses_and_doubles_nothing(run: Run, make_plan: MakePlan) -> None:
    """The kernel kills it under load: its control group allows less and less memory."""

    async def body() -> None:
        plan = make_plan(gateways=2, store_settings=quick())
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=302, rate=300)) as traffic:
            await traffic.acked(200, 30)
            for service in (pair.gateways[0], pair.store, pair.gateways[1], pair.store):
                with MemoryGroup(service.name) as group:
                    await service.stop()
                    service.on_spawn = group.add
                    await service.start()
                    service.on_spawn = None
                    await traffic.acked_more(50, 30)
                    deadline = time.monotonic() + 60
                    while service.is_running:
                        assert time.monotonic() < deadline, f"{service.name} lives on {group.usage} bytes"
                        group.tighten()
                        await asyncio.sleep(0.1)
                    assert await service.wait(1) == -signal.SIGKILL
                    assert group.kills == 1
                await service.start()
            verdict = await traffic.settle_and_judge(deadline_s=90)
            assert verdict.is_green, verdict.report()

    run(body())
