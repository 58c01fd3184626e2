"""The webhook is managed with the gateway's own command while updates flow; the oracle judges."""

from __future__ import annotations

import asyncio

import pytest

from tests.e2e.conftest import MakePlan, Run
from tests.support.pair import SECRET, Pair
from tests.support.processes import Service, run_command
from tests.support.traffic import Traffic, TrafficPlan, until

pytestmark = pytest.mark.timeout(180)
_NEW_SECRET = "canary-secret-after_9876543210fedcbaponmlkj"


async def _webhook(pair: Pair, traffic: Traffic, *words: str) -> None:
    environment = pair.gateways[0].environment | {"GATEWAY_API_BASE_URL": traffic.telegram.api_url}
    await run_command(pair.plan.binaries / "telefact-gateway", ["webhook", *words], environment)


async def _restart(gateway: Service, **settings: str | None) -> None:
    for name, value in settings.items():
        gateway.environment.pop(name, None)
        if value is not None:
            gateway.environment[name] = value
    assert await gateway.stop() == 0
    await gateway.start()


def test_the_secret_is_rotated_under_load_without_a_refusal(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        async with Pair(make_plan(gateways=2)) as pair:
            async with Traffic(pair, TrafficPlan(seed=31, rate=300, publishes=False)) as traffic:
                await traffic.acked(200, 20)
                for gateway in pair.gateways:
                    await _restart(
                        gateway, GATEWAY_WEBHOOK_SECRET=_NEW_SECRET, GATEWAY_WEBHOOK_SECRET_PREVIOUS=SECRET
                    )
                await _webhook(pair, traffic, "rotate-secret")
                assert traffic.telegram.secret == _NEW_SECRET
                assert traffic.telegram.max_connections == 100, "kept"
                await traffic.acked_more(200, 30)
                for gateway in pair.gateways:
                    await _restart(gateway, GATEWAY_WEBHOOK_SECRET_PREVIOUS=None)
                await traffic.acked_more(200, 30)
                verdict = await traffic.settle_and_judge()
            statuses = {each.status for entry in traffic.telegram.ledger.entries for each in entry.attempts}
            assert 401 not in statuses
            assert verdict.is_green, verdict.report()

    run(body())


def test_a_webhook_deleted_and_set_again_under_load_loses_nothing(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        async with Pair(make_plan(gateways=1)) as pair:
            async with Traffic(pair, TrafficPlan(seed=32, rate=300, publishes=False)) as traffic:
                telegram = traffic.telegram
                for _ in range(3):
                    await traffic.acked_more(100, 30)
                    await _webhook(pair, traffic, "delete")
                    await until(lambda: telegram.delivery.pending > 200, 20, "updates to wait for a webhook")
                    await asyncio.sleep(1.1)  # Telegram takes one setWebhook a second
                    await _webhook(pair, traffic, "set", "--url", pair.webhooks[0], "--max-connections", "50")
                assert telegram.max_connections == 50
                verdict = await traffic.settle_and_judge()
            assert verdict.is_green, verdict.report()

    run(body())
