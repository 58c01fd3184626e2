"""Load on a pair: the fake Telegram delivers generated updates, the scripted bot publishes what follows from them.

async with Traffic(pair, TrafficPlan(seed=7)) as traffic:
    await traffic.acked(2_000, deadline_s=30)
    ... break things ...
    verdict = await traffic.settle_and_judge()
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.support.bot import ScriptedBot
from tests.support.oracle import DeadLetter, Stopped, Verdict
from tests.support.pair import BOT_ID, SECRET, TOKEN, Pair
from tests.support.telegram import Entry, FakeTelegram
from tests.support.updates import generate

_ENDLESS = 1_000_000
_POLL_S = 0.02
PATIENCE_S = 240.0  # of every wait at least, on a busy machine
SETTLE_S = 480.0  # Telegram comes again after up to 120 s


@dataclass(frozen=True, slots=True)
class TrafficPlan:
    """What is sent.

    count       updates; None: until `settle` is called.
    rate        updates a second; None: as fast as they are taken.
    duplicates  every update is delivered between once and so many times, by several gateways.
    publishes   whether a bot publishes what follows.
    """

    seed: int = 1
    count: int | None = None
    rate: float | None = None
    duplicates: int = 3
    chats: int = 600
    odd: float = 0.01
    big: bool = False
    max_connections: int = 100
    publishes: bool = True
    bearer: str = ""


class Traffic:
    """Use it as an async context manager; sending starts at once.

    telegram  one that is open already and that knows its webhooks, or polls; None: one of its own, which delivers to
              all gateways of the pair.
    """

    def __init__(
        self,
        pair: Pair,
        plan: TrafficPlan,
        *,
        telegram: FakeTelegram | None = None,
        on_acked: Callable[[Entry], None] | None = None,
    ) -> None:
        self.pair = pair
        self.plan = plan
        self._on_acked = on_acked or (lambda entry: None)
        self._is_telegram_ours = telegram is None
        self.telegram = telegram or FakeTelegram(
            token=TOKEN,
            webhooks=pair.webhooks,
            secret=SECRET,
            max_connections=plan.max_connections,
            seed=plan.seed,
            duplicates=plan.duplicates,
            ramp=False,
        )
        self.telegram.on_acked = self._take
        self.bot = ScriptedBot(pair.publish_targets, seed=plan.seed, bearer=plan.bearer)
        self._is_ending = False
        self._feeder: asyncio.Task[int] | None = None

    async def __aenter__(self) -> Traffic:
        if self._is_telegram_ours:
            await self.telegram.__aenter__()
        await self.bot.__aenter__()
        self._feeder = asyncio.create_task(self.telegram.feed(self._bodies(), rate=self.plan.rate, max_pending=2_000))
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._is_ending = True
        if self._feeder is not None:
            self._feeder.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._feeder
        await self.bot.__aexit__(*exc)
        if self._is_telegram_ours:
            await self.telegram.__aexit__(*exc)

    def _take(self, entry: Entry) -> None:
        if self.plan.publishes:
            self.bot.take(entry.body)
        self._on_acked(entry)

    async def _bodies(self) -> AsyncIterator[bytes]:
        for body in self._generate():
            if self._is_ending:
                return
            yield body

    def _generate(self) -> Iterator[bytes]:
        plan = self.plan
        return generate(
            plan.seed,
            plan.count or _ENDLESS,
            BOT_ID,
            int(time.time()),
            odd=plan.odd,
            chats=plan.chats,
            big=plan.big,
        )

    @property
    def acked_count(self) -> int:
        """Updates acknowledged so far."""
        return self.telegram.progress().acked

    def answered(self, status: int) -> int:
        """How many attempts got this status so far."""
        return sum(attempt.status == status for entry in self.telegram.ledger.entries for attempt in entry.attempts)

    async def acked(self, count: int, deadline_s: float) -> None:
        """Wait until so many updates are acknowledged; raises TimeoutError."""
        await until(lambda: self.acked_count >= count, deadline_s, f"{count} acknowledged updates")

    async def acked_more(self, count: int, deadline_s: float) -> None:
        """Wait for so many further acknowledgements; raises TimeoutError."""
        await self.acked(self.acked_count + count, deadline_s)

    async def sent_more(self, count: int, deadline_s: float) -> None:
        """Wait until so many further updates were sent for the first time; raises TimeoutError."""
        entries = self.telegram.ledger.entries
        before = sum(entry.first_sent_at is not None for entry in entries)
        await until(
            lambda: sum(entry.first_sent_at is not None for entry in entries) >= before + count,
            deadline_s,
            f"{count} further updates sent",
        )

    async def settle(self, deadline_s: float = 60.0) -> None:
        """Send nothing new (or the rest of `count`) and wait until everything is delivered, published and applied.

        Raises TimeoutError; may then be called again.
        """
        deadline = time.monotonic() + max(deadline_s, SETTLE_S)
        await self.end(deadline_s)
        if not await self.pair.wait_applied(deadline - time.monotonic()):
            lag = await asyncio.to_thread(self.pair.lag)
            raise TimeoutError(f"the store is {lag} records behind\n{self.pair.store.log_end()}")

    async def end(self, deadline_s: float = 60.0) -> None:
        """As settle, but for what is applied."""
        assert self._feeder is not None
        deadline = time.monotonic() + max(deadline_s, SETTLE_S)
        self._is_ending = self.plan.count is None
        await asyncio.wait_for(asyncio.shield(self._feeder), deadline - time.monotonic())
        if not await self.telegram.run_until_idle(deadline - time.monotonic()):
            raise TimeoutError(f"Telegram still holds updates: {self.telegram.progress()}")
        if not await self.bot.drain(deadline - time.monotonic()):
            raise TimeoutError(f"the bot still holds {self.bot.backlog} events")

    async def judge(self, dead_letters: Sequence[DeadLetter] = (), stopped: Stopped | None = None) -> Verdict:
        """The oracle's verdict; `settle` comes before."""
        return await self.pair.judge(self.telegram.ledger.entries, self.bot.log.records, dead_letters, stopped)

    async def settle_and_judge(self, dead_letters: Sequence[DeadLetter] = (), deadline_s: float = 60.0) -> Verdict:
        """Both in turn."""
        await self.settle(deadline_s)
        return await self.judge(dead_letters)


async def until(condition: Callable[[], bool], deadline_s: float, what: str) -> None:
    """Wait for a condition; raises TimeoutError that says what was waited for."""
    deadline = time.monotonic() + max(deadline_s, PATIENCE_S)
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {deadline_s:g} s: {what}")
        await asyncio.sleep(_POLL_S)
