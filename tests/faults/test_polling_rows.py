"""Rows T1 to T5 through a polling gateway and the store: what the Bot API answers, and what must come of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import pytest

from tests.e2e.conftest import MakePlan, Run, wait_not_ready
from tests.support.pair import TOKEN
from tests.support.polled import POLLING, Polled, polled
from tests.support.processes import run_command
from tests.support.telegram import script
from tests.support.traffic import until

pytestmark = pytest.mark.timeout(240)


def _test(run: Run, make_plan: MakePlan, body: Callable[[Polled], Coroutine[Any, Any, None]], seed: int, **more: Any) -> None:
    async def whole() -> None:
        async with polled(make_plan, seed, **more) as each:
            await each.acked_more(200)
            await body(each)
            await each.judge()

    run(whole())


def test_T01_retry_after_is_honoured_exactly(run: Run, make_plan: MakePlan) -> None:
    async def body(each: Polled) -> None:
        each.telegram.script.append(script.too_many_requests(3, "getUpdates"))
        await each.script_is_used()
        calls = each.telegram.calls_of("getUpdates")
        limited = next(index for index, call in enumerate(calls) if call.status == 429)
        await until(lambda: len(each.telegram.calls_of("getUpdates")) > limited + 1, 10, "the call after the 429")
        waited = each.telegram.calls_of("getUpdates")[limited + 1].at - calls[limited].at
        assert 3.0 <= waited < 4.5, waited
        await each.acked_more(100)

    _test(run, make_plan, body, 101)


def test_T02_every_wrong_answer_is_asked_again_without_moving_the_offset(run: Run, make_plan: MakePlan) -> None:
    async def body(each: Polled) -> None:
        faults = [fault for fault in script.every_fault("getUpdates")]
        each.telegram.script.extend(faults)
        began = time.monotonic()
        await each.script_is_used(120)
        assert time.monotonic() - began > 1, "not at once"
        await each.acked_more(100)

    _test(run, make_plan, body, 102)


@pytest.mark.parametrize("fault", [script.unauthorized, script.not_found])
def test_T03_a_revoked_token_stops_polling_and_never_spins(
    run: Run, make_plan: MakePlan, fault: Callable[[str], script.Scripted]
) -> None:
    async def body(each: Polled) -> None:
        each.telegram.script.extend(fault("") for _ in range(10_000))
        before = len(each.telegram.calls)
        await wait_not_ready(each.pair.gateways[0], 20)
        await asyncio.sleep(10)  # the time in which a spinning one would be seen
        assert 1 <= len(each.telegram.calls) - before < 15, "it does not spin"
        each.telegram.script.clear()
        await each.acked_more(100, 60)

    _test(run, make_plan, body, 103)


def test_T04_a_second_poller_is_borne_without_a_storm_or_loss(run: Run, make_plan: MakePlan) -> None:
    async def body(each: Polled) -> None:
        each.is_paused = True  # so that our own call is held back when the other one comes
        before = len(each.telegram.calls)
        async with aiohttp.ClientSession() as http:
            url = f"{each.telegram.api_url}/bot{TOKEN}/getUpdates"
            for _ in range(5):
                async with http.post(url, json={"timeout": 1, "limit": 1}) as answer:
                    await answer.read()
                await asyncio.sleep(1)
        await until(
            lambda: any(call.status == 409 for call in each.telegram.calls_of("getUpdates")), 20, "a conflict"
        )
        each.is_paused = False
        assert not each.telegram.calls_of("deleteWebhook")
        assert len(each.telegram.calls) - before < 500
        await each.acked_more(100, 60)

    _test(run, make_plan, body, 104)


def test_T04_two_gateways_poll_in_turn_and_hand_over_without_loss(run: Run, make_plan: MakePlan) -> None:
    async def body(each: Polled) -> None:
        for gateway in [*each.pair.gateways, *each.pair.gateways]:
            await gateway.kill()
            await each.acked_more(100, 60)
            await gateway.start()
        conflicts = sum(call.status == 409 for call in each.telegram.calls_of("getUpdates"))
        assert conflicts < 10, conflicts

    _test(run, make_plan, body, 144, gateways=2)


def test_T05_a_poller_killed_before_kafka_acknowledged_loses_nothing(run: Run, make_plan: MakePlan) -> None:
    async def body(each: Polled) -> None:
        for _ in range(8):
            await each.pair.gateways[0].kill()
            await each.pair.gateways[0].start()
            await each.acked_more(50, 60)
        listed_again = sum(len(entry.attempts) > 2 for entry in each.telegram.ledger.entries)
        assert listed_again > 0, "something was on its way when the poller died"

    _test(run, make_plan, body, 105, GATEWAY_KAFKA_LINGER_MS="30")


def test_webhook_and_polling_change_places_under_load(run: Run, make_plan: MakePlan) -> None:
    async def whole() -> None:
        async with polled(make_plan, 106) as each:
            pair = each.pair
            gateway = pair.gateways[0]
            binary = pair.plan.binaries / "telefact-gateway"
            webhook = {"GATEWAY_MODE": "webhook", "GATEWAY_WEBHOOK_SECRET": "switch-secret_0123456789"}
            for _ in range(2):
                await each.acked_more(150, 60)
                await gateway.stop()
                gateway.environment.update(webhook)
                await run_command(binary, ["webhook", "set", "--url", pair.webhooks[0]], gateway.environment)
                await gateway.start()
                await each.acked_more(150, 60)
                await run_command(binary, ["webhook", "delete"], gateway.environment)
                await gateway.stop()
                gateway.environment.update(POLLING)
                await gateway.start()
            await each.judge()

    run(whole())
