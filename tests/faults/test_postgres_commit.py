"""P2: the connection breaks at every byte of the COMMIT and of its answer; the position alone says what happened."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest

from deploy.local.servers import Servers
from tests.faults.database import Bench, Proxy, check_counts, many, port_of, through, until, writers
from tests.integration.store_log import Event, Log, applied, connected
from tests.support.proxy import DOWN, UP, Trap

BIND_HEAD = 5  # the message's type and length, before its portal and the statement's name
MARKERS = (b"\0move_fence\0", b"\0commit\0")
EVENTS = 6


class Cuts:
    """One batch after another, each with a connection that breaks at a byte of its COMMIT."""

    def __init__(self, bench: Bench, proxy: Proxy) -> None:
        self.bench, self.proxy = bench, proxy
        self.events: list[Event] = []
        self.outcomes: list[bool] = []

    async def at(self, direction: int, byte: int) -> bool:
        """False: there is no such byte any more."""
        more = many(EVENTS, start=len(self.events))
        before = len(self.events)
        self.events += more
        action = "reset" if byte % 2 else "close"
        trap = self.proxy.arm(Trap(direction, byte, action, markers=MARKERS, refuses=True))
        await asyncio.to_thread(self.bench.log.put, more)
        with connected(self.bench.url) as database:
            deadline = time.monotonic() + 20
            while not trap.fired.is_set() and applied(database) < len(self.events):
                assert time.monotonic() < deadline, self.bench.log_text()[-3000:]
                await asyncio.sleep(0.01)
            if not await asyncio.to_thread(trap.fired.wait, 0.3):
                self.proxy.disarm()
                return False
            await until("the server's session is over", lambda: writers(database) == 0)
            self.outcomes.append(applied(database) > before)
            self.proxy.accept()
            await until("all applied", lambda: applied(database) == len(self.events), 30)
            return True


@pytest.mark.timeout(600)
@pytest.mark.parametrize("direction", [UP, DOWN], ids=["question", "answer"])
def test_P02_a_commit_cut_at_every_byte_counts_once(
    servers: Servers, topic_prefix: str, database_url: str, binaries, work_dir, direction: int
) -> None:
    async def body() -> None:
        log = Log(servers.kafka_bootstrap, topic_prefix, partitions=1)
        bench = Bench(log, database_url, binaries, work_dir)
        with Proxy(("127.0.0.1", port_of(database_url))) as proxy:
            cuts = Cuts(bench, proxy)
            behind = Bench(log, through(database_url, proxy), binaries, work_dir)
            async with behind.running(STORE_BATCH_LINGER_MS="50") as store:
                for byte in itertools.count(-BIND_HEAD if direction == UP else 0):
                    if not await cuts.at(direction, byte):
                        break
                assert store.starts == 1
            committed = cuts.outcomes.count(True)
            print(f"{len(cuts.outcomes)} cuts, {committed} of them after the commit")
            with connected(database_url) as database:
                check_counts(database, cuts.events)
                assert applied(database) == len(cuts.events)
            assert cuts.outcomes == sorted(cuts.outcomes), "from some byte on it is committed, and not before"
            assert len(cuts.outcomes) >= 30
            if direction == UP:
                assert 0 < committed < len(cuts.outcomes), "both outcomes were met"
            else:
                assert committed == len(cuts.outcomes)

    asyncio.run(body())
