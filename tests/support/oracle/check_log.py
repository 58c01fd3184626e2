"""Compares the log with what was caused: nothing lost, nothing unexpected, every record as the contract says."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import DecodeError

from tests.support.oracle import ids
from tests.support.oracle.differences import Differences
from tests.support.oracle.erasing import effective
from tests.support.oracle.expected import Candidate, Expected
from tests.support.oracle.log import Record, TopicLog
from tests.support.oracle.places import Place
from tests.support.oracle.translate import Event
from tests.support.protos import event_pb2, raw_pb2

CLOCK_SLACK_MS = 2_000.0


@dataclass(slots=True)
class LogReading:
    """What the events topic holds, by the oracle's own understanding."""

    places: dict[bytes, list[Place]] = field(default_factory=dict)
    """Where the records of each expected event stand, in log order."""
    kinds: Counter[str] = field(default_factory=Counter)
    """Distinct events by kind."""

    @property
    def duplicates(self) -> int:
        """Records beyond the first of their event."""
        return sum(len(places) - 1 for places in self.places.values())

    def first(self, event_id: bytes) -> Place | None:
        """The event's first record, the one that takes effect."""
        places = self.places.get(event_id)
        return places[0] if places else None

    def history(self, expected: Expected) -> list[tuple[Event, Place]]:
        """What takes effect, in log order."""
        records = [
            (expected.events[event_id].event, place) for event_id, places in self.places.items() for place in places]
        return list(effective(sorted(records, key=lambda each: each[1][:2])))


def check_events(
    expected: Expected, log: TopicLog, injected: set[tuple[int, int]], differences: Differences
) -> LogReading:
    """Read the events topic against the ledgers. `injected`: places that a test wrote itself."""
    reading = LogReading()
    for record in log.records:
        if record.place[:2] in injected:
            continue
        event = event_pb2.Event()
        try:
            event.ParseFromString(record.value)
        except DecodeError as error:
            differences.add("log: unreadable record", f"{_where(record)}: {error}")
            continue
        candidate = expected.events.get(event.event_id)
        if candidate is None:
            kind = event.WhichOneof("payload")
            differences.add("log: unexpected event", f"{_where(record)}: {event.event_id.hex()} {kind}")
            continue
        places = reading.places.setdefault(event.event_id, [])
        reading.kinds[candidate.event.kind] += not places
        wanted = candidate.event if not places else _repeated(expected.bot_id, event, candidate)
        places.append(record.place)
        _check_record(_Checked(expected.bot_id, log.partitions, record, candidate), event, wanted, differences)
    _check_presence(expected, reading, differences)
    _check_order(expected, reading, differences)
    return reading


def _where(record: Record) -> str:
    return f"{record.place.partition}:{record.place.offset}"


@dataclass(slots=True)
class _Checked:
    """What is being looked at."""

    bot_id: int
    partitions: int
    record: Record
    candidate: Candidate

    @property
    def what(self) -> str:
        return f"{_where(self.record)} ({self.candidate.cause}, {self.candidate.event.kind})"


def _repeated(bot_id: int, found: event_pb2.Event, candidate: Candidate) -> Event:
    """Which of the contents that were published under one key a later record holds."""
    for event in candidate.repeats:
        assert event.occurred_at_ms is not None
        if _is_same(as_proto(bot_id, event, event.occurred_at_ms), found):
            return event
    return candidate.event


def _is_same(wanted: event_pb2.Event, found: event_pb2.Event) -> bool:
    """But for what only the gateway knows."""
    wanted.received_at_ms, wanted.producer = found.received_at_ms, found.producer
    return wanted.SerializeToString(deterministic=True) == found.SerializeToString(deterministic=True)


def _check_record(checked: _Checked, found: event_pb2.Event, event: Event, differences: Differences) -> None:
    record, what = checked.record, checked.what
    key = ids.record_key(checked.bot_id, event.subject_id)
    differences.expect("log: key", what, key, record.key)
    differences.expect("log: partition", what, ids.partition_of(key, checked.partitions), record.place.partition)
    occurred_at_ms = event.occurred_at_ms
    if occurred_at_ms is None:
        occurred_at_ms = found.occurred_at_ms
        _check_time_of_receipt(what, occurred_at_ms, checked.candidate, differences)
    _check_headers(checked, event, occurred_at_ms, differences)
    if found.received_at_ms <= 0:
        differences.add("log: received_at_ms", f"{what}: {found.received_at_ms}")
    if not 0 < len(found.producer) <= 64:
        differences.add("log: producer", f"{what}: {found.producer!r}")
    wanted = as_proto(checked.bot_id, event, occurred_at_ms)
    if not _is_same(wanted, found):
        differences.expect("log: event", what, _one_line(wanted), _one_line(found))


def _check_time_of_receipt(what: str, at_ms: int, candidate: Candidate, differences: Differences) -> None:
    """A time from the gateway's clock lies within the delivery."""
    begin, end = candidate.sent_between_ms or (0, float("inf"))
    if not begin - CLOCK_SLACK_MS <= at_ms <= end + CLOCK_SLACK_MS:
        differences.add("log: time of receipt", f"{what}: {at_ms} not in {begin:.0f}..{end:.0f}")


