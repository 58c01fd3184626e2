"""A pair whose services come by a broker's guarded listener, each with the rights that it needs and no other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal

from tests.support.kafka_access import GATEWAY, STORE, Access
from tests.support.pair import Pair, PairPlan
from tests.support.processes import Service, run_command
from tests.support.traffic import Traffic, TrafficPlan

User = Literal["gateway", "store"]


class Guarded:
    """The plan's settings must make the services log in as users `gateway` and `store`."""

    def __init__(self, plan: PairPlan) -> None:
        self.pair = Pair(plan)
        self._plan = plan
        self._access = Access(plan.servers.kafka_bootstrap)

    async def open(self) -> None:
        """Make topics and rights; the pair may be entered then."""
        plain = {
            "GATEWAY_KAFKA_BOOTSTRAP_SERVERS": self._plan.servers.kafka_bootstrap,
            "GATEWAY_TOPIC_PREFIX": self.pair.prefix,
            "GATEWAY_TOPIC_PARTITIONS": str(self._plan.partitions),
            "GATEWAY_TOPIC_REPLICATION_FACTOR": "1",
        }
        await run_command(self._plan.binaries / "telefact-gateway", ["topics", "create"], plain)
        await self.allow("gateway", GATEWAY)
        await self.allow("gateway", ["READ"], "GROUP")  # of the pollers
        await self.allow("store", STORE)
        await self.allow("store", ["READ"], "GROUP")

    async def allow(self, user: User, operations: Sequence[str], kind: str = "TOPIC") -> None:
        """Give rights on the pair's topics or groups."""
        await asyncio.to_thread(self._access.allow, user, self.pair.prefix, operations, kind)

    async def revoke(self, user: User, operations: Sequence[str], kind: str = "TOPIC") -> None:
        """Take them."""
        await asyncio.to_thread(self._access.revoke, user, self.pair.prefix, operations, kind)

    @asynccontextmanager
    async def loaded(self, seed: int) -> AsyncIterator[Traffic]:
        """The pair under load; at the end everything is there once, and nobody was restarted."""
        await self.open()
        async with self.pair as pair, Traffic(pair, TrafficPlan(seed=seed, rate=100)) as traffic:
            await traffic.acked(200, 60)
            yield traffic
            await traffic.acked_more(200, 60)
            verdict = await traffic.settle_and_judge(deadline_s=90)
            assert verdict.is_green, verdict.report()
            assert {service.starts for service in pair.services} == {1}


async def sample(service: Service, name: str, labels: str = "") -> float:
    """A metric as the process shows it now; 0 before it answers."""
    try:
        metrics = await service.metrics()
    except OSError:
        return 0
    return metrics[f"{name}{{{labels}}}" if labels else name]


def logged(service: Service, *parts: str) -> bool:
    """Whether one line of its log holds all of these."""
    return any(all(part in line for part in parts) for line in service.log_path.read_text().splitlines())


async def wait_logged(service: Service, *parts: str, deadline_s: float = 60) -> None:
    """Wait for such a line."""
    deadline = time.monotonic() + deadline_s
    while not logged(service, *parts):
        assert time.monotonic() < deadline, f"{service.name} did not say {parts}\n{service.log_end()}"
        await asyncio.sleep(0.05)


async def wait_sample(service: Service, name: str, labels: str, beyond: float, deadline_s: float = 60) -> None:
    """Wait until a metric is greater than this."""
    deadline = time.monotonic() + deadline_s
    while await sample(service, name, labels) <= beyond:
        assert time.monotonic() < deadline, f"{name}{{{labels}}} of {service.name} stays\n{service.log_end()}"
        await asyncio.sleep(0.05)
