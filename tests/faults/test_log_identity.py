"""The log changes its shape or its identity underneath a store, with real topics and brokers (K14, C13)."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from deploy.local.servers import Servers
from tests.conftest import running_servers
from tests.e2e.conftest import MakePlan, Run, wait_not_ready
from tests.e2e.kafka_tools import set_topic_config
from tests.integration.store_log import Log, connected, rows, wait_applied
from tests.integration.test_store_ingest import Bench, _many
from tests.support.oracle import ids
from tests.support.oracle.log import read_topic
from tests.support.oracle.translate import translate
from tests.support.pair import BOT_ID, Pair, PairPlan
from tests.support.processes import Service
from tests.support.traffic import Traffic, TrafficPlan, until

CHECKED_OFTEN = {"STORE_POSITION_CHECK_MS": "500"}


@pytest.fixture
def bench(servers: Servers, topic_prefix: str, database_url: str, binaries: Path, work_dir: Path) -> Bench:
    return Bench(Log(servers.kafka_bootstrap, topic_prefix), database_url, binaries, work_dir)


async def alarm(bench: Bench, service: Service, reason: str, partitions: int, deadline_s: float = 60.0) -> None:
    """Wait until so many partitions of a store stand still for this reason; it may be starting yet."""
    deadline = time.monotonic() + deadline_s
    while True:
        with contextlib.suppress(OSError):
            metrics = await service.metrics()
            if metrics[f'partition_stopped{{reason="{reason}"}}'] == partitions:
                break
        assert time.monotonic() < deadline, f"no alarm {reason}\n{bench.log_text()[-3000:]}"
        await asyncio.sleep(0.1)
    assert not await service.is_ready()
    assert service.is_running, "an alarm is no reason to end"


def fences(bench: Bench) -> dict[int, int]:
    with connected(bench.url) as database:
        return dict(rows(database, "SELECT partition, next_offset FROM g1.fence"))


@pytest.mark.timeout(90)
def test_K14_partitions_added_under_a_store_stop_it(run: Run, bench: Bench) -> None:
    async def body() -> None:
        events = _many(400)
        bench.log.put(events)
        service = bench.store(**CHECKED_OFTEN)
        await service.start()
        with connected(bench.url) as database:
            wait_applied(database, 400)
        before = fences(bench)
        admin = AdminClient({"bootstrap.servers": bench.log.bootstrap, "log_level": 2})
        admin.create_partitions([NewPartitions(bench.log.topic, 5)])[bench.log.topic].result(20)
        await alarm(bench, service, "partition_count", 4)
        bench.log.put(_many(200, start=400))
        await asyncio.sleep(1)
        assert {p: offset for p, offset in fences(bench).items() if p in before} == before
        await service.stop()

        configured = bench.store(name="configured", STORE_TOPIC_PARTITIONS="4", **CHECKED_OFTEN)
        await configured.spawn()
        assert await configured.wait(20) != 0
        assert "has 5 partitions, STORE_TOPIC_PARTITIONS says 4" in bench.log_text("configured")
        assert {p: offset for p, offset in fences(bench).items() if p in before} == before

    run(body())


def add_partitions(bootstrap: str, topics: list[str], count: int) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    for future in admin.create_partitions([NewPartitions(topic, count) for topic in topics]).values():
        future.result(20)


@pytest.mark.timeout(150)
def test_K14_partitions_added_under_a_gateway_are_503_until_somebody_decides(run: Run, make_plan: MakePlan) -> None:
    """No chat moves to another partition in between, although the client learns of the new ones at once."""

    async def body() -> None:
        settings = {"GATEWAY_TOPIC_CHECK_S": "5", "GATEWAY_KAFKA_TOPIC_METADATA_REFRESH_INTERVAL_MS": "200"}
        plan = make_plan(gateways=1, gateway_settings=settings)
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=74, rate=200, publishes=False)) as traffic:
            gateway = pair.gateways[0]
            await traffic.acked(200, 30)
            topics = [pair.events_topic, pair.raw_topic]
            await asyncio.to_thread(add_partitions, pair.bootstrap, topics, plan.partitions + 1)
            await wait_not_ready(gateway, 30)
            assert (await gateway.metrics())["topics_wrong"] == 1
            acked = traffic.acked_count
            refused = (await gateway.metrics())['webhook_requests_total{code="503"}']
            await until_refused(gateway, refused + 50)
            assert traffic.acked_count - acked <= 100, "nothing is taken any more, but for what was on its way"
            log = gateway.log_path.read_text()
            assert log.count("has 5 partitions and GATEWAY_TOPIC_PARTITIONS says 4") == 2, "told once for each topic"

            events = await asyncio.to_thread(read_topic, pair.bootstrap, pair.events_topic)
            raw = await asyncio.to_thread(read_topic, pair.bootstrap, pair.raw_topic)
            for record in [*events.records, *raw.records]:
                assert record.place.partition == ids.partition_of(record.key, plan.partitions)
            kept = {record.header("ce_id") for record in events.records}
            for entry in traffic.telegram.ledger.entries:
                if entry.was_answered_2xx:
                    assert {event.event_id.hex() for event in translate(entry.body, BOT_ID).events} <= kept

            gateway.environment["GATEWAY_TOPIC_PARTITIONS"] = str(plan.partitions + 1)
            assert await gateway.stop() == 0, gateway.log_end()
            await gateway.start()
            await traffic.acked_more(100, 40)

    run(body())


async def until_refused(gateway: Service, count: float, deadline_s: float = 30.0) -> None:
    deadline = time.monotonic() + deadline_s
    while (await gateway.metrics())['webhook_requests_total{code="503"}'] < count:
        assert time.monotonic() < deadline, "it does not refuse"
        await asyncio.sleep(0.1)


@pytest.mark.timeout(150)
def test_replication_that_becomes_unwise_is_told_while_it_serves(
    run: Run, binaries: Path, work_dir: Path, name: str
) -> None:
    """At the start three replicas and two in sync are fine; then somebody lets one broker acknowledge alone."""

    async def body(servers: Servers) -> None:
        settings = {"GATEWAY_TOPIC_CHECK_S": "1", "GATEWAY_TOPIC_REPLICATION_FACTOR": "3"}
        async with Pair(PairPlan(servers, binaries, work_dir, name, gateways=1, gateway_settings=settings)) as pair:
            gateway = pair.gateways[0]
            assert "topic is unwise" not in gateway.log_path.read_text()
            await asyncio.to_thread(
                set_topic_config, pair.bootstrap, pair.events_topic, "min.insync.replicas", "1"
            )
            await until(lambda: "min.insync.replicas is 1" in gateway.log_path.read_text(), 30, "the advice")
            await asyncio.sleep(3)
            assert gateway.log_path.read_text().count("topic is unwise") == 1, "told once"
            assert await gateway.is_ready()
            await asyncio.to_thread(set_topic_config, pair.bootstrap, pair.events_topic, "cleanup.policy", "compact")
            await wait_not_ready(gateway, 30)
            assert "cleanup.policy is compact and must be delete" in gateway.log_path.read_text()
            await asyncio.to_thread(set_topic_config, pair.bootstrap, pair.events_topic, "cleanup.policy", "delete")
            await gateway.wait_ready()
            async with Traffic(pair, TrafficPlan(seed=75, count=300)) as traffic:
                verdict = await traffic.settle_and_judge()
            assert verdict.is_green, verdict.report()

    with running_servers("three", brokers=3) as servers:
        run(body(servers))


def retry(what: Callable[[], None], deadline_s: float = 30.0) -> None:
    deadline = time.monotonic() + deadline_s
    while True:
        try:
            return what()
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


@pytest.mark.timeout(150)
def test_K14_another_cluster_at_the_same_addresses_stops_a_store(
    run: Run, own_servers: Servers, topic_prefix: str, binaries: Path, work_dir: Path
) -> None:
    """The brokers come back with empty disks and another cluster id, and the topic is made and filled again."""

    async def body() -> None:
        log = Log(own_servers.kafka_bootstrap, topic_prefix)
        bench = Bench(log, own_servers.create_database("other_cluster"), binaries, work_dir)
        events = _many(400)
        log.put(events)
        service = bench.store(**CHECKED_OFTEN)
        await service.start()
        with connected(bench.url) as database:
            wait_applied(database, 400)
        before = fences(bench)
        own_servers.kill_kafka()
        kafka = own_servers.kafka
        for data in own_servers.folder.glob("kafka/node*/data"):
            shutil.rmtree(data)
        kafka._format(kafka.state["nodes"])
        own_servers.start_kafka()
        again = Log(own_servers.kafka_bootstrap, topic_prefix)  # makes the topic
        again.put(events)  # the same records even: offsets of another cluster mean nothing
        again.put(_many(400, start=400))
        await alarm(bench, service, "other_cluster", 4, 60)
        assert fences(bench) == before
        await service.stop()

    run(body())


@pytest.mark.timeout(240)
def test_C13_an_unclean_leader_election_stops_the_partition(
    run: Run, topic_prefix: str, binaries: Path, work_dir: Path
) -> None:
    """Acknowledged and applied records are gone with the only replica in sync; the other one leads and takes more."""

    async def body(servers: Servers) -> None:
        bootstrap = servers.kafka_bootstrap
        admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
        log = Log.__new__(Log)
        log.prefix, log.topic, log.bootstrap, log.partitions = topic_prefix, f"{topic_prefix}.events.v1", bootstrap, 1
        config = {
            "message.timestamp.type": "LogAppendTime",
            "retention.ms": "-1",
            "retention.bytes": "-1",
            "min.insync.replicas": "1",
            "unclean.leader.election.enable": "true",
        }
        topic = NewTopic(log.topic, 1, replica_assignment=[[1, 2]], config=config)
        admin.create_topics([topic])[log.topic].result(20)
        bench = Bench(log, servers.create_database("unclean"), binaries, work_dir)
        write(bench, 0, 200)
        service = bench.store(**CHECKED_OFTEN)
        await service.start()
        with connected(bench.url) as database:
            wait_applied(database, 200)
            servers.kill_kafka(node_id=2)
            await until_in_sync(admin, log.topic, [1])
            write(bench, 200, 100)  # with the one replica that is left
            wait_applied(database, 300)
            servers.kill_kafka(node_id=1)
            relaunch(servers, node_id=2)
            await until_in_sync(admin, log.topic, [2])
            write(bench, 300, 150)
            await alarm(bench, service, "log_rewritten", 1, 60)
            assert rows(database, "SELECT sum(next_offset) FROM g1.fence") == [(300,)]
        await service.stop()

    with running_servers("three", brokers=3) as servers:
        run(body(servers))


def write(bench: Bench, start: int, count: int) -> None:
    """Events into partition 0 by a producer of their own, which knows no earlier leader."""
    from tests.e2e.kafka_tools import produce
    from tests.integration.store_log import key_of

    events = _many(count, start=start)
    retry(lambda: produce(bench.log.bootstrap, bench.log.topic, [(0, key_of(e), e.SerializeToString()) for e in events]))


async def until_in_sync(admin: AdminClient, topic: str, nodes: list[int]) -> None:
    """Wait until exactly these hold partition 0 in sync and one of them leads it."""
    deadline = time.monotonic() + 60
    while True:
        try:
            found = admin.list_topics(topic, timeout=5).topics[topic].partitions[0]
            if found.isrs == nodes and found.leader in nodes:
                return
        except KafkaException:
            pass
        assert time.monotonic() < deadline, "no such leader"
        await asyncio.sleep(0.2)


def relaunch(servers: Servers, node_id: int) -> None:
    """Start one stopped broker and leave the others as they are."""
    servers.launch_kafka(node_id)
