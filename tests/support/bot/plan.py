"""What a bot does after an update, decided without I/O: the same seed and updates, the same events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class PlannedEvent:
    """One event to publish. `fields` are the payload's proto fields that are set, by name."""

    key: str
    """Idempotency key."""
    kind: str
    """Payload name, e.g. `video_downloaded`."""
    subject_id: int
    fields: dict[str, Any]
    occurred_at_ms: int
    update_id: int = 0
    repeat_of: int | None = None
    """Index in the publish log of the record whose key this one deliberately uses again."""
    extra: dict[str, Any] = field(default_factory=dict)


class Planner:
    """Turns acknowledged updates into events to publish."""

    def __init__(self, seed: int, *, republish: float = 0.03) -> None:
        raise NotImplementedError

    def plan(self, body: bytes) -> list[PlannedEvent]:
        """The events that follow from one update; none for most, and for what cannot be read."""
        raise NotImplementedError
