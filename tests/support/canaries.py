"""The search for canaries (tests/support/canary.py) in what comes out of the services.

The tests' traffic and settings are made of them. Whatever leaves a service is searched while the tests run: logs, metrics,
replies, topics, tables, pytest's own files. Where one may stand is in ALLOWED, and nowhere else.

    look("reply", answer.body)     # notes what it finds; the test at hand fails at its end (tests/conftest.py)
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import psycopg
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from deploy.local.servers import Servers
from tests.support.canary import NAME, RPC_TOKEN, SECRET, TEXT, TOKEN
from tests.support.protos import event_pb2

MARKS: dict[str, bytes] = {
    "token": b"CanaryTokenCanaryToken",
    "secret": b"canary-secret",
    "rpc token": b"canary-rpc-token",
    "name": NAME.encode(),
    "text": TEXT.encode(),
}
"""What is searched for; the databases' passwords are added when they are made."""

ALLOWED: dict[str, frozenset[str]] = {
    "topic raw": frozenset({"name", "text"}),  # what makes no event is kept as it came
    "topic events, personal of a private chat": frozenset({"name"}),
    "table profiles": frozenset({"name"}),
    "table dead_letters": frozenset({"name"}),  # the bytes of a record, which is an event
}
"""The places where a canary may stand, and which. Everywhere else it must not."""

_SYSTEM_SCHEMAS = "('pg_catalog', 'information_schema')"
_READ_S = 120.0
_POLL_S = 0.05  # for the next of a batch
_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Finding:
    """A canary where it must not be."""

    mark: str
    place: str

    def __str__(self) -> str:
        return f"the {self.mark} stands in {self.place}"


_noted: list[Finding] = []


def add_password(password: str) -> None:
    """A database's password is a canary too."""
    MARKS[f"password {password[:4]}"] = password.encode()


def find(place: str, data: bytes | str, where: str = "") -> list[Finding]:
    """The canaries in it that its kind of place may not hold. `where` says it more exactly."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    allowed = ALLOWED.get(place, frozenset())
    return [Finding(mark, f"{place} {where}".strip()) for mark, text in list(MARKS.items())
            if mark not in allowed and text in raw]


def look(place: str, data: bytes | str, where: str = "") -> None:
    """Search and note."""
    note(find(place, data, where))


def note(findings: Iterable[Finding]) -> None:
    """Remember them for the end of the test."""
    _noted.extend(findings)


def take() -> list[Finding]:
    """What was noted since the last time."""
    findings, _noted[:] = _noted.copy(), []
    return findings


def report(findings: Iterable[Finding]) -> None:
    """Fail if there is any."""
    lines = sorted({str(finding) for finding in findings})
    assert not lines, "what must not come out came out:\n" + "\n".join(lines)


# ---- files ----


_SEGMENT = re.compile(r"\d{20}\.log")


def in_files(folder: Path, pattern: str = "*.log") -> list[Finding]:
    """In all files of this name below a folder, but for Kafka's segments: in_topics reads those record by record."""
    found = []
    for file in sorted(folder.rglob(pattern)):
        if _SEGMENT.fullmatch(file.name):
            continue
        with contextlib.suppress(OSError):  # it may go while we look
            found += find("file", file.read_bytes(), str(file))
    return found


# ---- Kafka ----


def in_topics(bootstrap: str, prefix: str = "") -> list[Finding]:
    """In keys, values and headers of all records of all topics of a Kafka."""
    consumer = Consumer({
        "bootstrap.servers": bootstrap, "group.id": "canaries", "enable.auto.commit": False,
        "enable.partition.eof": True, "log_level": 0, "fetch.min.bytes": 1,
    })
    try:
        topics = consumer.list_topics(timeout=10).topics
        places = [TopicPartition(name, partition, OFFSET_BEGINNING) for name, topic in topics.items()
                  if name.startswith(prefix) and not name.startswith("__") for partition in topic.partitions]
        consumer.assign(places)
        found: list[Finding] = []
        ended = 0
        deadline = time.monotonic() + _READ_S
        while ended < len(places):
            assert time.monotonic() < deadline, "the topics cannot be read"
            messages = consumer.consume(_BATCH, timeout=_POLL_S)
            records = [message for message in messages if message.error() is None]
            ended += len(messages) - len(records)
            found += _in_records(records)
        return found
    finally:
        consumer.close()


