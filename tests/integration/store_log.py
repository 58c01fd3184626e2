"""What tests of the store's write side share: events in the log, a running store, the tables."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support.oracle import ids
from tests.support.processes import Service, free_port
from tests.support.protos import event_pb2

BOT_ID = 123456789
TIME_MS = 1_760_000_000_000
ERASED_MS = TIME_MS + 60_000
COMMAND = bytes.fromhex("0199c0de00007abc8def0123456789ab")  # of an erase
PATIENCE_S = 180.0  # of every wait, on a busy machine
Event = event_pb2.Event


def event_id(text: object) -> bytes:
    """Any 16 bytes that depend on the text."""
    return hashlib.sha256(str(text).encode()).digest()[:16]


def make(kind: str, ident: object, *, time_ms: int = TIME_MS, bot_id: int = BOT_ID, **fields: Any) -> Event:
    """An event of a kind; fields are its payload's."""
    event = Event(event_id=event_id(ident), bot_id=bot_id, update_id=7, occurred_at_ms=time_ms, producer="test")
    payload = getattr(event, kind)
    payload.SetInParent()
    for name, value in fields.items():
        setattr(payload, name, value)
    return event


def video(user_id: int, ident: object, **fields: Any) -> Event:
    return make("video_downloaded", ident, user_id=user_id, video_link="https://v.example/1", **fields)


def seen(user_id: int, ident: object, source: int = 2, lang: str = "ru", **fields: Any) -> Event:
    chat_type = 1 if user_id > 0 else 2
    return make("user_seen", ident, user_id=user_id, source=source, chat_type=chat_type, lang=lang, **fields)


def erasure(user_id: int, partition: int, at_ms: int = ERASED_MS, command: bytes = COMMAND) -> Event:
    """One of the events of an erase command: that of this partition."""
    event = make("user_erased", "", time_ms=at_ms, user_id=user_id)
    event.event_id = ids.of_command(BOT_ID, "user_erased", user_id, partition, command)
    return event


def key_of(event: Event) -> bytes:
    payload = getattr(event, event.WhichOneof("payload"))
    subject = payload.user_id if hasattr(payload, "user_id") else payload.old_id
    return f"{event.bot_id}:{subject}".encode()


class Log:
    """An events topic of one's own."""

    def __init__(self, bootstrap: str, prefix: str, partitions: int = 4) -> None:
        self.bootstrap, self.prefix, self.topic = bootstrap, prefix, f"{prefix}.events.v1"
        self.partitions = partitions
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._producer = Producer({
            "bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "acks": "all", "linger.ms": 5,
            "compression.type": "zstd", "enable.idempotence": True, "log_level": 0})
        self.create()

    def create(self) -> None:
        topic = NewTopic(self.topic, self.partitions, 1, config={
            "message.timestamp.type": "LogAppendTime", "retention.ms": "-1", "retention.bytes": "-1"})
        self._admin.create_topics([topic])[self.topic].result(PATIENCE_S)

    def delete(self) -> None:
        self._admin.delete_topics([self.topic])[self.topic].result(PATIENCE_S)

    def put(self, events: Sequence[Event]) -> list[tuple[int, int]]:
        """Write the events as the gateway does; their (partition, offset)."""
        return self.put_raw([(key_of(event), event.SerializeToString()) for event in events])

    def put_raw(
        self, records: Sequence[tuple[bytes, bytes | None]], partition: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> list[tuple[int, int]]:
        places: list[tuple[int, int]] = [(-1, -1)] * len(records)

        def reporter(index: int) -> Callable[[Any, Any], None]:
            def report(error: Any, message: Any) -> None:
                assert error is None, error
                places[index] = (message.partition(), message.offset())
            return report

        extra: dict[str, Any] = {} if partition is None else {"partition": partition}
        if headers is not None:
            extra["headers"] = list(headers.items())
        for index, (key, value) in enumerate(records):
            while True:
                try:
                    self._producer.produce(self.topic, value=value, key=key, on_delivery=reporter(index), **extra)
                    break
                except BufferError:
                    self._producer.poll(0.1)
        self._producer.flush(PATIENCE_S)
        assert all(partition >= 0 for partition, _ in places)
        return places

    def erase(self, user_id: int, at_ms: int = ERASED_MS, command: bytes = COMMAND) -> int:
        """Write an event into every partition; how many."""
        for partition in range(self.partitions):
            event = erasure(user_id, partition, at_ms, command)
            self.put_raw([(key_of(event), event.SerializeToString())], partition)
        return self.partitions

    def delete_records(self, partition: int, before: int) -> None:
        from confluent_kafka import TopicPartition

        place = TopicPartition(self.topic, partition, before)
        self._admin.delete_records([place])[place].result(20)


def environment(log: Log, url: str, admin: int, **more: str) -> dict[str, str]:
    return {
        "STORE_BOT_ID": str(BOT_ID), "STORE_DATABASE_URL": url, "STORE_ROLES": "ingest",
        "STORE_MIGRATE_ON_START": "true", "STORE_KAFKA_BOOTSTRAP_SERVERS": log.bootstrap,
        "STORE_KAFKA_GROUP_ID": f"{log.prefix}-store", "STORE_TOPIC_PREFIX": log.prefix,
        "STORE_ADMIN_LISTEN": f"127.0.0.1:{admin}", "STORE_RPC_LISTEN": f"127.0.0.1:{free_port()}",
    } | more


def store(log: Log, url: str, binaries: Path, work_dir: Path, name: str = "store", **more: str) -> Service:
    """A store that reads the log into the database; not started."""
    admin = free_port()
    return Service(name, binaries / "telefact-store", environment(log, url, admin, **more), f"127.0.0.1:{admin}", work_dir)


def rows(database: psycopg.Connection[Any], sql: str, *params: object) -> list[tuple[Any, ...]]:
    return database.execute(sql, params).fetchall()  # type: ignore[arg-type]


def applied(database: psycopg.Connection[Any]) -> int:
    """How many records are behind the fences."""
    return int(rows(database, "SELECT coalesce(sum(next_offset), 0) FROM g1.fence")[0][0])


def wait_for(what: str, holds: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            if holds():
                return
        except psycopg.Error:
            pass
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.05)


def wait_applied(database: psycopg.Connection[Any], count: int, timeout_s: float = PATIENCE_S) -> None:
    wait_for(f"{count} records applied", lambda: applied(database) >= count, timeout_s)


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as database:
        yield database
