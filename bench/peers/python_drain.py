"""The well-written Python contender: confluent-kafka, protobuf (upb), asyncpg COPY, counters and offsets in one
transaction. Exactly once by the same means as the store: the next offset stands beside the data.

    python -m bench.peers.python_drain BOOTSTRAP TOPIC DATABASE_URL EVENTS
"""

from __future__ import annotations

import asyncio
import collections
import sys
import uuid

import asyncpg
from confluent_kafka import Consumer, TopicPartition

from tests.support.protos import event_pb2

BATCH = 20_000
PARTITIONS = 8
SCHEMA = """
CREATE TABLE IF NOT EXISTS peer_offsets (partition int PRIMARY KEY, next_offset bigint NOT NULL);
CREATE TABLE IF NOT EXISTS peer_users (user_id bigint PRIMARY KEY, videos bigint NOT NULL, images bigint NOT NULL);
"""
COLUMNS = ["event_id", "pk_id", "user_id", "downloaded_at", "video_link", "is_images", "is_processed", "is_inline",
           "platform"]
ADD_USERS = """
INSERT INTO peer_users AS old SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
ON CONFLICT (user_id) DO UPDATE SET videos = old.videos + excluded.videos, images = old.images + excluded.images
"""
SET_OFFSETS = """
INSERT INTO peer_offsets SELECT * FROM unnest($1::int[], $2::bigint[])
ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset
"""


def rows_of(batch, offsets, videos, images):
    rows = []
    decode = event_pb2.Event.FromString
    for message in batch:
        event = decode(message.value())
        video = event.video_downloaded
        partition, offset, user_id = message.partition(), message.offset(), video.user_id
        rows.append((uuid.UUID(bytes=event.event_id), partition << 48 | offset << 4, user_id,
                     event.occurred_at_ms // 1000, video.video_link, video.is_images, video.is_processed,
                     video.is_inline, video.platform))
        videos[user_id] += 1
        if video.is_images:
            images[user_id] += 1
        offsets[partition] = offset + 1
    return rows


async def apply(connection, batch):
    offsets, videos, images = {}, collections.Counter(), collections.Counter()
    rows = rows_of(batch, offsets, videos, images)
    users = sorted(videos)
    async with connection.transaction():
        await connection.execute(SET_OFFSETS, list(offsets), list(offsets.values()))
        await connection.copy_records_to_table("videos", schema_name="g1", records=rows, columns=COLUMNS)
        await connection.execute(ADD_USERS, users, [videos[u] for u in users], [images[u] for u in users])


async def main(bootstrap, topic, url, events):
    connection = await asyncpg.connect(url)
    await connection.execute(SCHEMA)
    stored = dict(await connection.fetch("SELECT partition, next_offset FROM peer_offsets"))
    consumer = Consumer({
        "bootstrap.servers": bootstrap, "group.id": "peer", "enable.auto.commit": False, "auto.offset.reset": "error",
        # Above what is ever queued: past it librdkafka 2.0 sleeps up to a second.
        "queued.min.messages": 1_000_000, "queued.max.messages.kbytes": 65536, "fetch.wait.max.ms": 50,
    })
    consumer.assign([TopicPartition(topic, p, stored.get(p, 0)) for p in range(PARTITIONS)])
    done = sum(stored.values())
    while done < events:
        batch = consumer.consume(BATCH, timeout=1.0)
        if batch:
            await apply(connection, batch)
            done += len(batch)
    consumer.close()
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
