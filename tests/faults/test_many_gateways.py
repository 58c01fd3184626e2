"""Several gateways behind one address, several stores behind them; all are restarted in turn."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import MakePlan, Run
from tests.faults.stores import epochs, quick
from tests.support.balancer import Balancer
from tests.support.pair import HOOK, Pair
from tests.support.traffic import Traffic, TrafficPlan


@pytest.mark.timeout(180)
def test_a_rolling_restart_of_all_behind_one_address_loses_nothing(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        plan = make_plan(gateways=3, stores=2, store_settings=quick())
        async with Pair(plan) as pair:
            hooks = [url.removeprefix("http://").removesuffix(HOOK) for url in pair.webhooks]
            async with Balancer(hooks) as balancer:
                pair.webhooks = [f"http://{balancer.address}{HOOK}"]
                async with Traffic(pair, TrafficPlan(seed=211, rate=300)) as traffic:
                    await traffic.acked(300, 20)
                    before = await epochs(pair)
                    for service in pair.services:
                        assert await service.stop() == 0, service.log_end()
                        await traffic.acked_more(50, 20)
                        await service.start()
                        await traffic.acked_more(50, 20)
                    after = await epochs(pair)
                    assert all(after[partition] > epoch for partition, epoch in before.items())
                    verdict = await traffic.settle_and_judge(deadline_s=90)
                    assert verdict.is_green, verdict.report()
            assert all(balancer.served.values()), f"a gateway got nothing: {balancer.served}"
            assert all(service.starts == 2 for service in pair.services)

    run(body())
