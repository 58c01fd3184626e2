"""The webhook sender: queues, one update in flight in each, retries, lifetimes, extra copies.

A queue is loaded from the backlog when its turn comes, at most twice as many as there are
connections; its first update blocks the rest of it. See `rules` for the numbers.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.telegram.clock import Clock, Timer
from tests.support.telegram.connection import Answer, WebhookConnection
from tests.support.telegram.ledger import ACKED, DROPPED, LOST, PENDING, POLLED, Attempt, Entry, Ledger
from tests.support.telegram.pool import ConnectionPool
from tests.support.telegram.rules import (
    GONE_LIMIT_S,
    QUEUE_BYTES_MAX,
    QUEUE_UPDATES_MAX,
    next_delay,
)

_BACKLOG_SWEEP_S = 60.0


@dataclass(slots=True)
class _Item:
    """A loaded update and its retry state."""

    entry: Entry
    copies_left: int
    """Extra copies still to be sent at the time of a delivery."""
    answers_to_lose: int
    delay: int = 1
    fail_count: int = 0


@dataclass(slots=True)
class _Send:
    """What a busy connection carries. item is None for an extra copy."""

    entry: Entry
    item: _Item | None
    copy: int
    sent_at: float


class Delivery:
    """Delivers entries until they are acked or lost. All methods run on the event loop."""

    def __init__(
        self,
        clock: Clock,
        ledger: Ledger,
        *,
        seed: int,
        duplicates: int,
        ramp: bool,
        on_acked: Callable[[Entry], None],
        on_answer_body: Callable[[Entry, Answer], None],
        on_gone: Callable[[], None],
    ) -> None:
        self.pool = ConnectionPool(clock, self._on_answer, self._pump, ramp)
        self.max_connections = 0
        self.last_error = ""
        self.last_error_at = 0.0
        self.idle = asyncio.Event()
        self.idle.set()
        self._clock = clock
        self._ledger = ledger
        self._rng = random.Random(f"delivery {seed}")
        self._copy_rng = random.Random(f"copies {seed}")
        self._duplicates = duplicates
        self._on_acked = on_acked
        self._on_answer_body = on_answer_body
        self._on_gone = on_gone
        self.backlog: deque[Entry] = deque()
        """What waits to be loaded, in the order of enqueue; all that is pending when no webhook is set."""
        self._queues: dict[str, deque[_Item]] = {}
        self._ready: list[tuple[float, int, str]] = []
        self._copies: deque[tuple[Entry, int, str]] = deque()
        self._sequence = 0
        self._in_flight = 0
        self._pending_bytes = 0
        self._first_gone_at: float | None = None
        self._timer: Timer | None = None
        self._timer_at = 0.0
        self._pump_soon = False
        self._sweep_timer: Timer | None = None

    @property
    def pending(self) -> int:
        """Updates without a final outcome."""
        return self._ledger.counts[PENDING]

    def put(self, entry: Entry) -> None:
        """Queue a pending entry (already in the ledger), or lose it when the bot's queue is full."""
        too_many = self.pending > QUEUE_UPDATES_MAX
        if too_many or self._pending_bytes + len(entry.body) > QUEUE_BYTES_MAX:
            self._ledger.finish(entry, LOST, "queue is full")
            return
        entry.copies = self._copy_rng.randint(1, self._duplicates) if self._duplicates > 1 else 1
        self._pending_bytes += len(entry.body)
        self.backlog.append(entry)
        self.idle.clear()
        if not self._pump_soon:
            self._pump_soon = True
            asyncio.get_running_loop().call_soon(self._pump)

    def drop_pending(self) -> None:
        """Forget everything that waits; what is in flight ends by itself."""
        for entry in self._ledger.entries:
            if entry.outcome == PENDING:
                self._end(entry, DROPPED, "drop_pending_updates")
        self.backlog.clear()
        self._queues.clear()
        self._ready.clear()
        self._copies.clear()
        self._check_idle()

    def note_listed(self, entry: Entry, now: float) -> None:
        """getUpdates answers with this entry."""
        if entry.first_sent_at is None:
            entry.first_sent_at = now
        entry.attempts.append(Attempt(now, now, POLLED, 0, "listed", 0, "", False))
        self._ledger.attempt_count += 1

    def confirm_first(self) -> None:
        """An offset of getUpdates lies behind the first of the backlog: it is acknowledged."""
        entry = self.backlog.popleft()
        now = self._clock.time()
        if entry.first_sent_at is None:
            self.give_up(entry, DROPPED, "confirmed without having been listed")
            return
        entry.first_acked_at = now
        entry.attempts.append(Attempt(now, now, POLLED, 200, "", 0, "", False))
        self._end(entry, ACKED, "")
        self._on_acked(entry)
        self._check_idle()

    def give_up(self, entry: Entry, outcome: str, reason: str) -> None:
        """An entry that is taken out of the backlog ends otherwise."""
        self._end(entry, outcome, reason)
        self._check_idle()

    def restart(self) -> None:
        """The webhook changed or went: what was loaded waits in its old order for a new turn; copies do not."""
        self._first_gone_at = None
        loaded = [item.entry for queue in self._queues.values() for item in queue]
        loaded.sort(key=lambda entry: entry.number)
        self.backlog.extendleft(reversed(loaded))
        self._queues.clear()
        self._ready.clear()
        self._copies.clear()
        self._pump()

    def close(self) -> None:
        """Stop delivering. Pending entries stay pending."""
        for timer in (self._sweep_timer, self._timer):
            if timer is not None:
                timer.cancel()
        self.backlog.clear()
        self._queues.clear()
        self._ready.clear()
        self._copies.clear()
        self.pool.close()

    def _pump(self) -> None:
        self._pump_soon = False
        if self.max_connections:
            self._load()
        again_at = self.pool.grow(len(self._queues) + len(self._copies))
        now = self._clock.time()
        while self._ready and self._ready[0][0] <= now:
            connection = self.pool.take()
            if connection is None:
                break
            queue = heapq.heappop(self._ready)[2]
            self._send_item(connection, self._queues[queue][0], now)
        while self._copies:
            entry, copy, avoid = self._copies[0]
            connection = self.pool.take(avoid)
            if connection is None:
                break
            self._copies.popleft()
            self._send(connection, _Send(entry, None, copy, now))
        if self._ready and self._ready[0][0] > now:
            again_at = min(again_at or self._ready[0][0], self._ready[0][0])
        if again_at is not None:
            self._wake_at(again_at)
        self._arm_sweep(now)

    def _load(self) -> None:
        now = self._clock.time()
        while self.backlog and len(self._queues) < 2 * self.max_connections:
            entry = self.backlog.popleft()
            if entry.expires_at < now:
                self._end(entry, LOST, "expired before it was sent")
                continue
            extra = entry.copies - 1
            lose = 1 if extra > 0 and self._copy_rng.random() < 0.5 else 0
            queue = self._queues.get(entry.queue)
            if queue is None:
                queue = self._queues[entry.queue] = deque()
                self._schedule(entry.queue, now)
            queue.append(_Item(entry, extra - lose, lose))

    def _send_item(self, connection: WebhookConnection, item: _Item, now: float) -> None:
        if item.entry.first_sent_at is None:
            item.entry.first_sent_at = now
        for _ in range(item.copies_left):
            self._copies.append((item.entry, item.copies_left, connection.address.url))
            item.copies_left -= 1
        self._send(connection, _Send(item.entry, item, 0, now))

    def _send(self, connection: WebhookConnection, send: _Send) -> None:
        connection.context = send
        connection.active_at = send.sent_at
        self._in_flight += 1
        connection.send(send.entry.body)

    def _on_answer(self, connection: WebhookConnection, answer: Answer) -> None:
        send = connection.context
        assert isinstance(send, _Send)
        connection.context = None
        self._in_flight -= 1
        now = self._clock.time()
        is_ok = 200 <= answer.status <= 299
        position = answer.headers.get("telefact-position", "") if is_ok else ""
        ignored = bool(is_ok and send.item is not None and send.item.answers_to_lose)
        send.entry.attempts.append(
            Attempt(
                send.sent_at, now, connection.address.url, answer.status, answer.error, send.copy, position, ignored
            )
        )
        self._ledger.attempt_count += 1
        self.pool.give_back(connection, answer.keep_alive)
        if is_ok:
            self.pool.note_success()
            self._first_gone_at = None
            self._on_answer_body(send.entry, answer)
        else:
            self._note_error(answer, now)
        if send.item is not None and send.entry.outcome == PENDING:
            if self._is_head(send.item):
                self._settle(send.item, answer, is_ok and not ignored, position, now)
            elif is_ok:
                self._settle_late(send.entry, position, now)
        self._pump()
        self._check_idle()

    def _settle(self, item: _Item, answer: Answer, is_ok: bool, position: str, now: float) -> None:
        entry = item.entry
        if is_ok:
            entry.first_acked_at = now
            entry.position = position
            self._leave_queue(item, now)
            self._end(entry, ACKED, "")
            self._on_acked(entry)
            return
        item.answers_to_lose = max(0, item.answers_to_lose - (200 <= answer.status <= 299))
        item.delay, wait = next_delay(item.delay, item.fail_count, answer.retry_after, self._rng)
        if now + wait > entry.expires_at:
            self._leave_queue(item, now)
            self._end(entry, LOST, answer.error or f"status {answer.status} until it expired")
            return
        item.fail_count += 1
        self._schedule(entry.queue, now + wait)

    def _is_head(self, item: _Item) -> bool:
        queue = self._queues.get(item.entry.queue)
        return queue is not None and queue[0] is item

    def _settle_late(self, entry: Entry, position: str, now: float) -> None:
        """A 2xx for a delivery that began before a restart: it need not be sent again."""
        if entry in self.backlog:
            self.backlog.remove(entry)
            entry.first_acked_at = now
            entry.position = position
            self._end(entry, ACKED, "")
            self._on_acked(entry)

    def _leave_queue(self, item: _Item, now: float) -> None:
        queue = self._queues[item.entry.queue]
        queue.popleft()
        if queue:
            self._schedule(item.entry.queue, now)
        else:
            del self._queues[item.entry.queue]

    def _note_error(self, answer: Answer, now: float) -> None:
        self.last_error = answer.error or f"Wrong response from the webhook: {answer.status}"
        self.last_error_at = now
        if answer.status != 410:
            self._first_gone_at = None
        elif self._first_gone_at is None:
            self._first_gone_at = now
        elif now > self._first_gone_at + GONE_LIMIT_S:
            self._on_gone()

    def _end(self, entry: Entry, outcome: str, reason: str) -> None:
        self._pending_bytes -= len(entry.body)
        self._ledger.finish(entry, outcome, reason)

    def _schedule(self, queue: str, when: float) -> None:
        self._sequence += 1
        heapq.heappush(self._ready, (when, self._sequence, queue))

    def _wake_at(self, when: float) -> None:
        if self._timer is not None:
            if self._timer_at <= when and self._timer_at > self._clock.time():
                return
            self._timer.cancel()
        self._timer_at = when
        self._timer = self._clock.call_at(when, self._pump)

    def _arm_sweep(self, now: float) -> None:
        if self._sweep_timer is not None:
            return
        when = self.pool.idle_limit_at()
        if self.backlog:
            when = min(when or now + _BACKLOG_SWEEP_S, now + _BACKLOG_SWEEP_S)
        if when is not None:
            self._sweep_timer = self._clock.call_at(when, self._sweep)

    def _sweep(self) -> None:
        self._sweep_timer = None
        now = self._clock.time()
        self.pool.sweep()
        for entry in [each for each in self.backlog if each.expires_at < now]:
            self._end(entry, LOST, "expired before it was sent")
        self.backlog = deque(each for each in self.backlog if each.outcome == PENDING)
        self._pump()
        self._check_idle()

    def _check_idle(self) -> None:
        if self.pending == 0 and self._in_flight == 0 and not self._copies:
            self.idle.set()
