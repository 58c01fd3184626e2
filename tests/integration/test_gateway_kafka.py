"""The gateway and its broker: topics made and checked, an outage answered and survived."""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from deploy.local.servers import Servers
from tests.e2e.kafka_tools import set_topic_config
from tests.support.gateway import PARTITIONS, Gateway, text_update, until
from tests.support.processes import free_port
from tests.support.protos import raw_pb2
from tests.support.telegram.rules import UPDATE_BYTES_MAX

GOOD_EVENTS = {
    "cleanup.policy": "delete",
    "message.timestamp.type": "LogAppendTime",
    "retention.ms": "-1",
    "max.message.bytes": "2097152",
}
RAW_CUT_BYTES = 64 << 10


def make_topic(servers: Servers, name: str, partitions: int, config: dict[str, str]) -> None:
    admin = AdminClient({"bootstrap.servers": servers.kafka_bootstrap, "log_level": 2})
    for future in admin.create_topics([NewTopic(name, partitions, 1, config=config)]).values():
        future.result(10)


def config_of(servers: Servers, topic: str) -> dict[str, str]:
    admin = AdminClient({"bootstrap.servers": servers.kafka_bootstrap, "log_level": 2})
    [future] = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, topic)]).values()
    return {name: entry.value for name, entry in future.result(10).items()}


@pytest.fixture
def stopped(servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str) -> Gateway:
    """A gateway that was not started, without topics."""
    return Gateway(servers, binaries, work_dir, topic_prefix)


def test_topics_create_makes_what_the_contract_says(servers: Servers, stopped: Gateway) -> None:
    for _ in range(2):
        created = stopped.command("topics", "create")
        assert created.returncode == 0, created.stderr
    assert stopped.command("topics", "check").returncode == 0
    events = config_of(servers, f"{stopped.prefix}.events.v1")
    assert {name: events[name] for name in GOOD_EVENTS} == GOOD_EVENTS
    raw = config_of(servers, f"{stopped.prefix}.raw.v1")
    assert raw["retention.ms"] == str(7 * 24 * 3600 * 1000)
    assert raw["cleanup.policy"] == "delete"
    admin = AdminClient({"bootstrap.servers": servers.kafka_bootstrap, "log_level": 2})
    topics = admin.list_topics(timeout=10).topics
    assert len(topics[f"{stopped.prefix}.events.v1"].partitions) == PARTITIONS
    assert len(topics[f"{stopped.prefix}.raw.v1"].partitions) == PARTITIONS


def test_missing_topics_refuse_to_start(stopped: Gateway) -> None:
    checked = stopped.command("topics", "check")
    assert checked.returncode == 1
    assert f"topic {stopped.prefix}.events.v1: is missing; run `telefact-gateway topics create`" in checked.stderr
    stopped.spawn()
    assert stopped.wait(20) == 1
    assert "run `telefact-gateway topics create`" in stopped.log()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cleanup.policy", "compact"),
        ("message.timestamp.type", "CreateTime"),
        ("retention.ms", "86400000"),
        ("max.message.bytes", "1000000"),
    ],
)
def test_a_wrong_topic_refuses_to_start(servers: Servers, stopped: Gateway, name: str, value: str) -> None:
    make_topic(servers, f"{stopped.prefix}.events.v1", PARTITIONS, {**GOOD_EVENTS, name: value})
    assert stopped.command("topics", "create").returncode == 0
    stopped.spawn()
    assert stopped.wait(20) == 1
    assert f"{name} is {value}" in stopped.log()


def test_another_partition_count_refuses_to_start(servers: Servers, stopped: Gateway) -> None:
    make_topic(servers, f"{stopped.prefix}.events.v1", PARTITIONS + 1, GOOD_EVENTS)
    assert stopped.command("topics", "create").returncode == 0
    checked = stopped.command("topics", "check")
    assert checked.returncode == 1
    assert f"GATEWAY_TOPIC_PARTITIONS={PARTITIONS + 1}" in checked.stderr


