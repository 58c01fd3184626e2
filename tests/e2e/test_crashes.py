"""Both services are killed at every crash point of their write paths, under load; the oracle judges the whole run."""

from __future__ import annotations

import asyncio
import itertools
import time
from pathlib import Path

import pytest
from aiohttp import web

from tests.e2e.conftest import MakePlan, Run, fault_points
from tests.e2e.test_polling import POLLING_POINTS
from tests.e2e.crashes import POINT_DEADLINE_S, Crashes, cut_off, join_anew, unapplied_since
from tests.support.pair import Pair
from tests.support.traffic import Traffic, TrafficPlan, until

IN_FLIGHT_MIN = 30
UNAPPLIED_MIN = 100
BACKLOG = 300  # so much remains behind one transaction, also after its commit
TRANSACTION_MAX = 150


class OperatorsBot:
    """What stands behind GATEWAY_FORWARD_URL: it takes everything and answers nothing."""

    def __init__(self) -> None:
        self.bodies = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> str:
        app = web.Application(client_max_size=1 << 21)
        app.router.add_post("/", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}/"

    async def __aexit__(self, *exc: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        await request.read()
        self.bodies += 1
        return web.Response()


async def crash_gateways(pair: Pair, traffic: Traffic, crashes: Crashes, points: list[str]) -> None:
    """One gateway after the other; all load goes to the one that is to crash, then to both again."""
    victims = itertools.cycle(zip(pair.gateways, pair.webhooks, strict=True))
    for point in points:
        victim, webhook = next(victims)
        assert await victim.stop() == 0, victim.log_end()
        began = time.time()
        traffic.telegram.set_webhooks([webhook])
        await crashes.one(victim, point, IN_FLIGHT_MIN)

        def in_flight(webhook: str = webhook, began: float = began) -> int:
            return cut_off(traffic.telegram.ledger.entries, webhook, began)

        await until(lambda: in_flight() >= IN_FLIGHT_MIN, POINT_DEADLINE_S, f"{point}: enough requests were in flight")
        print(f"{point}: {in_flight()} requests were in flight")
        await victim.start()
        traffic.telegram.set_webhooks(pair.webhooks)
        await traffic.acked_more(50, POINT_DEADLINE_S)
    for gateway in pair.gateways:  # the rest may go fast
        gateway.environment["GATEWAY_KAFKA_LINGER_MS"] = "0"
        assert await gateway.stop() == 0, gateway.log_end()
        await gateway.start()


async def crash_store(pair: Pair, traffic: Traffic, crashes: Crashes, points: list[str]) -> None:
    """It starts again only when enough is waiting for it."""
    assert await pair.store.stop() == 0, pair.store.log_end()
    for point in points:
        while await asyncio.to_thread(pair.lag) < BACKLOG:
            await traffic.acked_more(20, POINT_DEADLINE_S)
        end = await asyncio.to_thread(pair.log_end)
        join_anew(pair)
        await crashes.one(pair.store, point, UNAPPLIED_MIN)
        unapplied = await unapplied_since(pair, end)
        print(f"{point}: {unapplied} records were not applied")
        assert unapplied >= UNAPPLIED_MIN, f"{point}: only {unapplied} records were not applied"
    join_anew(pair)
    await pair.store.start()


@pytest.mark.timeout(240)
def test_C01_a_crash_at_every_point_loses_nothing_and_counts_nothing_twice(
    run: Run, make_plan: MakePlan, binaries: Path, work_dir: Path
) -> None:
    points = fault_points(binaries / "telefact-gateway")
    gateway_points = [point for point in points if point not in POLLING_POINTS]
    # COPY needs larger transactions than these; tests/faults kills and stops a store in it.
    store_points = [point for point in fault_points(binaries / "telefact-store") if point != "store.copying"]
    assert len(gateway_points) >= 8
    assert len(store_points) >= 8
    crashes = Crashes(work_dir / "crashes.log")

    async def body() -> None:
        async with OperatorsBot() as forward_url:
            plan = make_plan(
                gateways=2,
                # Waiting for company in Kafka's batches keeps enough requests in flight at any speed of the machine.
                gateway_settings={"GATEWAY_KAFKA_LINGER_MS": "400", "GATEWAY_FORWARD_URL": forward_url},
                store_settings={"STORE_BATCH_MAX_EVENTS": str(TRANSACTION_MAX)},
            )
            async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=21, rate=150, chats=3_000)) as traffic:
                await traffic.acked(300, 30)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(crash_gateways(pair, traffic, crashes, gateway_points))
                    tasks.create_task(crash_store(pair, traffic, crashes, store_points))
                verdict = await traffic.settle_and_judge(deadline_s=90)
        assert verdict.is_green, verdict.report()
        loads = crashes.loads()
        assert {point: loads.get(point, 0) for point in gateway_points if loads.get(point, 0) < IN_FLIGHT_MIN} == {}
        assert {point: loads.get(point, 0) for point in store_points if loads.get(point, 0) < UNAPPLIED_MIN} == {}

    run(body())
