"""Makes services end at named crash points of their test builds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.pair import Pair
from tests.support.processes import Service
from tests.support.telegram import Entry

POINT_DEADLINE_S = 120.0  # ends what hangs; a busy machine takes its time
_KILLED = -9


def join_anew(pair: Pair) -> None:
    """Let the store join another consumer group at its next start.

    Positions do not come from the group, and a new one does not wait for the member that was killed.
    """
    pair.store.environment["STORE_KAFKA_GROUP_ID"] = f"{pair.prefix}.store{pair.store.starts}"


async def unapplied_since(pair: Pair, end: dict[int, int]) -> int:
    """Records before `end` that are in no committed transaction: with an end read before a crash, at least so many
    were not applied at that moment."""
    fences = await asyncio.to_thread(pair.fences)
    return sum(max(0, offset - fences.get(partition, 0)) for partition, offset in end.items())


def cut_off(entries: list[Entry], webhook: str, since: float) -> int:
    """Most requests that waited for their answer when a connection to the webhook broke off, as Telegram saw it."""
    broken = [
        attempt
        for entry in entries
        for attempt in entry.attempts
        if attempt.gateway == webhook and attempt.status == 0 and attempt.ended_at >= since
    ]
    moments = {attempt.ended_at for attempt in broken}
    return max((sum(attempt.sent_at < moment <= attempt.ended_at for attempt in broken) for moment in moments), default=0)


class Crashes:
    """Makes services end at crash points and remembers the load at each."""

    def __init__(self, log: Path) -> None:
        self._log = log

    async def one(self, service: Service, point: str, load_min: int) -> None:
        """Start a stopped service and wait until it has killed itself at the point."""
        service.environment["TELEFACT_CRASH_AT"] = f"{point}:{load_min}"
        service.environment["TELEFACT_CRASH_LOG"] = str(self._log)
        await service.spawn()
        try:
            status = await service.wait(POINT_DEADLINE_S)
        except TimeoutError:
            pytest.fail(f"{point} was not passed with a load of {load_min} within {POINT_DEADLINE_S:g} s")
        assert status == _KILLED, f"{point}: status {status}\n{service.log_end()}"
        del service.environment["TELEFACT_CRASH_AT"]

    def loads(self) -> dict[str, int]:
        """The largest load at which each point was hit."""
        found: dict[str, int] = {}
        for line in self._log.read_text().splitlines():
            point, load = line.rsplit(" ", 1)
            found[point] = max(found.get(point, 0), int(load))
        return found
