"""Reads whole topics back with a Kafka client other people wrote."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from tests.support.oracle.places import Place

READ_DEADLINE_S = 60.0


class Record(NamedTuple):
    """One record as it stands in the log."""

    place: Place
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]

    def header(self, name: str) -> str | None:
        """The header's text; the first one when there are several."""
        return next((value.decode("utf-8", "replace") for each, value in self.headers if each == name), None)


@dataclass(slots=True)
class TopicLog:
    """Everything a topic holds, and its edges."""

    topic: str
    partitions: int
    records: list[Record] = field(default_factory=list)
    """Ascending offsets within each partition, partitions one after the other."""
    first: dict[int, int] = field(default_factory=dict)
    end: dict[int, int] = field(default_factory=dict)


def read_topic(bootstrap: str, topic: str) -> TopicLog:
    """All records that the topic holds now."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "telefact-oracle",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "check.crcs": True,
            "fetch.wait.max.ms": 20,
            "log_level": 2,
        }
    )
    try:
        return _read(consumer, topic)
    finally:
        consumer.close()


def _read(consumer: Consumer, topic: str) -> TopicLog:
    known = consumer.list_topics(topic, timeout=10.0).topics[topic]
    if known.error is not None:
        raise KafkaException(known.error)
    log = TopicLog(topic, len(known.partitions))
    found: dict[int, list[Record]] = {}
    for partition in sorted(known.partitions):
        log.first[partition], log.end[partition] = consumer.get_watermark_offsets(
            TopicPartition(topic, partition), timeout=10.0
        )
        found[partition] = []
    waiting = {partition for partition in found if log.end[partition] > log.first[partition]}
    consumer.assign([TopicPartition(topic, partition, log.first[partition]) for partition in waiting])
    deadline = time.monotonic() + READ_DEADLINE_S
    while waiting:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{topic}: partitions {sorted(waiting)} not read to their end")
        for message in consumer.consume(5_000, timeout=0.2):
            if message.error() is not None:
                raise KafkaException(message.error())
            partition = message.partition()
            if message.offset() < log.end[partition]:
                found[partition].append(_record(message))
            if message.offset() + 1 >= log.end[partition]:
                waiting.discard(partition)
    log.records = [record for partition in sorted(found) for record in found[partition]]
    return log


def _record(message) -> Record:
    place = Place(message.partition(), message.offset(), message.timestamp()[1])
    headers = tuple((name, value or b"") for name, value in message.headers() or ())
    return Record(place, message.key() or b"", message.value() or b"", headers)
