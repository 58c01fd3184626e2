"""Where records stand in the log, and which times count."""

from __future__ import annotations

from typing import NamedTuple

from tests.support.oracle.translate import Event

CLOCK_AHEAD_MAX_MS = 300_000


class Place(NamedTuple):
    """Where a record stands in the log, and its timestamp there."""

    partition: int
    offset: int
    record_ms: int


def time_of(event: Event, place: Place) -> int:
    """The time that counts, in ms; 0: unknown."""
    assert event.occurred_at_ms is not None
    return min(event.occurred_at_ms, place.record_ms + CLOCK_AHEAD_MAX_MS)


def pk_id(place: Place, row: int = 0) -> int:
    """The position-made key of a fact's row."""
    return place.partition << 48 | place.offset << 4 | row
