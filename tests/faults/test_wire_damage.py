"""C12: a byte is damaged on its way from the broker to the store; behind TCP's checksum only Kafka's own can tell."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from deploy.local.servers import Servers
from tests.chaos.ground import running_servers
from tests.e2e.conftest import Run
from tests.faults.repeat import patience, rounds
from tests.faults.stores import backlog, quick, wait_applied_to
from tests.support.pair import Pair, PairPlan
from tests.support.proxy import DOWN, Trap
from tests.support.traffic import Traffic, TrafficPlan

DAMAGES = rounds(10)
WAITING = 300  # records: one answer to a fetch is longer than where the damage is done
HEAD_BYTES = 250  # of the answer, before its records
FETCH = b"\0\1\0\x0b"  # the request for records: number and version


@pytest.mark.timeout(patience(600))
def test_C12_a_byte_damaged_on_the_wire_is_fetched_again(run: Run, binaries: Path, work_dir: Path, name: str) -> None:
    chance = random.Random(12)

    async def body(servers: Servers) -> None:
        plan = PairPlan(servers, binaries, work_dir, name, gateways=1, store_settings=quick())
        async with Pair(plan) as pair:
            entries, published = [], []
            for number in range(DAMAGES):
                async with Traffic(pair, TrafficPlan(seed=1_200 + number, rate=400)) as traffic:
                    end = await backlog(pair, traffic, WAITING)
                    entries += traffic.telegram.ledger.entries
                    published += traffic.bot.log.records
                at = HEAD_BYTES + chance.randrange(3_000)
                trap = kafka.arm(Trap(DOWN, at, "corrupt", markers=(FETCH, pair.events_topic.encode())))
                await pair.store.start()
                await wait_applied_to(pair, end, 60)
                assert trap.fired.is_set(), "nothing was damaged"
            metrics = await pair.store.metrics()
            stopped = {key: value for key, value in metrics.items() if key.startswith("partition_stopped") and value}
            assert stopped == {}
            verdict = await pair.judge(entries, published)
        assert verdict.is_green, verdict.report()

    with running_servers(work_dir / "servers", brokers=1) as (servers, proxies):
        (kafka,) = proxies.kafka
        run(body(servers))
