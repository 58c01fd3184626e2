"""Makes services end at named crash points of their test builds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pair import Pair
from tests.support.processes import Service

POINT_DEADLINE_S = 30.0
_KILLED = -9


def join_anew(pair: Pair) -> None:
    """Let the store join another consumer group at its next start.

    Positions do not come from the group, and a new one does not wait for the member that was killed.
    """
    pair.store.environment["STORE_KAFKA_GROUP_ID"] = f"{pair.prefix}.store{pair.store.starts}"


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
