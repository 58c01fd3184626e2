"""From Telegram's first send of an update to the first answer that includes it, measured on a sample."""

from __future__ import annotations

import asyncio
import time

import grpc

from tests.support.protos import read_grpc, read_pb2
from tests.support.telegram import Entry

UNDER_WAY_MAX = 40
RETRY_S = 0.02
GIVE_UP_S = 60.0


class LatencyProbe:
    """Asks the store about acknowledged updates with the position they were acknowledged at."""

    def __init__(self, target: str) -> None:
        self.found_ms: list[float] = []
        self._target = target
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> LatencyProbe:
        options = (("grpc.max_reconnect_backoff_ms", 200), ("grpc.initial_reconnect_backoff_ms", 50))
        self._channel = grpc.aio.insecure_channel(self._target, options)
        self._reads = read_grpc.ReadServiceStub(self._channel)
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        await self._channel.close()

    def take(self, entry: Entry) -> None:
        """An update was acknowledged; probe it when few enough probes are under way."""
        if entry.position and entry.first_sent_at is not None and len(self._tasks) < UNDER_WAY_MAX:
            task = asyncio.create_task(self._probe(entry.position, entry.first_sent_at))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Wait for the probes under way."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GIVE_UP_S)

    async def _probe(self, position: str, sent_at: float) -> None:
        give_up = time.monotonic() + GIVE_UP_S
        while time.monotonic() < give_up:
            try:
                await self._reads.GetUser(
                    read_pb2.GetUserRequest(user_id=1), metadata=(("telefact-min-position", position),), timeout=10
                )
            except grpc.aio.AioRpcError:
                await asyncio.sleep(RETRY_S)
                continue
            self.found_ms.append((time.time() - sent_at) * 1000.0)
            return
