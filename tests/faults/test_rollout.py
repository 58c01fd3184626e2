"""Scaling and replacing everything as Kubernetes does it, under load and under readers that ask without a pause."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import MakePlan, Run
from tests.faults.stores import SESSION_MS, quick
from tests.faults.test_versions import previous  # noqa: F401  a fixture
from tests.support.balancer import Balancer
from tests.support.pair import HOOK, Pair, PairPlan
from tests.support.processes import Service
from tests.support.rollout import Deployment, Pauses, Readers
from tests.support.traffic import Traffic, TrafficPlan

PRE_STOP_S = 0.5
LONGEST_PAUSE_S = SESSION_MS / 1000 + 1.0  # and what sampling adds, on a busy machine
UPDATES = 150  # acknowledged between two steps


@dataclass(slots=True)
class Ground:
    """What is scaled and replaced, under load."""

    traffic: Traffic
    gateways: Deployment
    ingest: Deployment
    rpc: Deployment

    async def roll(self) -> None:
        """Replace every process: stores first, since they must know what a gateway writes."""
        for deployment in (self.ingest, self.rpc, self.gateways):
            await deployment.replace_all()
            await self.traffic.acked_more(UPDATES, 60)


def deployment(
    pair: Pair, make: Callable[[], Service], places: Mapping[str, Balancer], pre_stop_s: float, grace_s: float
) -> Deployment:
    """places: the setting that holds the address which a balancer passes connections to."""

    def join(service: Service) -> None:
        for name, balancer in places.items():
            balancer.join(service.environment[name])

    def leave(service: Service) -> None:
        for name, balancer in places.items():
            balancer.leave(service.environment[name])

    return Deployment(pair, make, join, leave, pre_stop_s, grace_s)


@contextlib.asynccontextmanager
async def ground(plan: PairPlan, gateways: int, ingest: int, seed: int) -> AsyncIterator[Ground]:
    """Deployments of gateways, of stores that write and of two that answer; at the end the oracle judges."""
    async with Pair(plan) as pair, Balancer([]) as hooks, Balancer([]) as publish, Balancer([]) as reads:
        ways = {"GATEWAY_WEBHOOK_LISTEN": hooks, "GATEWAY_RPC_LISTEN": publish}
        gateway = deployment(pair, pair.add_gateway, ways, PRE_STOP_S, 120)
        ingests = deployment(pair, lambda: pair.add_store(STORE_ROLES="ingest"), {}, 0, 40)
        rpc = deployment(pair, lambda: pair.add_store(STORE_ROLES="rpc"), {"STORE_RPC_LISTEN": reads}, PRE_STOP_S, 40)
        gateway.adopt(pair.gateways[0])
        ingests.adopt(pair.store)
        for each, count in ((gateway, gateways), (ingests, ingest), (rpc, 2)):
            await each.scale(count)
        pair.webhooks, pair.publish_targets = [f"http://{hooks.address}{HOOK}"], [publish.address]
        pair.store_rpcs[0] = reads.address
        async with Traffic(pair, TrafficPlan(seed=seed, rate=200)) as traffic, Readers(reads.address) as readers:
            await traffic.acked(300, 60)
            async with Pauses(pair) as pauses:
                yield Ground(traffic, gateway, ingests, rpc)
                await traffic.acked_more(UPDATES, 60)
            verdict = await traffic.settle_and_judge(deadline_s=90)
        sets = (gateway, ingests, rpc)
        print(
            f"{sum(each.started for each in sets)} started, {sum(each.killed for each in sets)} killed; longest pause "
            f"{pauses.longest_s:.2f} s of {pauses.samples} samples; {readers.answered} reads answered, "
            f"{len(readers.failed)} failed; {traffic.acked_count} updates"
        )
        assert verdict.is_green, verdict.report()
        assert readers.failed == []
        assert readers.answered > 100
        assert 0 < pauses.longest_s <= LONGEST_PAUSE_S


@pytest.mark.timeout(300)
def test_stores_scale_from_one_to_four_to_two_and_gateways_from_one_to_three_to_one(
    run: Run, make_plan: MakePlan
) -> None:
    async def body() -> None:
        plan = make_plan(gateways=1, store_settings=quick(STORE_ROLES="ingest"))
        async with ground(plan, gateways=1, ingest=1, seed=221) as at:
            for ingest, gateways in ((4, 3), (2, 1)):
                await at.ingest.scale(ingest)
                await at.traffic.acked_more(UPDATES, 60)
                await at.gateways.scale(gateways)
                await at.traffic.acked_more(UPDATES, 60)

    run(body())


@pytest.mark.timeout(300)
def test_every_process_is_replaced_and_nobody_notices(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        plan = make_plan(gateways=1, store_settings=quick(STORE_ROLES="ingest"))
        async with ground(plan, gateways=2, ingest=2, seed=222) as at:
            await at.roll()

    run(body())


@pytest.mark.timeout(600)
def test_every_process_of_the_build_before_is_replaced_and_nobody_notices(
    run: Run, make_plan: MakePlan, previous: Path, binaries: Path  # noqa: F811
) -> None:
    async def body() -> None:
        plan = make_plan(gateways=1, store_settings=quick(STORE_ROLES="ingest"))
        plan.binaries = previous
        async with ground(plan, gateways=2, ingest=2, seed=223) as at:
            for each in (at.ingest, at.rpc, at.gateways):
                each.binaries = binaries
            await at.roll()

    run(body())
