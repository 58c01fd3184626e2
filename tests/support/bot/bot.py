"""The bot's outer half: batches over gRPC, retries with the same key, and the log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.support.bot.log import PublishLog


class ScriptedBot:
    """Publishes what `Planner` decides. Use it as an async context manager.

    targets     host:port of one or several gateways; a retry goes to the next one.
    batch_max   events in one request.
    lanes       requests under way at once; a subject always uses the same lane, so that its
                events enter Kafka in the order of the log.
    """

    def __init__(
        self,
        targets: Sequence[str],
        *,
        seed: int = 1,
        bearer: str = "",
        lanes: int = 4,
        batch_max: int = 50,
        deadline_s: float = 10.0,
        republish: float = 0.03,
        log_path: Path | None = None,
    ) -> None:
        raise NotImplementedError

    log: PublishLog

    def take(self, body: bytes) -> None:
        """Plan what follows from an acknowledged update and queue it. Never blocks."""
        raise NotImplementedError

    @property
    def backlog(self) -> int:
        """Events planned and not yet durable."""
        raise NotImplementedError

    async def drain(self, deadline_s: float) -> bool:
        """Wait until every planned event is durable; False when the deadline passes first."""
        raise NotImplementedError
