"""The publish log: what the bot published, every attempt, and the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class PublishRecord:
    """One event handed to Publish. Records of one subject are in the order they entered Kafka."""

    index: int
    key: str
    kind: str
    subject_id: int
    fields: dict[str, Any]
    occurred_at_ms: int
    update_id: int
    repeat_of: int | None
    attempts: list[str] = field(default_factory=list)
    """`OK`, a gRPC status name, or `RESULT:<PublishErrorCode>`, one each."""
    event_id: bytes = b""
    partition: int = -1
    offset: int = -1
    deduplicated: bool = False
    done: bool = False
    """Answered without an error: durable."""


class PublishLog:
    """All records in the order of planning; `path` gets one JSON line as each is finished."""

    def __init__(self, path: Path | None = None) -> None:
        raise NotImplementedError

    records: list[PublishRecord]


def read_publish_log(path: Path) -> Iterator[PublishRecord]:
    """The records of a log file."""
    raise NotImplementedError
