"""Rows T1 to T5 through a polling gateway and the store: what the Bot API answers, and what must come of it."""

from __future__ import annotations

import asyncio
import signal
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
from tests.support.telegram.script import Call
from tests.support.traffic import until

pytestmark = pytest.mark.timeout(240)


def _test(run: Run, make_plan: MakePlan, body: Callable[[Polled], Coroutine[Any, Any, None]], seed: int, **more: Any) -> None:
    async def whole() -> None:
        async with polled(make_plan, seed, **more) as each:
            await each.acked_more(200)
            await body(each)
            await each.judge()

    run(whole())


def _offset(call: Call) -> int:
    return int(call.parameters.get("offset", 0))


async def _alarm(each: Polled, reason: str, deadline_s: float = 20.0) -> None:
    """Wait for the alarm of the first gateway."""
    gateway = each.pair.gateways[0]
    deadline = time.monotonic() + deadline_s
    while (await gateway.metrics())[f'poller_alarm{{reason="{reason}"}}'] != 1:
        assert time.monotonic() < deadline, f"no alarm {reason}\n{gateway.log_end()}"
        await asyncio.sleep(0.1)
    assert f"code={reason}" in gateway.log_path.read_text()


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
        faults = list(script.every_fault("getUpdates"))
        each.telegram.script.extend(faults)
        before = len(each.telegram.calls_of("getUpdates"))
        began = time.monotonic()
        await each.script_is_used(180)
        assert time.monotonic() - began > 1, "not at once"
        await each.acked_more(100)
        calls = each.telegram.calls_of("getUpdates")[before:]
        useless = [index for index, call in enumerate(calls) if call.is_scripted]
        assert len(useless) == len(faults)
        for index in useless:
            assert _offset(calls[index + 1]) == _offset(calls[index]), "a wrong answer confirms nothing"

    _test(run, make_plan, body, 102)


@pytest.mark.parametrize("fault", [script.unauthorized, script.not_found])
def test_T03_a_revoked_token_stops_polling_and_never_spins(
    run: Run, make_plan: MakePlan, fault: Callable[[str], script.Scripted]
) -> None:
    async def body(each: Polled) -> None:
        each.telegram.script.extend(fault("") for _ in range(10_000))
        before = len(each.telegram.calls)
        await wait_not_ready(each.pair.gateways[0], 20)
        await _alarm(each, "no_access")
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
        await until(lambda: any(call.status == 409 for call in _ours(each)), 20, "a conflict")
        await _alarm(each, "conflict")
        each.is_paused = False
        assert not each.telegram.calls_of("deleteWebhook")
        assert len(each.telegram.calls) - before < 60, "no storm"
        await each.acked_more(100, 60)
        ours = _ours(each)
        refused = [index for index, call in enumerate(ours) if call.status == 409]
        assert all(ours[index + 1].at - ours[index].ended_at >= 3.0 for index in refused), "3 s at least after each"
        assert (await each.pair.gateways[0].metrics())['poller_alarm{reason="conflict"}'] == 0

    _test(run, make_plan, body, 104)


def _ours(each: Polled) -> list[Call]:
    """The polls of the gateways, not those of the other program."""
    return [call for call in each.telegram.calls_of("getUpdates") if call.parameters.get("limit") != 1]


def test_T04_two_gateways_poll_in_turn_and_hand_over_without_loss(run: Run, make_plan: MakePlan) -> None:
    async def body(each: Polled) -> None:
        for gateway in [*each.pair.gateways, *each.pair.gateways]:
            await gateway.kill()
            await each.acked_more(100, 60)
            await gateway.start()
        conflicts = sum(call.status == 409 for call in each.telegram.calls_of("getUpdates"))
        assert conflicts < 10, conflicts

    _test(run, make_plan, body, 144, gateways=2)


async def _leaders(each: Polled) -> int:
    """How many gateways believe that they are the one to ask."""
    samples = [await gateway.metrics() for gateway in each.pair.gateways]
    return sum(int(metrics["poller_leading"]) for metrics in samples)


def test_T04_a_poller_that_stood_still_gives_way_to_the_one_that_took_over(run: Run, make_plan: MakePlan) -> None:
    """The leader is stopped for longer than its session, with work in hand; it wakes up beside its successor."""

    async def body(each: Polled) -> None:
        for _ in range(2):
            assert await _leaders(each) == 1, "one of many asks"
            (leader,) = [one for one in each.pair.gateways if (await one.metrics())["poller_leading"] == 1]
            leader.signal(signal.SIGSTOP)
            try:
                await each.acked_more(200, 60)  # another one has taken over
                before = len(each.telegram.calls)
            finally:
                leader.signal(signal.SIGCONT)
            await each.acked_more(200, 60)
            await leader.wait_ready()
            await until_one_leads(each)
            conflicts = [call for call in each.telegram.calls[before:] if call.status == 409]
            assert len(conflicts) < 10, f"{len(conflicts)} conflicts"

    _test(run, make_plan, body, 145, gateways=3)


async def until_one_leads(each: Polled, deadline_s: float = 30.0) -> None:
    deadline = time.monotonic() + deadline_s
    while await _leaders(each) != 1:
        assert time.monotonic() < deadline, "none or more than one leads"
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("is_running", [False, True], ids=["before_the_start", "while_it_polls"])
def test_while_a_webhook_is_set_it_polls_not_says_what_to_do_and_deletes_nothing(
    run: Run, make_plan: MakePlan, is_running: bool
) -> None:
    async def whole() -> None:
        async with polled(make_plan, 146) as each:
            pair = each.pair
            gateway = pair.gateways[0]
            binary = pair.plan.binaries / "telefact-gateway"
            await each.acked_more(100)
            if not is_running:
                assert await gateway.stop() == 0, gateway.log_end()
            secret = {"GATEWAY_WEBHOOK_SECRET": "switch-secret_0123456789"}
            await run_command(binary, ["webhook", "set", "--url", "http://127.0.0.1:1/hook"], gateway.environment | secret)
            asked = len(each.telegram.calls_of("getUpdates"))
            if not is_running:
                await gateway.spawn()
            await until(lambda: "code=webhook_set" in gateway.log_path.read_text(), 20, "the alarm")
            if is_running:
                asked = len(each.telegram.calls_of("getUpdates"))
            await asyncio.sleep(3)
            assert not await gateway.is_ready()
            assert gateway.is_running
            assert "telefact-gateway webhook delete" in gateway.log_path.read_text(), "what to do"
            assert len(each.telegram.calls_of("getUpdates")) == asked
            assert each.telegram.webhooks and not each.telegram.calls_of("deleteWebhook")
            await run_command(binary, ["webhook", "delete"], gateway.environment)
            await gateway.wait_ready(60)  # it looks again by itself
            await each.acked_more(100, 60)
            await each.judge()

    run(whole())


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
