"""The ledger: what was handed to the fake server, every attempt, and how each update ended.

It lives outside the system under test. In memory it is a list of entries in the order of
`enqueue`; with a path, each entry becomes one JSON line when its outcome is final (and the
pending ones when the ledger is closed).
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

PENDING = "pending"
ACKED = "acked"
LOST = "lost_at_telegram"
FILTERED = "filtered"
DROPPED = "dropped_by_bot"
POLLED = "getUpdates"
"""Stands for the gateway in attempts that were listings, not POSTs."""


class Attempt(NamedTuple):
    """One POST of one copy of an update, or (gateway POLLED) a listing by getUpdates.

    A listing has status 0; the call whose offset confirms the update adds a last one with 200.
    """

    sent_at: float
    ended_at: float
    gateway: str
    status: int
    """HTTP status; 0 when no complete answer came (see `error`)."""
    error: str
    copy: int
    """0: the delivery itself, whose answer decides; 1, 2: test-only extra copies."""
    position: str
    """`telefact-position` of the answer, or empty."""
    ignored: bool
    """The answer was thrown away on purpose, as if it had been lost on the way."""


@dataclass(slots=True, eq=False)
class Entry:
    """One update: the bytes, where it queues, and its fate."""

    number: int
    """Order of enqueue, from 0."""
    body: bytes
    update_id: int | None
    """None when the body does not show one."""
    kind: str
    """Name of the payload field, or `?` when the body is not a readable update."""
    queue: str
    enqueued_at: float
    expires_at: float
    copies: int = 1
    outcome: str = PENDING
    reason: str = ""
    first_sent_at: float | None = None
    first_acked_at: float | None = None
    position: str = ""
    """`telefact-position` of the answer that acknowledged it."""
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def was_answered_2xx(self) -> bool:
        """Some copy got a 2xx, even if that answer was then ignored."""
        return any(200 <= attempt.status <= 299 for attempt in self.attempts)

    def as_json(self) -> str:
        """The entry as one JSON line, bytes in base64."""
        return json.dumps(
            {
                "number": self.number,
                "update_id": self.update_id,
                "kind": self.kind,
                "queue": self.queue,
                "outcome": self.outcome,
                "reason": self.reason,
                "enqueued_at": self.enqueued_at,
                "expires_at": self.expires_at,
                "first_sent_at": self.first_sent_at,
                "first_acked_at": self.first_acked_at,
                "position": self.position,
                "copies": self.copies,
                "attempts": [attempt._asdict() for attempt in self.attempts],
                "body": base64.b64encode(self.body).decode("ascii"),
            },
            separators=(",", ":"),
        )


class Ledger:
    """All entries, in the order they were enqueued."""

    def __init__(self, path: Path | None = None) -> None:
        self.entries: list[Entry] = []
        self.counts: Counter[str] = Counter()
        """Entries by outcome, kept up to date."""
        self.attempt_count = 0
        self._file: IO[str] | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="ascii", buffering=1 << 16)

    def add(self, entry: Entry) -> None:
        """Take in a new entry; one that is final already is written at once."""
        self.entries.append(entry)
        self.counts[entry.outcome] += 1
        if entry.outcome != PENDING:
            self._write(entry)

    def finish(self, entry: Entry, outcome: str, reason: str = "") -> None:
        """Give a pending entry its final outcome."""
        if entry.outcome != PENDING:
            raise ValueError(f"update {entry.update_id} is already {entry.outcome}")
        self.counts[PENDING] -= 1
        self.counts[outcome] += 1
        entry.outcome = outcome
        entry.reason = reason
        self._write(entry)

    def close(self) -> None:
        """Write the pending entries and close the file; the memory stays readable."""
        if self._file is None:
            return
        for entry in self.entries:
            if entry.outcome == PENDING:
                self._write(entry)
        self._file.close()
        self._file = None

    def with_outcome(self, outcome: str) -> Iterator[Entry]:
        """The entries that ended so."""
        return (entry for entry in self.entries if entry.outcome == outcome)

    def acked(self) -> Iterator[Entry]:
        """The entries answered 2xx, in the order of enqueue."""
        return self.with_outcome(ACKED)

    def ack_latencies_ms(self) -> list[float]:
        """First send to acknowledgement of every acked entry, sorted."""
        return sorted(
            (entry.first_acked_at - entry.first_sent_at) * 1000.0
            for entry in self.acked()
            if entry.first_acked_at is not None and entry.first_sent_at is not None
        )

    def _write(self, entry: Entry) -> None:
        if self._file is not None:
            self._file.write(entry.as_json() + "\n")


def read_ledger(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a ledger file, `body` decoded to bytes."""
    with path.open(encoding="ascii") as lines:
        for line in lines:
            record = json.loads(line)
            record["body"] = base64.b64decode(record["body"])
            yield record
