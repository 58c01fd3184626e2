"""What the tests of several stores share: who owns what, and a process that stands still."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import psycopg

from tests.support.pair import Pair
from tests.support.processes import Service
from tests.support.traffic import Traffic

SESSION_MS = 6_000  # the shortest that a broker takes


def quick(**more: str) -> dict[str, str]:
    """Settings of a store that notices the death of another one soon."""
    return {
        "STORE_KAFKA_SESSION_TIMEOUT_MS": str(SESSION_MS),
        "STORE_KAFKA_HEARTBEAT_INTERVAL_MS": "1000",
        "STORE_LOCK_TIMEOUT_MS": "500",
        "STORE_ZOMBIE_AFTER_MS": "2000",
        **more,
    }


async def query(pair: Pair, sql: str) -> list[tuple[Any, ...]]:
    """Rows of the pair's database."""

    def ask() -> list[tuple[Any, ...]]:
        with psycopg.connect(pair.database_url) as connection:
            return connection.execute(sql).fetchall()  # type: ignore[arg-type]

    return await asyncio.to_thread(ask)


async def epochs(pair: Pair) -> dict[int, int]:
    """How often the fence of each partition was taken."""
    return dict(await query(pair, "SELECT partition, owner_epoch FROM g1.fence"))


async def wait_applied_to(pair: Pair, end: dict[int, int], deadline_s: float) -> float:
    """Wait until the fences reach these offsets; returns the seconds it took."""
    began = time.monotonic()
    while True:
        fences = await asyncio.to_thread(pair.fences)
        if all(fences.get(partition, 0) >= offset for partition, offset in end.items()):
            return time.monotonic() - began
        logs = "\n".join(store.log_end() for store in pair.stores)
        assert time.monotonic() < began + deadline_s, f"{fences} is behind {end} after {deadline_s:g} s\n{logs}"
        await asyncio.sleep(0.05)


async def backlog(pair: Pair, traffic: Traffic, count: int) -> dict[int, int]:
    """End the stores and let so many records wait for them; then nothing new comes. Returns the log's end."""
    await asyncio.gather(*(store.stop() for store in pair.stores if store.is_running))
    while await asyncio.to_thread(pair.lag) < count:
        await traffic.acked_more(50, 30)
    await traffic.end()
    return await asyncio.to_thread(pair.log_end)


async def wait_still(service: Service, deadline_s: float = 30.0) -> None:
    """Wait until the process has been stopped by a signal (state T)."""
    deadline = time.monotonic() + deadline_s
    while Path(f"/proc/{service.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert time.monotonic() < deadline, f"{service.name} does not stand still\n{service.log_end()}"
        await asyncio.sleep(0.02)
