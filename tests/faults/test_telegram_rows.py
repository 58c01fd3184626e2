"""Rows T1 to T18 through the real services: what Telegram, its imitators and strangers may do to the webhook."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from tests.e2e.conftest import MakePlan, Run
from tests.faults.webhook_clients import Endless, Slow, Strangers, crowd, head, open_files, rss_kib
from tests.support.pair import HOOK, SECRET, Pair
from tests.support.traffic import Traffic, TrafficPlan

pytestmark = pytest.mark.timeout(240)
_GROWTH_KIB_MAX = 48 << 10  # 128 connections with a body each would be more


@dataclass(slots=True)
class _Watch:
    """The largest memory and descriptor count of a process while it is watched."""

    pid: int
    rss_kib: int = 0
    files: int = 0
    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> _Watch:
        self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._task is not None
        self._task.cancel()

    async def _look(self) -> None:
        while True:
            self.rss_kib = max(self.rss_kib, rss_kib(self.pid))
            self.files = max(self.files, open_files(self.pid))
            await asyncio.sleep(0.1)


def _pid(pair: Pair) -> int:
    return pair.gateways[0].pid


def test_T07_a_flood_of_updates_is_bounded_and_told_to_come_again(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        settings = {"GATEWAY_MAX_IN_FLIGHT": "6", "GATEWAY_KAFKA_LINGER_MS": "60"}
        async with Pair(make_plan(gateways=1, gateway_settings=settings)) as pair:
            plan = TrafficPlan(seed=7, count=500, duplicates=3, chats=200, publishes=False)
            async with _Watch(_pid(pair)) as watch, Traffic(pair, plan) as traffic:
                before_kib = rss_kib(_pid(pair))
                await traffic.settle(120)
            busy = [
                attempt
                for entry in traffic.telegram.ledger.entries
                for attempt in entry.attempts
                if attempt.status == 503
            ]
            assert len(busy) > 50, "the bound was reached"
            assert watch.rss_kib - before_kib < _GROWTH_KIB_MAX
            took_ms = sorted((attempt.ended_at - attempt.sent_at) * 1000 for attempt in busy)
            assert took_ms[len(took_ms) // 2] < 60, "told at once, not after the batch that is on its way"
            assert (await pair.gateways[0].metrics())['webhook_requests_total{code="503"}'] >= len(busy)
            verdict = await traffic.judge()
            assert verdict.is_green, verdict.report()

    run(body())


@pytest.mark.parametrize("secret", ["", "wrong-secret_0123456789"])
def test_T08_a_flood_of_strangers_is_refused_without_detail(run: Run, make_plan: MakePlan, secret: str) -> None:
    async def body() -> None:
        async with Pair(make_plan(gateways=1)) as pair:
            strangers = Strangers(pair.webhooks[0], secret, b"x" * 2000)
            async with Traffic(pair, TrafficPlan(seed=8, rate=200, max_connections=20, publishes=False)) as traffic:
                await traffic.acked(200, 20)
                before_kib = rss_kib(_pid(pair))
                async with _Watch(_pid(pair)) as watch, crowd(80, strangers):
                    await asyncio.sleep(4)
                    await traffic.acked_more(100, 20)
                verdict = await traffic.settle_and_judge()
            assert set(strangers.statuses) == {401}
            assert strangers.statuses[401] > 1_000
            assert watch.rss_kib - before_kib < _GROWTH_KIB_MAX
            assert watch.files < 400
            assert pair.gateways[0].log_path.read_text().count("code=wrong_secret") <= 10, "told, but not each time"
            assert verdict.is_green, verdict.report()

    run(body())


@pytest.mark.parametrize("part", ["head", "body"])
def test_T09_slow_requests_do_not_keep_others_out(run: Run, make_plan: MakePlan, part: str) -> None:
    async def body() -> None:
        settings = {"GATEWAY_REQUEST_DEADLINE_MS": "2000", "GATEWAY_MAX_CONNECTIONS": "128"}
        async with Pair(make_plan(gateways=1, gateway_settings=settings)) as pair:
            token = f"X-Telegram-Bot-Api-Secret-Token: {SECRET}"
            begin = head(HOOK, token, "Content-Length: 1000") if part == "body" else b"POST /hook HTTP/1.1\r\nX: "
            slow = Slow(pair.webhooks[0], begin, 0.3)
            async with Traffic(pair, TrafficPlan(seed=9, rate=200, max_connections=20, publishes=False)) as traffic:
                await traffic.acked(100, 20)
                async with _Watch(_pid(pair)) as watch, crowd(100 if part == "body" else 300, slow):
                    await asyncio.sleep(5)
                    await traffic.acked_more(50, 30)
                await traffic.acked_more(100, 30)
                verdict = await traffic.settle_and_judge(deadline_s=120)
            assert len(slow.borne_s) > 100, "slow ones were closed and came again"
            assert watch.files < 128 + 100
            assert verdict.is_green, verdict.report()

    run(body())


def test_T10_oversized_bodies_are_refused_and_never_kept(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        async with Pair(make_plan(gateways=1)) as pair:
            endless = Endless(pair.webhooks[0], SECRET)
            async with Traffic(pair, TrafficPlan(seed=10, rate=100, max_connections=20, publishes=False)) as traffic:
                await traffic.acked(100, 20)
                before_kib = rss_kib(_pid(pair))
                async with _Watch(_pid(pair)) as watch, crowd(16, endless):
                    await asyncio.sleep(4)
                    await traffic.acked_more(50, 20)
                verdict = await traffic.settle_and_judge()
            assert (await pair.gateways[0].metrics())['webhook_requests_total{code="413"}'] > 16
            assert set(endless.refused) <= {413}
            assert watch.rss_kib - before_kib < _GROWTH_KIB_MAX
            assert verdict.is_green, verdict.report()

    run(body())


def test_T16_two_gateways_with_the_same_update_have_one_effect(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        async with Pair(make_plan(gateways=2)) as pair:
            plan = TrafficPlan(seed=16, count=2_000, duplicates=3, publishes=False)
            async with Traffic(pair, plan) as traffic:
                verdict = await traffic.settle_and_judge()
            at_once = 0
            for entry in traffic.telegram.ledger.entries:
                copies = [attempt for attempt in entry.attempts if attempt.copy and 200 <= attempt.status <= 299]
                first = entry.attempts[0] if entry.attempts else None
                at_once += any(each.gateway != first.gateway for each in copies) if first else False
            assert at_once > 100, "two gateways had the same update"
            assert verdict.duplicates > 100
            assert (await pair.store.metrics())["duplicates_total"] > 100
            assert verdict.is_green, verdict.report()

    run(body())