def _in_records(records: list[Message]) -> list[Finding]:
    # Keys and headers are all alike: one look at all of them together, and at each only if there is something.
    around = b"\n".join(record.key() or b"" for record in records) + repr([r.headers() for r in records]).encode()
    found = []
    if any(text in around for text in MARKS.values()):
        for record in records:
            found += find("key", record.key() or b"", f"of {record.topic()}")
            found += find("header", repr(record.headers()), f"of {record.topic()}")
    for record in records:
        found += _in_value(record.topic(), record.value() or b"")
    return found


def _in_value(topic: str, value: bytes) -> list[Finding]:
    if topic.endswith(".raw.v1"):
        return find("topic raw", value, topic)
    return find("topic", _without_personal(value) if MARKS["name"] in value else value, topic)


def _without_personal(value: bytes) -> bytes:
    """The event but for what ALLOWED lets stand in it."""
    try:
        event = event_pb2.Event.FromString(value)
    except Exception:  # no event: nothing is allowed
        return value
    seen = event.user_seen
    allowed = ALLOWED.get("topic events, personal of a private chat", frozenset())
    if seen.chat_type == event_pb2.CHAT_TYPE_PRIVATE and not _others(seen.personal.SerializeToString(), allowed):
        seen.ClearField("personal")
    return event.SerializeToString()


def _others(data: bytes, allowed: frozenset[str]) -> list[Finding]:
    """Canaries but for these."""
    return [finding for finding in find("", data) if finding.mark not in allowed]


# ---- PostgreSQL ----


def in_databases(admin_dsn: str, like: str = "%") -> list[Finding]:
    """In all tables of all databases."""
    with psycopg.connect(admin_dsn, autocommit=True) as admin:
        names = admin.execute(
            "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate AND datname LIKE %s", (like,)
        ).fetchall()
    return [finding for (name,) in names for finding in _in_database(admin_dsn, name)]


def _in_database(admin_dsn: str, name: str) -> list[Finding]:
    found = []
    with psycopg.connect(admin_dsn.replace("dbname=postgres", f"dbname={name}"), autocommit=True) as database:
        tables = database.execute(
            f"SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN {_SYSTEM_SCHEMAS}"
        ).fetchall()
        for schema, table in tables:
            with database.cursor().copy(f'COPY "{schema}"."{table}" TO STDOUT (FORMAT binary)') as rows:  # type: ignore[arg-type]
                data = b"".join(bytes(row) for row in rows)
            found += find(f"table {table}", data, f"of {schema} in {name}")
    return found


def in_servers(servers: Servers) -> list[Finding]:
    """In everything that they hold, as far as they run."""
    found = []
    if servers.kafka.is_running():
        found += in_topics(servers.kafka_bootstrap)
    if servers.postgres.is_running():
        found += in_databases(servers.admin_dsn)
    return found


# ---- gRPC ----


class _Watch(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Looks at the status of every call of a channel."""

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return self._watched(continuation(details, request))

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return self._watched(continuation(details, request))

    def _watched(self, call: Any) -> Any:
        call.add_done_callback(lambda done: look("reply of an RPC", f"{done.details()} {done.trailing_metadata()}"))
        return call


class _AioWatch(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self) -> None:
        self._looking: set[asyncio.Task[None]] = set()

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        call = await continuation(details, request)
        call.add_done_callback(self._begin)
        return call

    def _begin(self, call: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._look(call))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def _look(self, call: Any) -> None:
        look("reply of an RPC", f"{await call.details()} {await call.trailing_metadata()}")


def watch_channels() -> None:
    """From here on every gRPC channel is watched."""
    plain, plain_aio = grpc.insecure_channel, grpc.aio.insecure_channel

    def insecure_channel(*words: Any, **named: Any) -> grpc.Channel:
        return grpc.intercept_channel(plain(*words, **named), _Watch())

    def aio_insecure_channel(*words: Any, **named: Any) -> grpc.aio.Channel:
        return plain_aio(*words, **{**named, "interceptors": [*named.get("interceptors", ()), _AioWatch()]})

    grpc.insecure_channel = insecure_channel
    grpc.aio.insecure_channel = aio_insecure_channel


@contextlib.contextmanager
def planted() -> Iterator[list[Finding]]:
    """What is noted meanwhile goes into this list and harms no test."""
    before = take()
    caught: list[Finding] = []
    try:
        yield caught
    finally:
        caught += take()
        note(before)


assert all(MARKS[mark] in value.encode()
           for mark, value in (("token", TOKEN), ("secret", SECRET), ("rpc token", RPC_TOKEN)))
