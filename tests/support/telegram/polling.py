"""getUpdates by the real server's rules: one pending call, conflicts, confirmation by offset, throttling."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

from tests.support.telegram.clock import Clock
from tests.support.telegram.delivery import Delivery
from tests.support.telegram.ledger import FILTERED, LOST, Entry

LIMIT_MAX = 100
TIMEOUT_MAX_S = 50
_CONFLICT_SPACING_S = 3.0
_REPOLL_WAIT_S = 3
_REPOLL_SOON_S = 0.5
_TAIL_SLACK = 10
_GATHER_S = 0.002

WEBHOOK_IS_SET = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)
_OTHER_CALL = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
_WEBHOOK_CALL = "Conflict: terminated by setWebhook request"


class Conflict(Exception):
    """The call ends with a 409 that says this."""


@dataclass(slots=True, eq=False)
class _Poll:
    offset: int
    limit: int
    answer: asyncio.Future[list[Entry]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Polling:
    """Lists what a Delivery without webhook holds. All methods run on the event loop."""

    def __init__(self, clock: Clock, delivery: Delivery) -> None:
        self._clock = clock
        self._delivery = delivery
        self._pending: _Poll | None = None
        self._tail = 0
        self._previous_offset = -1
        self._previous_at = -_CONFLICT_SPACING_S
        self._next_conflict_at = 0.0
        self._is_waking = False
        self._checked_to = -1

    def note(self, entry: Entry) -> None:
        """An update was enqueued: its id moves the tail, and a waiting call may be answered."""
        if entry.update_id is not None:
            self._tail = entry.update_id + 1
        if self._pending is not None and not self._is_waking:
            self._is_waking = True
            asyncio.get_running_loop().call_later(_GATHER_S, self._wake)

    def abort_for_webhook(self) -> None:
        """setWebhook came: a pending call ends with 409."""
        self._abort(_WEBHOOK_CALL)

    def close(self) -> None:
        """Answer a pending call with nothing, so that the server can be stopped."""
        poll, self._pending = self._pending, None
        if poll is not None and not poll.answer.done():
            poll.answer.set_result([])

    async def get_updates(self, offset: int, limit: int, timeout: int) -> list[Entry]:
        """What to answer, after waiting up to `timeout` clock seconds for it. Raises Conflict."""
        self._abort(_OTHER_CALL)
        limit = max(1, min(limit, LIMIT_MAX))
        timeout = max(0, min(timeout, TIMEOUT_MAX_S))
        now = self._clock.time()
        if offset == self._previous_offset:
            since = now - self._previous_at
            timeout = max(timeout, _REPOLL_WAIT_S) if since < _REPOLL_WAIT_S else timeout
            limit = 1 if since < _REPOLL_SOON_S else limit
        self._previous_offset = offset
        self._previous_at = now
        entries = self._list(offset, limit)
        if entries or timeout == 0:
            return entries
        return await self._wait(_Poll(offset, limit), now + timeout)

    async def conflict(self, message: str) -> Conflict:
        """Returns what to raise, when it is time: a second conflict within 3 s is told 3 s later."""
        now = self._clock.time()
        if now >= self._next_conflict_at:
            self._next_conflict_at = now + _CONFLICT_SPACING_S
            return Conflict(message)
        told = asyncio.Event()
        self._clock.call_at(now + _CONFLICT_SPACING_S, told.set)
        await told.wait()
        return Conflict(message)

    async def _wait(self, poll: _Poll, until: float) -> list[Entry]:
        self._pending = poll
        timer = self._clock.call_at(until, lambda: self._finish(poll))
        try:
            return await poll.answer
        except Conflict as conflict:
            raise await self.conflict(str(conflict)) from None
        finally:
            timer.cancel()
            if self._pending is poll:
                self._pending = None

    def _abort(self, message: str) -> None:
        poll, self._pending = self._pending, None
        if poll is not None and not poll.answer.done():
            poll.answer.set_exception(Conflict(message))

    def _wake(self) -> None:
        self._is_waking = False
        if self._pending is not None and self._delivery.backlog:
            self._finish(self._pending)

    def _finish(self, poll: _Poll) -> None:
        if not poll.answer.done():
            poll.answer.set_result(self._list(poll.offset, poll.limit))

    def _list(self, offset: int, limit: int) -> list[Entry]:
        self._confirm(offset)
        now = self._clock.time()
        entries: list[Entry] = []
        while self._delivery.backlog and len(entries) < limit:
            entry = self._delivery.backlog.popleft()
            if entry.expires_at < now:
                self._delivery.give_up(entry, LOST, "expired before it was confirmed")
            elif not self._is_listable(entry):
                self._delivery.give_up(entry, FILTERED, "no JSON that a server could list")
            else:
                entries.append(entry)
        self._delivery.backlog.extendleft(reversed(entries))
        for entry in entries:
            self._delivery.note_listed(entry, now)
        return entries

    def _is_listable(self, entry: Entry) -> bool:
        """Whether the real server, which serialises updates itself, could have made this body."""
        if entry.number > self._checked_to:
            if entry.update_id is None or not _is_strict_json(entry.body):
                return False
            self._checked_to = entry.number
        return True

    def _confirm(self, offset: int) -> None:
        backlog = self._delivery.backlog
        if offset < 0:
            while len(backlog) > -offset:
                self._delivery.confirm_first()
        elif offset <= self._tail + _TAIL_SLACK:
            while backlog and (backlog[0].update_id or 0) < offset:
                self._delivery.confirm_first()


def _is_strict_json(body: bytes) -> bool:
    try:
        text = body.decode("utf-8")
        json.dumps(json.loads(text, parse_constant=_refuse), ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def answer_json(entries: list[Entry]) -> bytes:
    """The result array, each update with the bytes it was enqueued with."""
    return b"[" + b",".join(entry.body for entry in entries) + b"]"
