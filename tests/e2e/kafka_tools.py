"""What the tests do to topics behind the services' backs."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from deploy.local.servers import Servers
from tests.support.oracle.places import Place

_DEADLINE_S = 30.0


@contextlib.contextmanager
def stalled(servers: Servers) -> Iterator[None]:
    """The broker stands still: it keeps its connections and answers nothing."""
    broker = servers.kafka.state["nodes"][0]["process"]["pid"]
    os.kill(broker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(broker, signal.SIGCONT)


def _admin(bootstrap: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})


def produce(bootstrap: str, topic: str, records: list[tuple[int, bytes, bytes]]) -> list[Place]:
    """Write (partition, key, value) records; returns where they stand, in the same order."""
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 2})
    places: dict[int, Place] = {}

    def delivered(number: int) -> Any:
        def note(error: KafkaError | None, message: Any) -> None:
            if error is not None:
                raise KafkaException(error)
            places[number] = Place(message.partition(), message.offset(), message.timestamp()[1])

        return note

    for number, (partition, key, value) in enumerate(records):
        producer.produce(topic, value, key, partition, on_delivery=delivered(number))
        producer.poll(0)
    assert producer.flush(_DEADLINE_S) == 0
    return [places[number] for number in range(len(records))]


def delete_records(bootstrap: str, topic: str, before: dict[int, int]) -> None:
    """Let the partitions start at these offsets."""
    offsets = [TopicPartition(topic, partition, offset) for partition, offset in before.items()]
    admin = _admin(bootstrap)  # its futures live as long as it does
    for future in admin.delete_records(offsets, request_timeout=_DEADLINE_S).values():
        future.result()


def recreate_topic(bootstrap: str, topic: str, partitions: int) -> None:
    """Delete a topic and make it anew, empty, with its settings."""
    admin = _admin(bootstrap)
    (settings,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    own = {name: entry.value for name, entry in settings.result().items() if not entry.is_default}
    admin.delete_topics([topic])[topic].result()
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        try:
            admin.create_topics([NewTopic(topic, partitions, 1, config=own)])[topic].result()
            break
        except KafkaException as error:
            # The broker still clears the old one away.
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    while len(admin.list_topics(topic, timeout=10).topics[topic].partitions) != partitions:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def set_topic_config(bootstrap: str, topic: str, name: str, value: str) -> None:
    """Change one setting of a topic, and wait until the broker knows it."""
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = _admin(bootstrap)
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()
    deadline = time.monotonic() + _DEADLINE_S
    asked = ConfigResource(ResourceType.TOPIC, topic)
    while next(iter(admin.describe_configs([asked]).values())).result()[name].value != value:
        assert time.monotonic() < deadline
        time.sleep(0.02)
