"""One of three brokers goes away under load: nobody but the latency notices, and everything counts once."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from deploy.local.servers import Servers
from tests.conftest import running_servers
from tests.e2e.conftest import Run
from tests.faults.test_log_identity import relaunch
from tests.support.pair import Pair, PairPlan
from tests.support.traffic import Traffic, TrafficPlan, until

pytestmark = pytest.mark.timeout(280)
NODES = (1, 2, 3)
_REPLICATED = {"GATEWAY_TOPIC_REPLICATION_FACTOR": "3", "GATEWAY_DELIVERY_TIMEOUT_MS": "15000"}

Act = Callable[[Pair, Traffic, Servers], Awaitable[None]]


@pytest.fixture(scope="module")
def three() -> Iterator[Servers]:
    with running_servers("three", brokers=3) as servers:
        yield servers


def _judged(run: Run, servers: Servers, binaries: Path, work_dir: Path, name: str, act: Act) -> None:
    async def body() -> None:
        plan = PairPlan(servers, binaries, work_dir, name, gateway_settings=_REPLICATED)
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=71, rate=150)) as traffic:
            await traffic.acked(300, 60)
            await act(pair, traffic, servers)
            await traffic.acked_more(300, 60)
            verdict = await traffic.settle_and_judge(deadline_s=90)
        assert verdict.is_green, verdict.report()

    run(body())


def _pid(servers: Servers, node_id: int) -> int:
    return next(node["process"]["pid"] for node in servers.kafka.state["nodes"] if node["id"] == node_id)


def test_K01_brokers_restarted_in_turn_lose_nothing(
    run: Run, three: Servers, binaries: Path, work_dir: Path, name: str
) -> None:
    async def act(pair: Pair, traffic: Traffic, servers: Servers) -> None:
        for node_id in NODES:
            await asyncio.to_thread(servers.stop_kafka, node_id)
            await traffic.acked_more(150, 60)  # the other two go on
            await asyncio.to_thread(relaunch, servers, node_id)
            await asyncio.to_thread(servers.kafka.wait_ready)
            await traffic.acked_more(150, 60)
        attempts = [each for entry in traffic.telegram.ledger.entries for each in entry.attempts]
        assert {each.status for each in attempts} == {200}, "nobody was told to come again"

    _judged(run, three, binaries, work_dir, name, act)


def leaders(pair: Pair) -> list[int]:
    """The brokers that lead the partitions of the events topic; blocks."""
    admin = AdminClient({"bootstrap.servers": pair.bootstrap, "log_level": 2})
    partitions = admin.list_topics(pair.events_topic, timeout=10).topics[pair.events_topic].partitions
    return [partitions[number].leader for number in sorted(partitions)]


def test_K02_K13_a_broker_that_stands_still_hands_its_partitions_over(
    run: Run, three: Servers, binaries: Path, work_dir: Path, name: str
) -> None:
    async def act(pair: Pair, traffic: Traffic, servers: Servers) -> None:
        before = await asyncio.to_thread(leaders, pair)
        pid = _pid(servers, before[0])
        os.kill(pid, signal.SIGSTOP)  # its connections stay open and nothing comes back
        try:
            await traffic.acked_more(300, 90)
            deadline = time.monotonic() + 60
            while before[0] in await asyncio.to_thread(leaders, pair):
                assert time.monotonic() < deadline, "it leads still"
            await traffic.acked_more(300, 90)
        finally:
            os.kill(pid, signal.SIGCONT)

    _judged(run, three, binaries, work_dir, name, act)


def test_K03_one_broker_of_three_is_too_few_to_acknowledge(
    run: Run, three: Servers, binaries: Path, work_dir: Path, name: str
) -> None:
    async def act(pair: Pair, traffic: Traffic, servers: Servers) -> None:
        stopped = [_pid(servers, node_id) for node_id in NODES[1:]]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            refused = traffic.answered(503)
            await until(lambda: traffic.answered(503) > refused + 20, 90, "updates to be refused")
            acked = traffic.acked_count
            await until(lambda: traffic.answered(503) > refused + 40, 90, "further updates to be refused")
            assert traffic.acked_count == acked, "nothing is acknowledged by one alone"
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)

    _judged(run, three, binaries, work_dir, name, act)
