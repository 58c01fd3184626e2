"""The fake server as its users see it: enqueue updates, let them be delivered, read the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.support.telegram.clock import Clock
from tests.support.telegram.ledger import Entry, Ledger


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
    on_acked    called once with each entry when it is acknowledged.
    on_progress called about every progress_every_s wall seconds.
    """

    def __init__(
        self,
        *,
        token: str = "123456789:fake-token-for-tests",
        webhooks: Sequence[str] = (),
        secret: str = "",
        max_connections: int = 40,
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
        raise NotImplementedError

    ledger: Ledger
    executed: list[tuple[int | None, str, dict]]
    """Methods found in 2xx bodies and executed: (update_id, method, arguments)."""

    @property
    def bot_id(self) -> int:
        """The number before the colon of the token."""
        raise NotImplementedError

    @property
    def api_url(self) -> str:
        """Base URL of the Bot API (methods are at <api_url>/bot<token>/<method>)."""
        raise NotImplementedError

    def enqueue(self, body: bytes) -> Entry:
        """Take in one update. Returns its ledger entry, lost at once when the queue is full."""
        raise NotImplementedError

    async def feed(
        self,
        bodies: Iterable[bytes] | AsyncIterable[bytes],
        *,
        rate: float | None = None,
        max_pending: int = 5_000,
    ) -> int:
        """Enqueue all of them, at most `rate` a second and `max_pending` undelivered at a time."""
        raise NotImplementedError

    async def run_until_idle(self, deadline_s: float) -> bool:
        """Wait until nothing is pending or in flight; False when the wall deadline passes first."""
        raise NotImplementedError

    def set_webhooks(self, webhooks: Sequence[str]) -> None:
        """Change the addresses; connections to dropped ones close after their answer."""
        raise NotImplementedError

    def progress(self) -> Progress:
        """Where delivery stands now."""
        raise NotImplementedError
