"""Erased people, from the contract's text alone: their pseudonyms, their tombstones, and what comes too late."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from tests.support.oracle.places import Place, time_of
from tests.support.oracle.translate import Event

PSEUDONYMS = range(2**62, 2**62 + 2**61)
"""Of people; those of groups are the same below zero."""
LEAD = 8

def pseudonym_of(erased: Event) -> int:
    """Whom the person's facts belong to from then on."""
    digest = _digest("pseudonym", erased.subject_id, erased.event_id[:LEAD].hex())
    size = PSEUDONYMS.start + int.from_bytes(digest[:8], "big") % len(PSEUDONYMS)
    return size if erased.subject_id > 0 else -size


def is_pseudonym(user_id: int) -> bool:
    """No id of Telegram's."""
    return abs(user_id) in PSEUDONYMS


def subject_of(user_id: int) -> bytes:
    """What stands for the id where it may not stand itself."""
    return _digest("erased", user_id)[:16]


def until_of(erased: Event, place: Place) -> int:
    """Events dated up to then are dropped; an erasure without a date is dated by the log."""
    return time_of(erased, place) or place.record_ms


def in_time(history: Iterable[tuple[Event, Place]]) -> Iterator[tuple[Event, Place]]:
    """Every record but those of erased people dated up to the erasure; those of a partition are in log order."""
    until: dict[tuple[int, int], int] = {}
    for event, place in history:
        if event.kind == "user_erased":
            key = (place.partition, event.subject_id)
            until[key] = max(until.get(key, 0), until_of(event, place))
            yield event, place
        elif all(_dated(event, place) > until.get((place.partition, each), -1) for each in _named(event)):
            yield event, place


def effective(history: Iterable[tuple[Event, Place]]) -> Iterator[tuple[Event, Place]]:
    """Of what is in time, the first record of each event, and every record of a sighting, which is a merge.

    And every record of an erasure: one far ahead of the log's clock is dated by its record, and a later one counts.
    """
    known: set[bytes] = set()
    for event, place in in_time(history):
        if event.kind in ("user_seen", "user_erased") or event.event_id not in known:
            known.add(event.event_id)
            yield event, place


def _dated(event: Event, place: Place) -> int:
    """What the gateway dates by its own clock is written at once."""
    return place.record_ms if event.occurred_at_ms is None else time_of(event, place)


def _named(event: Event) -> tuple[int, ...]:
    if event.kind == "chat_migrated":
        return event.fields["old_id"], event.fields["new_id"]
    return (event.subject_id,)


def _digest(*lines: object) -> bytes:
    return hashlib.sha256("\n".join(str(line) for line in ("telefact", *lines)).encode()).digest()
