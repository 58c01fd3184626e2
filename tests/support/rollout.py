"""Processes kept as a Deployment of Kubernetes keeps pods: scaled and replaced one by one behind a balancer.

maxSurge is 1 and maxUnavailable 0, as in deploy/k8s: a new one is ready before an old one goes, and one that goes leaves
the balancer, waits for preStop, gets SIGTERM and, when its grace is over, SIGKILL.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import psycopg

from tests.support.pair import Pair
from tests.support.processes import Service
from tests.support.protos import read_grpc, read_pb2

RETRIES = (
    '{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 5, "initialBackoff": "0.05s",'
    ' "maxBackoff": "0.5s", "backoffMultiplier": 2, "retryableStatusCodes": ["UNAVAILABLE"]}}]}'
)
CALL_S = 20.0  # a busy machine is no failed read
SAMPLE_S = 0.05


@dataclass(slots=True)
class Deployment:
    """make    a further process, not started.
    join, leave  called when one is ready, and before one ends: its places at the balancers.
    binaries     folder of another build, of which the further ones are.
    """

    pair: Pair
    make: Callable[[], Service]
    join: Callable[[Service], None] = lambda service: None
    leave: Callable[[Service], None] = lambda service: None
    pre_stop_s: float = 0.0
    grace_s: float = 120.0
    binaries: Path | None = None
    running: list[Service] = field(default_factory=list)
    started: int = 0
    killed: int = 0

    def adopt(self, service: Service) -> None:
        """One that runs already."""
        self.running.append(service)
        self.join(service)

    async def scale(self, count: int) -> None:
        """To so many; the newest go first."""
        await asyncio.gather(*(self._add() for _ in range(count - len(self.running))))
        await asyncio.gather(*(self._end(service) for service in self.running[count:]))

    async def replace_all(self) -> None:
        """One new, one old, until no old one is left."""
        for old in list(self.running):
            await self._add()
            await self._end(old)

    async def _add(self) -> None:
        service = self.make()
        if self.binaries is not None:
            service.binary = self.binaries / service.binary.name
        await service.start()
        self.started += 1
        self.adopt(service)

    async def _end(self, service: Service) -> None:
        self.running.remove(service)
        self.leave(service)
        await asyncio.sleep(self.pre_stop_s)  # as the hook does
        status = await service.stop(self.grace_s)
        self.killed += status == -signal.SIGKILL
        assert status == 0, f"{service.name} ended with {status}\n{service.log_end()}"
        self.pair.remove(service)


class Readers:
    """Ask without a pause, as a standard client with retries does; an async context manager."""

    def __init__(self, address: str, count: int = 3) -> None:
        self._address, self._count = address, count
        self.answered = 0
        self.failed: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Readers:
        self._tasks = [asyncio.create_task(self._ask()) for _ in range(self._count)]
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask(self) -> None:
        options = [
            ("grpc.service_config", RETRIES), ("grpc.use_local_subchannel_pool", 1),
            ("grpc.initial_reconnect_backoff_ms", 100), ("grpc.min_reconnect_backoff_ms", 100),
        ]
        async with grpc.aio.insecure_channel(self._address, options=options) as channel:
            reads = read_grpc.ReadServiceStub(channel)
            while True:
                try:
                    await reads.GetBotStats(read_pb2.GetBotStatsRequest(), timeout=CALL_S)
                    self.answered += 1
                except grpc.aio.AioRpcError as error:
                    self.failed.append(f"{error.code()}: {error.details()}")


class Pauses:
    """The longest time that the fence of any partition stood still under load, sampled from the database; an async
    context manager."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self.longest_s = 0.0
        self.samples = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Pauses:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        moved: dict[int, tuple[int, float]] = {}
        async with await psycopg.AsyncConnection.connect(self._pair.database_url, autocommit=True) as database:
            while True:
                found = await (await database.execute("SELECT partition, next_offset FROM g1.fence")).fetchall()
                now = time.monotonic()
                for partition, offset in found:
                    before, since = moved.get(partition, (offset, now))
                    self.longest_s = max(self.longest_s, now - since)
                    moved[partition] = (offset, now if offset != before else since)
                self.samples += 1
                await asyncio.sleep(SAMPLE_S)
