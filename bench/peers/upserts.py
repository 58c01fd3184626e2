"""A rebuild as it is usually written: TRUNCATE, then a row-by-row upsert for each event, and a GROUP BY at the end.

    python -m bench.peers.upserts BOOTSTRAP TOPIC DATABASE_URL EVENTS

One transaction for 1,000 events, statements prepared and pipelined; the tables are those of a generation (with their
indexes), the counters of users are made by one GROUP BY when all facts are there.
"""

from __future__ import annotations

import sys
import uuid

import psycopg
from confluent_kafka import Consumer, TopicPartition

from bench.drain_topic import PARTITIONS
from tests.support.protos import event_pb2

_BATCH = 1_000
_FACT = """
INSERT INTO g1.videos (event_id, pk_id, user_id, downloaded_at, video_link, is_images, is_processed, is_inline, platform)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (event_id) DO UPDATE SET pk_id = excluded.pk_id
"""
_USERS = """
INSERT INTO g1.users (user_id, videos, images)
SELECT user_id, count(*), count(*) FILTER (WHERE is_images) FROM g1.videos GROUP BY user_id
"""


def main() -> int:
    bootstrap, topic, url, events = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-upserts", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    done = 0
    with psycopg.connect(url) as database:
        database.execute("TRUNCATE g1.videos, g1.users")
        while done < events:
            messages = consumer.consume(min(_BATCH, events - done), timeout=30)
            rows = []
            for message in messages:
                event = event_pb2.Event.FromString(message.value())
                video = event.video_downloaded
                rows.append((uuid.UUID(bytes=event.event_id), message.partition() << 48 | message.offset() << 4,
                             video.user_id, event.occurred_at_ms // 1000, video.video_link, video.is_images,
                             video.is_processed, video.is_inline, video.platform))
            database.cursor().executemany(_FACT, rows)
            database.commit()
            done += len(rows)
        database.execute(_USERS)
        database.commit()
    consumer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
