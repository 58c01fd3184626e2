"""Kafka away for a while, PostgreSQL killed: nothing is lost, nothing spins, all goes on by itself."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.e2e.conftest import MakePlan, Run, wait_not_ready
from tests.support.pair import Pair
from tests.support.processes import Service
from tests.support.telegram import LOST
from tests.support.traffic import Traffic, TrafficPlan

KAFKA_AWAY_S = 20.0
GROWTH_MAX_KIB = 16 << 10
IDLE_CPU_MAX = 0.5  # of one core while nothing can be done


def cpu_s(service: Service) -> float:
    """Processor time the service has used."""
    with open(f"/proc/{service.pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100.0


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_kafka_away_for_twenty_seconds_under_load(run: Run, make_hurt_plan: MakePlan) -> None:
    async def body() -> None:
        plan = make_hurt_plan(gateways=2, gateway_settings={"GATEWAY_DELIVERY_TIMEOUT_MS": "3000"})
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=31, rate=150)) as traffic:
            await traffic.acked(400, 30)
            await asyncio.to_thread(plan.servers.kill_kafka)
            began = time.monotonic()
            await wait_not_ready(pair.gateways[0], 10)
            rss = {service.name: service.rss_kib() for service in pair.services}
            before = {service.name: cpu_s(service) for service in pair.services}
            measured_from = time.monotonic()
            while time.monotonic() - began < KAFKA_AWAY_S:
                await asyncio.sleep(0.1)
            away_s = time.monotonic() - measured_from
            grown = {service.name: service.rss_kib() - rss[service.name] for service in pair.services}
            used = {service.name: (cpu_s(service) - before[service.name]) / away_s for service in pair.services}
            await asyncio.to_thread(plan.servers.start_kafka)
            returned = time.monotonic()
            acked = traffic.acked_count
            await traffic.acked(acked + 50, 30)
            recovery_s = time.monotonic() - returned
            verdict = await traffic.settle_and_judge(deadline_s=90)
            assert verdict.is_green, verdict.report()
            assert {name: share for name, share in used.items() if share > IDLE_CPU_MAX} == {}
            assert {name: kib for name, kib in grown.items() if kib > GROWTH_MAX_KIB} == {}, "memory stays flat"
            refused = [
                attempt for entry in traffic.telegram.ledger.entries for attempt in entry.attempts if attempt.status
            ]
            assert {attempt.status for attempt in refused} == {200, 503}
            assert recovery_s < 10
            lost_kinds = {entry.kind for entry in traffic.telegram.ledger.entries if entry.outcome == LOST}
            assert lost_kinds <= {"inline_query"}, "only what Telegram keeps for seconds may expire"

    run(body())


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_P01_postgresql_killed_under_load(run: Run, make_hurt_plan: MakePlan) -> None:
    async def body() -> None:
        plan = make_hurt_plan(gateways=2)
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=32, rate=300)) as traffic:
            await traffic.acked(300, 30)
            for _ in range(3):
                await asyncio.to_thread(plan.servers.kill_postgres)
                await traffic.acked_more(200, 20)
                await asyncio.to_thread(plan.servers.start_postgres)
                await traffic.acked_more(200, 20)
            verdict = await traffic.settle_and_judge()
            assert verdict.is_green, verdict.report()
            assert pair.store.starts == 1, "the store goes on by itself"

    run(body())