def _check_headers(checked: _Checked, event: Event, occurred_at_ms: int, differences: Differences) -> None:
    record, what = checked.record, checked.what
    wanted = {
        "ce_specversion": "1.0",
        "ce_id": event.event_id.hex(),
        "ce_type": f"telefact.event.v1.{event.kind}",
        "ce_source": f"/telegram/bot/{checked.bot_id}",
        "ce_subject": str(event.subject_id),
        "content-type": "application/protobuf",
    }
    for name, value in wanted.items():
        differences.expect(f"log: header {name}", what, value, _plain(name, record.header(name)))
    time = record.header("ce_time")
    if occurred_at_ms and (time is None or abs(_milliseconds(time) - occurred_at_ms) >= 1000):
        differences.add("log: header ce_time", f"{what}: {time!r} for {occurred_at_ms}")


def _plain(name: str, value: str | None) -> str | None:
    """An id may be shown with the dashes of a UUID."""
    return value.replace("-", "") if name == "ce_id" and value is not None else value


def _milliseconds(text: str) -> float:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC).timestamp() * 1000.0
    except (ValueError, OverflowError):
        return float("nan")


def as_proto(bot_id: int, event: Event, occurred_at_ms: int) -> event_pb2.Event:
    """The event as the contract's message, without what only the gateway knows."""
    found = event_pb2.Event(
        event_id=event.event_id,
        bot_id=bot_id,
        update_id=event.update_id,
        occurred_at_ms=occurred_at_ms,
        ordinal=event.ordinal,
    )
    payload = getattr(found, event.kind)
    payload.SetInParent()
    for name, value in event.fields.items():
        if name == "personal":
            _set_personal(payload.personal, value)
        else:
            setattr(payload, name, value)
    return found


def _set_personal(personal: event_pb2.Personal, names: dict[str, Any]) -> None:
    personal.clear.SetInParent()
    for name, value in names.items():
        setattr(personal.clear, name, value)


def _one_line(event: event_pb2.Event) -> str:
    return " ".join(str(event).split())


def _check_presence(expected: Expected, reading: LogReading, differences: Differences) -> None:
    for event_id, candidate in expected.events.items():
        place = reading.first(event_id)
        if place is None:
            if candidate.must:
                differences.add("log: lost", f"{candidate.cause}: {candidate.event.kind} {event_id.hex()}")
            continue
        for token in candidate.positions:
            _check_position(token, place, candidate, differences)
        for at in candidate.answered_at:
            if all(each[:2] != at for each in reading.places[event_id]):
                differences.add("publish: wrong answer", f"{candidate.cause}: is not at {at[0]}:{at[1]}")
    for answer in expected.wrong_answers:
        differences.add("publish: wrong answer", answer)


def _check_position(token: str, place: Place, candidate: Candidate, differences: Differences) -> None:
    """A handed out token lies behind the event's first record."""
    try:
        next_offset = ids.parse_position(token).get(place.partition, 0)
    except ValueError as error:
        differences.add("position token", f"{candidate.cause}: {error}")
        return
    if next_offset <= place.offset:
        differences.add(
            "position token", f"{candidate.cause}: {token!r} does not cover {place.partition}:{place.offset}"
        )


def _check_order(expected: Expected, reading: LogReading, differences: Differences) -> None:
    """First records of one queue's events with one subject stand in the queue's order."""
    for queue, event_ids in expected.queues.items():
        last: dict[int, Place] = {}
        for event_id in dict.fromkeys(event_ids):
            place = reading.first(event_id)
            if place is None:
                continue
            subject_id = expected.events[event_id].event.subject_id
            before = last.get(subject_id)
            if before is not None and before.partition == place.partition and before.offset > place.offset:
                differences.add("log: order", f"{queue}: {event_id.hex()} at {place.offset}, before {before.offset}")
            last[subject_id] = place


def check_raw(expected: Expected, log: TopicLog, differences: Differences) -> int:
    """Read the raw topic against the ledger. Returns its number of distinct updates."""
    seen: set[bytes] = set()
    for record in log.records:
        raw = raw_pb2.RawUpdate()
        try:
            raw.ParseFromString(record.value)
        except DecodeError as error:
            differences.add("raw: unreadable record", f"{_where(record)}: {error}")
            continue
        candidate = expected.raw.get(raw.body)
        if candidate is None:
            differences.add("raw: unexpected update", f"{_where(record)}: {raw.body[:80]!r}")
            continue
        seen.add(raw.body)
        what = f"raw {_where(record)} {raw.body[:60]!r}"
        if raw.reason not in candidate.translation.reasons:
            differences.expect("raw: reason", what, sorted(candidate.translation.reasons), raw.reason)
        differences.expect("raw: bot_id", what, expected.bot_id, raw.bot_id)
        if candidate.translation.update_id is not None:
            differences.expect("raw: update_id", what, candidate.translation.update_id, raw.update_id)
        key = ids.record_key(expected.bot_id, raw.update_id)
        differences.expect("raw: key", what, key, record.key)
    for body, candidate in expected.raw.items():
        if candidate.must and body not in seen:
            differences.add("raw: lost", f"update {candidate.translation.update_id}: {body[:80]!r}")
    return len(seen)
