"""The publish log: what the bot published, every attempt, and the answer."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.support.bot.plan import PlannedEvent


@dataclass(slots=True)
class PublishRecord:
    """One event handed to Publish. Records of one subject are in the order they first entered Kafka."""

    index: int
    key: str
    kind: str
    subject_id: int
    fields: dict[str, Any]
    """Payload fields as sent (a long link is cut by the gateway, not here)."""
    occurred_at_ms: int
    update_id: int
    repeat_of: int | None
    """Index of the record whose key this one repeats on purpose: it must have no effect."""
    attempts: list[str] = field(default_factory=list)
    """`OK`, a gRPC status name, or `RESULT:<PublishErrorCode>`, one each."""
    event_id: bytes = b""
    partition: int = -1
    offset: int = -1
    deduplicated: bool = False
    done: bool = False
    """Answered without an error: durable."""
    refused: str = ""
    """The gateway's INVALID_ARGUMENT; the event was given up."""

    @property
    def position(self) -> str:
        """Token that covers this event."""
        return f"{self.partition}:{self.offset + 1}"


class PublishLog:
    """All records in the order of planning; `path` gets one JSON line as each is finished."""

    def __init__(self, path: Path | None = None) -> None:
        self.records: list[PublishRecord] = []
        self.finished = 0
        self._file: IO[str] | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="utf-8", buffering=1 << 16)

    def add(self, event: PlannedEvent) -> PublishRecord:
        """Take in a planned event."""
        record = PublishRecord(
            len(self.records),
            event.key,
            event.kind,
            event.subject_id,
            event.fields,
            event.occurred_at_ms,
            event.update_id,
            event.repeat_of,
        )
        self.records.append(record)
        return record

    def finish(self, record: PublishRecord) -> None:
        """The record is done or refused."""
        self.finished += 1
        self._write(record)

    def close(self) -> None:
        """Write what is unfinished and close the file; the memory stays readable."""
        if self._file is None:
            return
        for record in self.records:
            if not record.done and not record.refused:
                self._write(record)
        self._file.close()
        self._file = None

    def _write(self, record: PublishRecord) -> None:
        if self._file is not None:
            line = {**dataclasses.asdict(record), "event_id": record.event_id.hex()}
            self._file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")


def read_publish_log(path: Path) -> Iterator[PublishRecord]:
    """The records of a log file, in the order they were finished; sort by `index` for that of planning."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            record = PublishRecord(**json.loads(line))
            record.event_id = bytes.fromhex(str(record.event_id))
            yield record
