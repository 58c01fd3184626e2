"""Several stores share the partitions: takeover, hand-over, zombies, storms of rebalances."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import MakePlan, Run, fault_points
from tests.faults.stores import SESSION_MS, backlog, epochs, query, quick, wait_applied_to, wait_still
from tests.support.pair import Pair
from tests.support.traffic import Traffic, TrafficPlan

HANDOVER_MAX_S = 25.0  # with a session of 30 s: nobody waited for its end
STORM_S = 20.0
STATES = [
    "store.polled",
    "store.decoded",
    "store.begun",
    "store.fenced",
    "store.copying",
    "store.facts_written",
    "store.folded",
    "store.rows_written",
    "store.before_commit",
    "store.commit_sent",
    "store.committed",
    "store.exported",
]
COMMITTED = {"store.commit_sent", "store.committed", "store.exported"}
HOLDING = set(STATES[STATES.index("store.fenced") : STATES.index("store.commit_sent")])


@pytest.mark.timeout(120)
def test_C03_another_store_takes_over_from_a_killed_one(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        plan = make_plan(stores=2, gateways=1, store_settings=quick())
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=201, rate=200)) as traffic:
            await traffic.acked(300, 20)
            await asyncio.gather(*(store.wait_ready() for store in pair.stores))
            before = await epochs(pair)
            await pair.stores[1].kill()
            await traffic.acked_more(100, 20)
            end = await asyncio.to_thread(pair.log_end)
            took_s = await wait_applied_to(pair, end, SESSION_MS / 1000 + 15)
            print(f"taken over and applied {took_s:.1f} s after the load")
            after = await epochs(pair)
            assert all(after[partition] > epoch for partition, epoch in before.items()), "nothing was taken over"
            await pair.stores[1].start()
            await traffic.acked_more(100, 20)
            verdict = await traffic.settle_and_judge()
            assert verdict.is_green, verdict.report()

    run(body())


@pytest.mark.timeout(120)
def test_C02_sigterm_hands_the_partitions_over_at_once(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        settings = quick(STORE_KAFKA_SESSION_TIMEOUT_MS="30000")
        plan = make_plan(stores=2, gateways=1, store_settings=settings)
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=202, rate=200)) as traffic:
            await traffic.acked(300, 20)
            await asyncio.gather(*(store.wait_ready() for store in pair.stores))
            before = await epochs(pair)
            assert await pair.stores[1].stop() == 0, pair.stores[1].log_end()
            await traffic.acked_more(50, 20)
            end = await asyncio.to_thread(pair.log_end)
            await wait_applied_to(pair, end, HANDOVER_MAX_S)
            after = await epochs(pair)
            assert all(after[partition] > epoch for partition, epoch in before.items()), "nothing was handed over"
            await pair.stores[1].start()
            verdict = await traffic.settle_and_judge()
            assert verdict.is_green, verdict.report()

    run(body())


def test_C03_every_state_of_a_store_is_among_them(binaries: Path) -> None:
    assert fault_points(binaries / "telefact-store") == STATES


@pytest.mark.timeout(120)
@pytest.mark.parametrize("point", STATES)
def test_C03_a_zombie_changes_nothing_whatever_it_was_doing(run: Run, make_plan: MakePlan, point: str) -> None:
    """It is stopped with work in hand, another store takes over and applies everything, then it wakes up."""

    async def body() -> None:
        plan = make_plan(stores=2, gateways=1, store_settings=quick())
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=203, rate=1_500)) as traffic:
            survivor, zombie = pair.stores
            end = await backlog(pair, traffic, 2_000)
            zombie.environment["TELEFACT_STOP_AT"] = point
            await zombie.spawn()
            await wait_still(zombie)
            unapplied = sum(end.values()) - sum((await asyncio.to_thread(pair.fences)).values())
            if point not in COMMITTED:
                assert unapplied > 0, "nothing was in its hands"
            await survivor.spawn()
            await wait_applied_to(pair, end, 60)
            ended = survivor.log_path.read_text().count("ended a transaction")
            if point in HOLDING:
                assert ended == 1, survivor.log_end()
            of_fences = "SELECT partition, next_offset, last_record_ms, last_hash FROM g1.fence ORDER BY 1"
            before = await query(pair, of_fences)
            zombie.signal(signal.SIGCONT)
            await zombie.wait_ready()
            await survivor.wait_ready()
            assert zombie.starts == 2, "it is still the process that was stopped"
            assert await query(pair, of_fences) == before
            verdict = await traffic.judge()
            assert verdict.is_green, verdict.report()

    run(body())


@pytest.mark.timeout(120)
def test_C01_a_crash_inside_copy_loses_nothing(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        plan = make_plan(gateways=1, store_settings=quick())
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=204, rate=1_500)) as traffic:
            await backlog(pair, traffic, 2_000)
            pair.store.environment["TELEFACT_CRASH_AT"] = "store.copying"
            await pair.store.spawn()
            assert await pair.store.wait(30) == -signal.SIGKILL
            del pair.store.environment["TELEFACT_CRASH_AT"]
            await pair.store.start()
            verdict = await traffic.settle_and_judge()
            assert verdict.is_green, verdict.report()

    run(body())


@pytest.mark.timeout(180)
def test_C02_a_storm_of_rebalances_loses_nothing(run: Run, make_plan: MakePlan) -> None:
    """Members come and go every two seconds, by SIGTERM and by SIGKILL."""

    async def body() -> None:
        plan = make_plan(stores=3, gateways=1, store_settings=quick())
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=205, rate=200)) as traffic:
            await traffic.acked(200, 20)
            before = sum((await epochs(pair)).values())
            turns = 0
            until = time.monotonic() + STORM_S
            while time.monotonic() < until:
                member = pair.stores[1 + turns % 2]
                if not member.is_running:
                    await member.spawn()
                elif turns % 3 == 0:
                    await member.kill()
                else:
                    await member.stop()
                turns += 1
                await asyncio.sleep(2)
            for member in pair.stores:
                if not member.is_running:
                    await member.start()
            took = sum((await epochs(pair)).values()) - before
            print(f"{turns} changes of the group, fences taken {took} times")
            assert took >= turns, "hardly a rebalance happened"
            verdict = await traffic.settle_and_judge(deadline_s=90)
            assert verdict.is_green, verdict.report()

    run(body())
