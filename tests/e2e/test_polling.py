"""Polling under load: killed at its own crash points, handed over, and the bug that the oracle must see."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import MakePlan, Run
from tests.e2e.crashes import Crashes
from tests.e2e.kafka_tools import stalled
from tests.support.polled import polled
from tests.support.traffic import until

POLLING_POINTS = ("gateway.polled", "gateway.before_confirm")
POLLING_BUG = "gateway.confirm_all_polled"
STALL_S = 3.0


@pytest.mark.slow
def test_T05_a_poller_killed_between_receiving_and_confirming_loses_nothing(
    run: Run, make_plan: MakePlan, work_dir: Path
) -> None:
    crashes = Crashes(work_dir / "crashes.log")

    async def body() -> None:
        async with polled(make_plan, 107) as each:
            gateway = each.pair.gateways[0]
            for point in POLLING_POINTS:
                await each.acked_more(100)
                assert await gateway.stop() == 0, gateway.log_end()
                await asyncio.sleep(0.2)  # updates gather at Telegram
                await crashes.one(gateway, point, 1)
                await gateway.start()
            await each.acked_more(100)
            await each.judge()

    run(body())
    assert set(crashes.loads()) == set(POLLING_POINTS)


def test_another_gateway_polls_when_one_ends(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        async with polled(make_plan, 108, gateways=2) as each:
            for gateway in each.pair.gateways:
                await each.acked_more(100)
                assert await gateway.stop() == 0, gateway.log_end()
                await each.acked_more(100)  # the session lasts 10 s: it was handed over, not waited for
                await gateway.start()
            assert not any(call.status == 409 for call in each.telegram.calls_of("getUpdates"))
            await each.judge()

    run(body())


@pytest.mark.parametrize("bug", ["", POLLING_BUG], ids=["no_bug", POLLING_BUG])
def test_T06_only_what_is_durable_is_confirmed(run: Run, make_hurt_plan: MakePlan, bug: str) -> None:
    """Kafka stands still for longer than an update may take."""
    settings = {"GATEWAY_DELIVERY_TIMEOUT_MS": "1000", **({"TELEFACT_PLANT": bug} if bug else {})}

    async def body() -> None:
        async with polled(make_hurt_plan, 109, **settings) as each:
            await each.acked_more(200)
            with stalled(each.pair.plan.servers):
                began = time.monotonic()
                await until(lambda: time.monotonic() - began > STALL_S, 2 * STALL_S, "the patience to end")
            await each.acked_more(200)
            verdict = await each.verdict()
        assert verdict.is_green != bool(bug), verdict.report()

    run(body())
