"""The fake server as its users see it: enqueue updates, let them be delivered, read the ledger."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from aiohttp import web

from tests.support.canary import TOKEN
from tests.support.telegram.bot_api import BotApi
from tests.support.telegram.clock import Clock, RealClock
from tests.support.telegram.connection import Answer, make_address
from tests.support.telegram.delivery import Delivery
from tests.support.telegram.ledger import ACKED, FILTERED, LOST, PENDING, Entry, Ledger
from tests.support.telegram.polling import Polling
from tests.support.telegram.rules import MAX_CONNECTIONS_DEFAULT, UPDATE_BYTES_MAX, classify, is_executed
from tests.support.telegram.script import Call, Script


class Progress(NamedTuple):
    """A snapshot for progress lines."""

    enqueued: int
    acked: int
    pending: int
    lost: int
    attempts: int
    elapsed_s: float


class FakeTelegram:
    """One bot at a fake Bot API server. Use it as an async context manager.

    webhooks    addresses that stand behind the one webhook URL (as behind a load balancer);
                setWebhook over HTTP replaces them by the one it names.
    duplicates  1..3: every update is delivered between once and so many times, by seed; extra
                copies go out at the same time to other addresses, or after an answer that is
                thrown away as if it had been lost.
    clock       time source; RealClock(start=...) gives a run its own date.
    ramp        open connections as slowly as the real server (1, then 20 a second).
    enforce_size
                lose updates above 512 KiB as the real server does; off, so that tests can send
                what only a stranger with the secret could.
    on_acked    called once with each entry when it is acknowledged.
    on_progress called about every progress_every_s wall seconds.
    """

    def __init__(
        self,
        *,
        token: str = TOKEN,
        webhooks: Sequence[str] = (),
        secret: str = "",
        max_connections: int = MAX_CONNECTIONS_DEFAULT,
        seed: int = 1,
        duplicates: int = 1,
        clock: Clock | None = None,
        ramp: bool = True,
        enforce_size: bool = False,
        ledger_path: Path | None = None,
        on_acked: Callable[[Entry], None] | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        progress_every_s: float = 1.0,
    ) -> None:
        if not 1 <= duplicates <= 3:
            raise ValueError("duplicates must be 1 to 3")
        if not 1 <= max_connections <= 100:
            raise ValueError("max_connections must be 1 to 100")
        self.token = token
        self.clock: Clock = clock or RealClock()
        self.ledger = Ledger(ledger_path)
        self.executed: list[tuple[int | None, str, dict[str, Any]]] = []
        """Methods found in 2xx bodies and executed: (update_id, method, arguments)."""
        self.script = Script()
        """Answers of the Bot API that are made up, see `script`."""
        self.calls: list[Call] = []
        """Calls of the Bot API, in the order they came."""
        self.webhooks: list[str] = list(webhooks)
        self.secret = secret
        self.max_connections = max_connections
        self.allowed_kinds: Callable[[str], bool] = lambda kind: True
        self._seed = seed
        self._duplicates = duplicates
        self._ramp = ramp
        self._enforce_size = enforce_size
        self.on_acked = on_acked or (lambda entry: None)
        """May be changed at any time."""
        self._on_progress = on_progress
        self._progress_every_s = progress_every_s
        self._delivery: Delivery | None = None
        self._polling: Polling | None = None
        self._runner: web.AppRunner | None = None
        self._reporter: asyncio.Task[None] | None = None
        self._own_queues = 0
        self._started_at = 0.0
        self._api_url = ""

    async def __aenter__(self) -> FakeTelegram:
        self._started_at = time.monotonic()
        self._delivery = Delivery(
            self.clock,
            self.ledger,
            seed=self._seed,
            duplicates=self._duplicates,
            ramp=self._ramp,
            on_acked=lambda entry: self.on_acked(entry),
            on_answer_body=self._execute,
            on_gone=lambda: self.set_webhooks([]),
        )
        self._polling = Polling(self.clock, self._delivery)
        self.set_webhooks(self.webhooks)
        self._runner = web.AppRunner(BotApi(self).app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self._api_url = f"http://{host}:{port}"
        if self._on_progress is not None:
            self._reporter = asyncio.get_running_loop().create_task(self._report())
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._reporter is not None:
            self._reporter.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reporter
        self.polling.close()
        self.delivery.close()
        if self._runner is not None:
            await self._runner.cleanup()
        self.ledger.close()

    @property
    def delivery(self) -> Delivery:
        """The sender; only inside the context."""
        assert self._delivery is not None, "FakeTelegram is used outside its context"
        return self._delivery

    @property
    def polling(self) -> Polling:
        """What answers getUpdates; only inside the context."""
        assert self._polling is not None, "FakeTelegram is used outside its context"
        return self._polling

    @property
    def bot_id(self) -> int:
        """The number before the colon of the token."""
        return int(self.token.partition(":")[0])

    @property
    def api_url(self) -> str:
        """Base URL of the Bot API (methods are at <api_url>/bot<token>/<method>)."""
        return self._api_url

    def enqueue(self, body: bytes) -> Entry:
        """Take in one update. Returns its ledger entry, lost at once when the queue is full."""
        now = self.clock.time()
        update_id, kind, queue, expires_at = classify(body, now)
        if not queue:
            self._own_queues += 1
            queue = f"own:{self._own_queues}"
        entry = Entry(len(self.ledger.entries), body, update_id, kind, queue, now, expires_at)
        if not self.allowed_kinds(kind):
            entry.outcome, entry.reason = FILTERED, "not in allowed_updates"
        elif expires_at <= now:
            entry.outcome, entry.reason = LOST, "older than its lifetime"
        elif self._enforce_size and len(body) > UPDATE_BYTES_MAX:
            entry.outcome, entry.reason = LOST, "larger than the server takes"
        self.ledger.add(entry)
        if entry.outcome == PENDING:
            self.delivery.put(entry)
            self.polling.note(entry)
        return entry

    async def feed(
        self,
        bodies: Iterable[bytes] | AsyncIterable[bytes],
        *,
        rate: float | None = None,
        max_pending: int = 5_000,
    ) -> int:
        """Enqueue all of them, at most `rate` a second and `max_pending` undelivered at a time."""
        began = time.monotonic()
        count = 0
        async for body in _as_async(bodies):
            while self.delivery.pending >= max_pending:
                await asyncio.sleep(0.005)
            self.enqueue(body)
            count += 1
            ahead = 0.0 if rate is None else count / rate - (time.monotonic() - began)
            if ahead > 0.01 or count % 16 == 0:
                await asyncio.sleep(max(0.0, ahead))
        return count

    async def run_until_idle(self, deadline_s: float) -> bool:
        """Wait until nothing is pending or in flight; False when the wall deadline passes first."""
        try:
            await asyncio.wait_for(self.delivery.idle.wait(), deadline_s)
        except TimeoutError:
            return False
        return True

    def set_webhooks(
        self, webhooks: Sequence[str], secret: str | None = None, max_connections: int | None = None
    ) -> None:
        """Change the addresses, secret and connection limit; old connections close after their answer."""
        self.webhooks = list(webhooks)
        self.secret = self.secret if secret is None else secret
        self.max_connections = max_connections or self.max_connections
        self.delivery.pool.configure([make_address(url, self.secret) for url in webhooks], self.max_connections)
        self.delivery.max_connections = self.max_connections if webhooks else 0
        self.delivery.restart()

    def progress(self) -> Progress:
        """Where delivery stands now."""
        counts = self.ledger.counts
        return Progress(
            len(self.ledger.entries),
            counts[ACKED],
            counts[PENDING],
            counts[LOST],
            self.ledger.attempt_count,
            time.monotonic() - self._started_at,
        )

    def calls_of(self, method: str) -> list[Call]:
        """The calls of one method."""
        return [call for call in self.calls if call.method == method.lower()]

    def _execute(self, entry: Entry, answer: Answer) -> None:
        if not answer.body:
            return
        kind = answer.headers.get("content-type", "")
        try:
            if kind.startswith("application/x-www-form-urlencoded"):
                arguments: Any = dict(parse_qsl(answer.body.decode("utf-8")))
            else:
                arguments = json.loads(answer.body)
        except (ValueError, RecursionError):
            return
        method = arguments.pop("method", "") if isinstance(arguments, dict) else ""
        if isinstance(method, str) and is_executed(method):
            self.executed.append((entry.update_id, method, arguments))

    async def _report(self) -> None:
        assert self._on_progress is not None
        while True:
            await asyncio.sleep(self._progress_every_s)
            self._on_progress(self.progress())


async def _as_async(bodies: Iterable[bytes] | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    if isinstance(bodies, AsyncIterable):
        async for body in bodies:
            yield body
    else:
        for body in bodies:
            yield body
