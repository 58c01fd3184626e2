"""Rows that ask for many repetitions: ended and killed again and again under load (see repeat for how often)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.conftest import MakePlan, Run, fault_points
from tests.e2e.crashes import Crashes, join_anew
from tests.e2e.test_polling import POLLING_POINTS
from tests.faults.repeat import patience, rounds
from tests.faults.stores import quick
from tests.support.balancer import Balancer
from tests.support.pair import HOOK, Pair
from tests.support.processes import Service
from tests.support.traffic import Traffic, TrafficPlan

CYCLES = rounds(200)
GATEWAYS = 4
KILLS_A_POINT = rounds(10)
IN_HAND = 20  # records, or requests, at the moment of a kill


@contextlib.asynccontextmanager
async def behind_one_address(pair: Pair, max_age_s: float | None = None) -> AsyncIterator[None]:
    """Updates go to whichever gateway listens, as behind a load balancer."""
    hooks = [url.removeprefix("http://").removesuffix(HOOK) for url in pair.webhooks]
    async with Balancer(hooks, max_age_s) as balancer:
        pair.webhooks = [f"http://{balancer.address}{HOOK}"]
        yield


@pytest.mark.timeout(patience(600))
def test_K15_two_hundred_sigterms_under_load_lose_nothing(run: Run, make_plan: MakePlan) -> None:
    """Two of four gateways are always up; those that end have requests in hand."""

    async def cycle(gateways: list[Service]) -> None:
        turns = itertools.cycle(gateways)
        for _ in range(CYCLES // 2):
            gateway = next(turns)
            assert await gateway.stop() == 0, gateway.log_end()
            await gateway.start()

    async def body() -> None:
        plan = make_plan(gateways=GATEWAYS, gateway_settings={"GATEWAY_KAFKA_LINGER_MS": "100"})
        async with Pair(plan) as pair, behind_one_address(pair), Traffic(pair, TrafficPlan(seed=81, rate=200)) as traffic:
            await traffic.acked(200, 60)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(cycle(pair.gateways[:2]))
                tasks.create_task(cycle(pair.gateways[2:]))
            verdict = await traffic.settle_and_judge()
        assert verdict.is_green, verdict.report()
        told = [re.findall(r"msg=draining .*in_flight=(\d+)", each.log_path.read_text()) for each in pair.gateways]
        in_hand = [int(count) for each in told for count in each]
        print(f"{len(in_hand)} drains, {sum(count > 0 for count in in_hand)} with updates in hand, {sum(in_hand)} in all")
        assert len(in_hand) == CYCLES
        assert sum(count > 0 for count in in_hand) > CYCLES / 2
        statuses = {attempt.status for entry in traffic.telegram.ledger.entries for attempt in entry.attempts}
        assert statuses <= {200, 503, 0}

    run(body())


@pytest.mark.timeout(patience(900))
def test_C01_every_point_of_the_store_is_killed_again_and_again(
    run: Run, make_plan: MakePlan, binaries: Path, work_dir: Path
) -> None:
    points = [point for point in fault_points(binaries / "telefact-store") if point != "store.copying"]

    async def body() -> None:
        crashes = Crashes(work_dir / "crashes.log")
        async with (
            Pair(make_plan(gateways=1, store_settings=quick())) as pair,
            Traffic(pair, TrafficPlan(seed=82, rate=150)) as traffic,
        ):
            await traffic.acked(200, 30)
            await pair.store.stop()
            for point in points * KILLS_A_POINT:
                while await asyncio.to_thread(pair.lag) < 2 * IN_HAND:
                    await traffic.acked_more(10, 30)
                join_anew(pair)
                await crashes.one(pair.store, point, IN_HAND)
            join_anew(pair)
            await pair.store.start()
            verdict = await traffic.settle_and_judge()
        assert verdict.is_green, verdict.report()
        killed = (work_dir / "crashes.log").read_text().splitlines()
        print(f"{len(killed)} kills at {len(points)} points")
        assert len(killed) == len(points) * KILLS_A_POINT >= 100

    run(body())


@pytest.mark.timeout(patience(900))
def test_K16_K17_every_point_of_the_gateway_is_killed_again_and_again(
    run: Run, make_plan: MakePlan, binaries: Path, work_dir: Path
) -> None:
    """Before and after Kafka's acknowledgement, before and after the answer."""
    points = [
        point
        for point in fault_points(binaries / "telefact-gateway")
        if point not in POLLING_POINTS and "forward" not in point
    ]

    async def body() -> None:
        crashes = Crashes(work_dir / "crashes.log")
        plan = make_plan(gateways=2, gateway_settings={"GATEWAY_KAFKA_LINGER_MS": "50"})
        load = TrafficPlan(seed=83, rate=200, duplicates=1)
        async with Pair(plan) as pair, behind_one_address(pair, max_age_s=1), Traffic(pair, load) as traffic:
            await traffic.acked(200, 60)
            for number, point in enumerate(points * KILLS_A_POINT):
                victim = pair.gateways[number % 2]
                await victim.stop()
                await crashes.one(victim, point, 1)
                await victim.start()
            verdict = await traffic.settle_and_judge()
        assert verdict.is_green, verdict.report()
        killed = (work_dir / "crashes.log").read_text().splitlines()
        print(f"{len(killed)} kills at {len(points)} points, {verdict.duplicates} records twice in the log")
        assert len(killed) == len(points) * KILLS_A_POINT >= 100
        assert verdict.duplicates > 0, "an acknowledged record whose answer was lost came again"

    run(body())
