"""From the two ledgers, deliveries and publishes, to what may and what must stand in the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.support.oracle import ids
from tests.support.oracle.translate import LINK_BYTES_MAX, Event, Translation, cut, translate

AD_COOLDOWN_S = 86_400
AD_COUNT_AFTER = 1
POLLED = "getUpdates"
"""Gateway of an attempt that was a listing (telegram.POLLED)."""


class Update(Protocol):
    """What the oracle needs of an entry of the delivery ledger (telegram.Entry)."""

    body: bytes
    queue: str
    position: str
    was_answered_2xx: bool
    first_sent_at: float | None
    attempts: Any


class Publish(Protocol):
    """What the oracle needs of a record of the publish log (bot.PublishRecord)."""

    key: str
    kind: str
    subject_id: int
    fields: Mapping[str, Any]
    occurred_at_ms: int
    update_id: int
    attempts: list[str]
    event_id: bytes
    partition: int
    offset: int
    deduplicated: bool
    done: bool
    refused: str


@dataclass(slots=True)
class Candidate:
    """An event that was caused. It must be in the log if somebody was told that it is."""

    event: Event
    cause: str
    must: bool = False
    repeats: list[Event] = field(default_factory=list)
    """The same key published again with another content: in the log behind the first one, and without effect."""
    positions: list[str] = field(default_factory=list)
    """Tokens handed out for it."""
    answered_at: list[tuple[int, int]] = field(default_factory=list)
    """Places that Publish named."""
    sent_between_ms: tuple[float, float] | None = None
    """For times taken from the gateway's clock: when it can have been received."""


@dataclass(slots=True)
class RawCandidate:
    """An update that makes no event."""

    translation: Translation
    must: bool = False


@dataclass(slots=True)
class Expected:
    """Everything that was caused."""

    bot_id: int
    events: dict[bytes, Candidate] = field(default_factory=dict)
    raw: dict[bytes, RawCandidate] = field(default_factory=dict)
    """By body."""
    queues: dict[str, list[bytes]] = field(default_factory=dict)
    """Event ids of each of Telegram's queues, and of each subject's publishes, in the order they must stand in."""
    wrong_answers: list[str] = field(default_factory=list)
    """Publish answers that contradict the contract."""


def expect(bot_id: int, updates: Iterable[Update], publishes: Iterable[Publish] = ()) -> Expected:
    """Work out what these updates and publishes cause."""
    expected = Expected(bot_id)
    for update in updates:
        _add_update(expected, update)
    for publish in publishes:
        _add_publish(expected, publish)
    return expected


def _add_update(expected: Expected, update: Update) -> None:
    if update.first_sent_at is None:
        return
    translation = translate(update.body, expected.bot_id)
    if not translation.events:
        raw = expected.raw.setdefault(update.body, RawCandidate(translation))
        raw.must |= update.was_answered_2xx
        return
    queue = expected.queues.setdefault(f"telegram {update.queue}", [])
    for event in translation.events:
        cause = f"update {translation.update_id}"
        candidate = expected.events.setdefault(event.event_id, Candidate(event, cause))
        candidate.must |= update.was_answered_2xx
        candidate.positions += {each.position for each in update.attempts if _answers_position(each)}
        candidate.sent_between_ms = _between(update)
        if _went_through(update):
            queue.append(event.event_id)


def _went_through(update: Update) -> bool:
    """Telegram held back what came after it until it was durable. An update that was given up may come late."""
    return any(200 <= each.status <= 299 and each.copy == 0 for each in update.attempts)


def _answers_position(attempt: Any) -> bool:
    """A webhook's 2xx carries a position token; a confirmation by offset has no answer of ours."""
    return 200 <= attempt.status <= 299 and attempt.gateway != POLLED


def _between(update: Update) -> tuple[float, float] | None:
    if not update.attempts:
        return None
    return (
        min(attempt.sent_at for attempt in update.attempts) * 1000.0,
        max(attempt.ended_at for attempt in update.attempts) * 1000.0,
    )


def _add_publish(expected: Expected, publish: Publish) -> None:
    event_id = ids.of_key(expected.bot_id, publish.kind, publish.subject_id, publish.key)
    event = Event(
        event_id,
        publish.kind,
        publish.subject_id,
        publish.update_id,
        publish.occurred_at_ms,
        _filled(publish),
        is_published=True,
    )
    cause = f"publish {publish.kind} {publish.key!r}"
    if publish.refused:
        expected.wrong_answers.append(f"{cause}: refused with {publish.refused!r}")
        return
    candidate = expected.events.setdefault(event_id, Candidate(event, cause))
    if event != candidate.event:
        candidate.repeats.append(event)
    candidate.must |= publish.done
    if publish.done:
        if publish.event_id != event_id:
            expected.wrong_answers.append(f"{cause}: event id {publish.event_id.hex()}, expected {event_id.hex()}")
        if not publish.deduplicated:
            expected.wrong_answers.append(f"{cause}: answered as not deduplicated although it has a key")
        candidate.positions.append(f"{publish.partition}:{publish.offset + 1}")
        candidate.answered_at.append((publish.partition, publish.offset))
    expected.queues.setdefault(f"publisher {publish.subject_id}", []).append(event_id)


def _filled(publish: Publish) -> dict[str, Any]:
    """The payload as the gateway completes it."""
    fields = dict(publish.fields)
    if publish.kind != "chat_migrated":
        fields.setdefault("user_id", publish.subject_id)
    if publish.kind == "ad_shown":
        fields.setdefault("cooldown_s", AD_COOLDOWN_S)
        fields.setdefault("count_after", AD_COUNT_AFTER)
    link = fields.get("video_link", "")
    if len(link.encode("utf-8")) > LINK_BYTES_MAX:
        fields["video_link"] = cut(link, LINK_BYTES_MAX)
        fields["link_truncated"] = True
    return fields