def test_more_partitions_than_a_position_holds_refuse_to_start(servers: Servers, stopped: Gateway) -> None:
    name = f"{stopped.prefix}.events.v1"
    make_topic(servers, name, 257, GOOD_EVENTS)
    checked = stopped.command("topics", "check")
    admin = AdminClient({"bootstrap.servers": servers.kafka_bootstrap, "log_level": 2})
    for future in admin.delete_topics([name]).values():
        future.result(10)
    assert checked.returncode == 1
    assert f"topic {name}: has 257 partitions and at most 256 can be used" in checked.stderr


def test_without_a_broker_it_lives_but_is_not_ready(stopped: Gateway) -> None:
    stopped.environment["GATEWAY_KAFKA_BOOTSTRAP_SERVERS"] = f"127.0.0.1:{free_port()}"
    with_nobody = stopped
    with_nobody.spawn()
    try:
        until(lambda: with_nobody.probe("/livez") == 200, 10, "/livez")
        assert with_nobody.probe("/readyz") == 503
        assert with_nobody.probe("/startupz") == 503
        with_nobody.terminate()
        assert with_nobody.wait(15) == 0
    finally:
        with_nobody.__exit__()


def test_an_outage_is_answered_503_and_over_three_seconds_after_it_is_over(
    own_servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str
) -> None:
    settings = {"GATEWAY_DELIVERY_TIMEOUT_MS": "2000", "GATEWAY_MAX_IN_FLIGHT": "60"}
    with Gateway(own_servers, binaries, work_dir, topic_prefix, settings) as gateway:
        assert gateway.post(text_update(1, 1)).status == 200
        own_servers.stop_kafka()
        began = time.monotonic()
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda number: gateway.post(text_update(number, number)), range(2, 22)))
        assert {answer.status for answer in answers} == {503}
        assert {answer.headers["retry-after"] for answer in answers} <= {"1", "2", "3", "4", "5"}
        assert len({answer.headers["retry-after"] for answer in answers}) > 1
        assert time.monotonic() - began < 8
        with ThreadPoolExecutor(100) as pool:  # more than may be in flight
            answers = list(pool.map(lambda number: gateway.post(text_update(number, number)), range(1001, 1301)))
        assert {answer.status for answer in answers} == {503}
        metrics = gateway.metrics()
        assert metrics['updates_answered_total{outcome="busy"}'] > 0, "refused at once"
        assert metrics['updates_answered_total{outcome="unavailable"}'] > 20, "after a while"
        assert metrics['updates_answered_total{outcome="done"}'] == 1
        until(lambda: gateway.probe("/readyz") == 503, 5, "/readyz to tell the outage")
        assert gateway.probe("/livez") == 200

        own_servers.start_kafka()
        began = time.monotonic()
        while gateway.post(text_update(99, 99)).status != 200:
            assert time.monotonic() - began < 3, gateway.log()
        assert time.monotonic() - began < 3
        until(gateway.is_ready, 5, "/readyz to tell the end of the outage")
        assert gateway.metrics()["kafka_delivery_failures_total"] >= 20
        gateway.terminate()
        assert gateway.wait() == 0


def test_a_deleted_topic_is_503_and_not_ready_until_it_is_there_again(
    servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str
) -> None:
    with Gateway(servers, binaries, work_dir, topic_prefix, {"GATEWAY_DELIVERY_TIMEOUT_MS": "3000"}) as gateway:
        assert gateway.post(text_update(1, 1)).status == 200
        admin = AdminClient({"bootstrap.servers": servers.kafka_bootstrap, "log_level": 2})
        for future in admin.delete_topics([f"{gateway.prefix}.events.v1"]).values():
            future.result(10)
        until(lambda: gateway.post(text_update(2, 2)).status == 503, 10, "the loss of the topic to be noticed")
        until(lambda: gateway.probe("/readyz") == 503, 5, "/readyz to tell the loss")
        assert gateway.probe("/livez") == 200
        until(lambda: "topics are gone or wrong" in gateway.log(), 10, "the check to tell the loss")
        assert gateway.command("topics", "create").returncode == 0
        until(gateway.is_ready, 10, "/readyz to tell the return")
        until(lambda: gateway.post(text_update(2, 2)).status == 200, 10, "updates to be taken again")
        assert len(gateway.records("events")) == 1


