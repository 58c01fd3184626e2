"""Time as a parameter: a clock that can run faster than the wall, or only when told to.

All times are unix seconds (float). The fake server asks its clock for the time and for
timers and never looks at the wall clock itself.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A pending callback."""

    def cancel(self) -> None:
        """Forget the callback; harmless after it ran."""


class Clock(Protocol):
    """What the fake server needs to know about time."""

    def time(self) -> float:
        """Unix seconds, never going back."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Run `callback` once when `time()` reaches `when`."""


class RealClock:
    """The monotonic clock, from `start` on (default: now), running `speed` times as fast."""

    def __init__(self, speed: float = 1.0, start: float | None = None) -> None:
        if speed <= 0:
            raise ValueError("speed must be positive")
        self._speed = speed
        self._start = time.time() if start is None else float(start)
        self._origin = time.monotonic()

    def time(self) -> float:
        return self._start + (time.monotonic() - self._origin) * self._speed

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        delay = max(0.0, (when - self.time()) / self._speed)
        return asyncio.get_running_loop().call_later(delay, callback)


class _ManualTimer:
    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """A clock that stands still until `advance` is called; for unit tests."""

    def __init__(self, start: float = 1_760_000_000.0) -> None:
        self._now = start
        self._sequence = 0
        self._timers: list[tuple[float, int, _ManualTimer]] = []

    def time(self) -> float:
        return self._now

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = _ManualTimer(callback)
        self._sequence += 1
        heapq.heappush(self._timers, (when, self._sequence, timer))
        return timer

    async def advance(self, seconds: float, settle_s: float = 0.01) -> None:
        """Move on by `seconds`, running due timers in order, letting real I/O settle after each."""
        end = self._now + seconds
        await asyncio.sleep(settle_s)
        while self._timers and self._timers[0][0] <= end:
            when, _, timer = heapq.heappop(self._timers)
            if timer.callback is None:
                continue
            self._now = max(self._now, when)
            timer.callback()
            await asyncio.sleep(settle_s)
        self._now = end
        await asyncio.sleep(settle_s)
