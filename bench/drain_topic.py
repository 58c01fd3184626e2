"""The topic that the drain bench empties, and the same facts as a file for the bare COPY.

2 M VideoDownloaded events of about 110 bytes in 8 partitions, zstd, users skewed (u^4 over 200,000
chats). Filling is done once per topic; the file holds what stands in the log, in log order.
"""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support.protos import event_pb2

BOT_ID = 123456789
USERS = 200_000
PARTITIONS = 8
START_S = 1_760_000_000
_ROW = struct.Struct("=16sqqqqBBBBH")  # see bench/peers/copy_facts.c


@dataclass(frozen=True)
class Filled:
    """What the log holds; every contender's tables are compared with it."""

    topic: str
    events: int
    users: int
    pk_sum: int
    user_sum: int
    time_sum: int
    bytes_per_event: float
    file: Path


def chat(rng: random.Random) -> int:
    """A chat, few of them busy; each tenth is a group."""
    user_id = 10_000_000 + int(USERS * rng.random() ** 4)
    return user_id if user_id % 10 else -1_000_000_000_000 - user_id


def event_id(number: int) -> bytes:
    """As of an update: ascending, then a hash."""
    return struct.pack(">q", 900_000_000 + number) + hashlib.sha256(b"%d" % number).digest()[:8]


def record_key(user_id: int) -> bytes:
    return f"{BOT_ID}:{user_id}".encode()


def _event(rng: random.Random, number: int) -> tuple[bytes, bytes]:
    user_id = chat(rng)
    video_id = 7_000_000_000_000_000_000 + rng.getrandbits(56)
    occurred = (START_S + number // 20) * 1000 + rng.randrange(1000)
    event = event_pb2.Event(
        event_id=event_id(number), bot_id=BOT_ID, update_id=900_000_000 + number, occurred_at_ms=occurred,
        received_at_ms=occurred + 40,
    )
    video = event.video_downloaded
    video.user_id = user_id
    video.video_link = f"https://www.tiktok.com/@u/video/{video_id}"
    video.is_images = number % 7 == 0
    video.is_inline = number % 11 == 0
    video.platform = event_pb2.PLATFORM_TIKTOK
    return record_key(user_id), event.SerializeToString()


def create_topic(bootstrap: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    config = {
        "message.timestamp.type": "LogAppendTime", "cleanup.policy": "delete",
        "retention.ms": "-1", "retention.bytes": "-1", "max.message.bytes": "2097152",
    }
    new = NewTopic(topic, num_partitions=PARTITIONS, replication_factor=1, config=config)
    for future in admin.create_topics([new]).values():
        future.result(30)


def produce(bootstrap: str, topic: str, records: Iterable[tuple[bytes, bytes]]) -> int:
    """Create the topic and fill it with (key, value); the bytes of the values."""
    create_topic(bootstrap, topic)
    producer = Producer({
        "bootstrap.servers": bootstrap, "compression.type": "zstd", "linger.ms": 50,
        "partitioner": "murmur2_random", "acks": "all", "enable.idempotence": True,
        "batch.num.messages": 10000, "queue.buffering.max.messages": 1_000_000,
    })
    size = 0
    for number, (key, value) in enumerate(records):
        size += len(value)
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.5)
        if number % 10_000 == 0:
            producer.poll(0)
    if producer.flush(120) != 0:
        raise RuntimeError("the topic could not be filled")
    return size


def fill(bootstrap: str, topic: str, events: int, seed: int, file: Path) -> Filled:
    """Create the topic, fill it, and write the facts file."""
    rng = random.Random(seed)
    size = produce(bootstrap, topic, (_event(rng, number) for number in range(events)))
    return _export(bootstrap, topic, events, size / events, file)


def _export(bootstrap: str, topic: str, events: int, bytes_per_event: float, file: Path) -> Filled:
    consumer = Consumer({
        "bootstrap.servers": bootstrap, "group.id": "bench-export", "enable.auto.commit": False,
        "auto.offset.reset": "error", "queued.min.messages": 1_000_000,
    })
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    users: set[int] = set()
    pk_sum = user_sum = time_sum = seen = 0
    with file.open("wb") as out:
        while seen < events:
            batch = consumer.consume(10_000, timeout=30)
            if not batch:
                raise RuntimeError(f"the topic holds only {seen} of {events} events")
            for message in batch:
                event = event_pb2.Event.FromString(message.value())
                video = event.video_downloaded
                link = video.video_link.encode()
                pk_id = message.partition() << 48 | message.offset() << 4
                time_s = event.occurred_at_ms // 1000
                out.write(_ROW.pack(event.event_id, pk_id, video.user_id, time_s, 0,
                                    video.is_images, video.is_processed, video.is_inline, video.platform, len(link)))
                out.write(link)
                users.add(video.user_id)
                pk_sum += pk_id
                user_sum += video.user_id
                time_sum += time_s
            seen += len(batch)
    consumer.close()
    return Filled(topic, events, len(users), pk_sum, user_sum, time_sum, bytes_per_event, file)