def noise(length: int) -> bytes:
    """Text that no compression makes small."""
    return base64.b64encode(random.Random(length).randbytes(length))[:length]


def filled_message(update_id: int, fill: bytes) -> bytes:
    """A message in a group, with a sender, whose names are longer than an event keeps; it makes events."""
    update = text_update(update_id, update_id, fill.decode())
    update["message"]["from"].update(first_name="\U0001f600" * 1000, last_name="\u0436" * 1000, username="u" * 1000)
    return json.dumps(update).encode()


def filled_unknown(update_id: int, fill: bytes) -> bytes:
    """An update of a kind that makes no event."""
    return b'{"update_id":%d,"invented_update":"%b"}' % (update_id, fill)


def filled_broken(_update_id: int, fill: bytes) -> bytes:
    """What is no JSON."""
    return b"\xff" + fill


def largest(make: Callable[[int, bytes], bytes], update_id: int) -> bytes:
    """An update of exactly the size that Telegram sends at most."""
    return make(update_id, noise(UPDATE_BYTES_MAX - len(make(update_id, b""))))


@pytest.mark.parametrize("compression", ["none", "lz4"])
def test_K09_the_largest_updates_fit(
    servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str, compression: str
) -> None:
    with Gateway(
        servers, binaries, work_dir, topic_prefix, {"GATEWAY_KAFKA_COMPRESSION_TYPE": compression}
    ) as gateway:
        message, unknown, broken = (
            largest(make, number) for number, make in enumerate((filled_message, filled_unknown, filled_broken), 1)
        )
        assert {len(body) for body in (message, unknown, broken)} == {UPDATE_BYTES_MAX}
        with ThreadPoolExecutor(12) as pool:  # together they make the largest batches too
            answers = list(pool.map(gateway.post, (message, unknown, broken) * 4))
        assert {answer.status for answer in answers} == {200}
        assert len(gateway.records("events")) == 4
        raw = [raw_pb2.RawUpdate.FromString(record.value()) for record in gateway.records("raw")]
        kept = sorted((update.reason, update.body) for update in raw)
        assert kept == [(raw_pb2.RAW_REASON_NO_EVENT, unknown)] * 4 + [(raw_pb2.RAW_REASON_UNPARSABLE, broken)] * 4
        assert gateway.metrics()['raw_updates_total{reason="too_large"}'] == 0


@pytest.mark.parametrize(
    ("kind", "limit", "make"), [("events", 100, filled_message), ("raw", 100_000, filled_unknown)], ids=["event", "raw"]
)
def test_K09_what_a_topic_refuses_for_its_size_is_kept_cut(
    servers: Servers,
    binaries: Path,
    work_dir: Path,
    topic_prefix: str,
    kind: str,
    limit: int,
    make: Callable[[int, bytes], bytes],
) -> None:
    with Gateway(servers, binaries, work_dir, topic_prefix) as gateway:
        set_topic_config(servers.kafka_bootstrap, f"{gateway.prefix}.{kind}.v1", "max.message.bytes", str(limit))
        bodies = [largest(make, number) for number in (1, 2)]
        for body in bodies:
            assert gateway.post(body).status == 200
        raw = [raw_pb2.RawUpdate.FromString(record.value()) for record in gateway.records("raw")]
        kept = sorted((update.update_id, update.reason, update.body) for update in raw)
        assert kept == [
            (number, raw_pb2.RAW_REASON_TOO_LARGE, body[:RAW_CUT_BYTES]) for number, body in enumerate(bodies, 1)
        ]
        assert gateway.records("events") == []
        assert gateway.metrics()['raw_updates_total{reason="too_large"}'] == len(bodies)
        alarms = [line for line in gateway.log().splitlines() if "code=large_update" in line]
        assert len(alarms) == 1, "told, and not with every update"
        assert "level=error" in alarms[0]
