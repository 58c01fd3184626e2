"""A pair whose gateways poll a fake Telegram that is fed all the time, judged by the oracle."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from tests.support.oracle import Verdict
from tests.support.pair import BOT_ID, TOKEN, Pair, PairPlan
from tests.support.telegram import ACKED, FakeTelegram
from tests.support.traffic import until
from tests.support.updates import generate

POLLING = {"GATEWAY_MODE": "polling", "GATEWAY_WEBHOOK_SECRET": ""}


class Polled:
    """A pair that polls a fake Telegram, and a feeder that goes on until it is stopped."""

    def __init__(self, pair: Pair, telegram: FakeTelegram, seed: int) -> None:
        self.pair = pair
        self.telegram = telegram
        self._is_ending = False
        self.is_paused = False
        self._feeder = asyncio.create_task(telegram.feed(self._bodies(seed), rate=300, max_pending=2_000))

    async def _bodies(self, seed: int) -> AsyncIterator[bytes]:
        for body in generate(seed, 1_000_000, BOT_ID, int(time.time()), odd=0.0):
            while self.is_paused and not self._is_ending:
                await asyncio.sleep(0.05)
            if self._is_ending:
                return
            yield body

    @property
    def acked(self) -> int:
        return self.telegram.ledger.counts[ACKED]

    async def acked_more(self, count: int, deadline_s: float = 30) -> None:
        goal = self.acked + count
        await until(lambda: self.acked >= goal, deadline_s, f"{count} further confirmed updates")

    async def script_is_used(self, deadline_s: float = 60) -> None:
        await until(lambda: not self.telegram.script, deadline_s, "all scripted answers to be given")

    def stop_feeding(self) -> None:
        self._is_ending = True

    async def verdict(self) -> Verdict:
        """Of the oracle, when everything fed is confirmed and the log is applied."""
        self.stop_feeding()
        await asyncio.wait_for(self._feeder, 30)
        assert await self.telegram.run_until_idle(120), self.telegram.progress()
        assert await self.pair.wait_applied(120)
        return await self.pair.judge(self.telegram.ledger.entries)

    async def judge(self) -> None:
        """Everything fed is confirmed, durable once and applied once."""
        verdict = await self.verdict()
        assert verdict.is_green, verdict.report()
        assert all("drop_pending_updates" not in call.parameters for call in self.telegram.calls)
        offsets = [int(call.parameters.get("offset", 0)) for call in self.telegram.calls_of("getUpdates")]
        assert min(offsets) >= 0, "never a negative offset"


@contextlib.asynccontextmanager
async def polled(make_plan: Callable[..., PairPlan], seed: int, gateways: int = 1, **settings: str) -> AsyncIterator[Polled]:
    async with FakeTelegram(token=TOKEN, seed=seed) as telegram:
        telegram.allowed_kinds = lambda kind: True
        gateway_settings = {**POLLING, "GATEWAY_API_BASE_URL": telegram.api_url, **settings}
        async with Pair(make_plan(gateways=gateways, gateway_settings=gateway_settings)) as pair:
            each = Polled(pair, telegram, seed)
            try:
                yield each
            finally:
                each.stop_feeding()
