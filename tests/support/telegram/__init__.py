"""A fake Telegram Bot API server: webhook delivery by the real server's rules, and a ledger.

async with FakeTelegram(webhooks=["http://127.0.0.1:8080/hook"], secret="s3cret") as telegram:
    await telegram.feed(generate(seed=1, count=10_000))
    assert await telegram.run_until_idle(60)
    print(telegram.ledger.counts)
"""

from tests.support.telegram.clock import Clock, ManualClock, RealClock
from tests.support.telegram.ledger import (
    ACKED,
    DROPPED,
    FILTERED,
    LOST,
    PENDING,
    POLLED,
    Attempt,
    Entry,
    Ledger,
    read_ledger,
)
from tests.support.telegram.server import FakeTelegram, Progress

__all__ = [
    "ACKED",
    "DROPPED",
    "FILTERED",
    "LOST",
    "PENDING",
    "POLLED",
    "Attempt",
    "Clock",
    "Entry",
    "FakeTelegram",
    "Ledger",
    "ManualClock",
    "Progress",
    "RealClock",
    "read_ledger",
]
