"""A store between a log and a database of its own, which one history after the other goes through."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psycopg
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.property.forgetting import forget
from tests.property.histories import BOT_ID, LARGE, PARTITIONS, SMALL, WIDE, history_of
from tests.property.model import Entry, TtModel
from tests.property.scan import Scan, create_views
from tests.property.seeds import SeedAnswers
from tests.support.oracle import ids
from tests.support.oracle.answers import Answers
from tests.support.oracle.check_answers import Asker, compare_answers
from tests.support.oracle.check_log import as_proto
from tests.support.oracle.check_rows import check_rows, keep_numbers
from tests.support.oracle.differences import Differences
from tests.support.oracle.log import TopicLog
from tests.support.oracle.erasing import effective
from tests.support.oracle.places import Place
from tests.support.oracle.projection import project
from tests.support.oracle.questions import Extent, questions
from tests.support.oracle.translate import Event
from tests.support.processes import Service, free_port, run_command
from tests.support.protos import read_grpc, read_pb2

SCHEMA = "g1"
WAIT_S = 60.0
READY_S = 60.0
SHARES = ((SMALL, 0.75), (WIDE, 0.245), (LARGE, 0.005))
KILLED, KILLS_MAX = 0.05, 3
"""In how many histories the store is killed, and how often."""
EXTENT = Extent(chats=8, windows=4)
KEPT = "fence"
"""The table that goes on from history to history; the others are emptied."""
POINTS = ("store.fenced", "store.facts_written", "store.rows_written", "store.before_commit", "store.commit_sent")


@dataclass(slots=True)
class Outcome:
    """What came of a history."""

    seed: str
    events: list[Event]
    differences: Differences = field(default_factory=Differences)
    questions: int = 0
    kills: int = 0


class Bench:
    """Use `opened`. Blocks its event loop: nothing else shall run on it."""

    def __init__(self, bootstrap: str, database_url: str, name: str) -> None:
        self.url = database_url
        self._bootstrap = bootstrap
        self._prefix = f"t.{name}"
        self._topic = f"{self._prefix}.events.v1"
        self._producer = Producer({
            "bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "acks": "all", "linger.ms": 0,
            "enable.idempotence": True, "log_level": 0})
        self._end = dict.fromkeys(range(PARTITIONS), 0)
        self._knows_erased = False  # the running store holds tombstones that are not in the tables any more

    async def open(self, binaries: Path, work_dir: Path) -> None:
        """Topic, tables and the store."""
        topic = NewTopic(self._topic, PARTITIONS, 1, config={
            "message.timestamp.type": "LogAppendTime", "retention.ms": "-1", "retention.bytes": "-1"})
        admin_client = AdminClient({"bootstrap.servers": self._bootstrap})
        admin_client.create_topics([topic])[self._topic].result(20)
        rpc, admin = (f"127.0.0.1:{free_port()}" for _ in range(2))
        environment = {
            "STORE_BOT_ID": str(BOT_ID),
            "STORE_DATABASE_URL": self.url,
            "STORE_KAFKA_BOOTSTRAP_SERVERS": self._bootstrap,
            "STORE_TOPIC_PREFIX": self._prefix,
            "STORE_RPC_LISTEN": rpc,
            "STORE_ADMIN_LISTEN": admin,
        }
        await run_command(binaries / "telefact-store", ["migrate"], environment)
        self.store = Service("store", binaries / "telefact-store", environment, admin, work_dir)
        self._database = psycopg.connect(self.url, autocommit=True)
        keep_numbers(self._database)
        create_views(self._database, SCHEMA)
        self._channel = grpc.insecure_channel(rpc)
        self._stub = read_grpc.ReadServiceStub(self._channel)

    async def close(self) -> None:
        """End the store; topic and database stay with their servers."""
        self._channel.close()
        self._database.close()
        if self.store.is_running:
            await self.store.kill()

    async def restart(self, rng: random.Random, planted: str = "") -> None:
        """An orderly end, then batches of another size."""
        if self.store.is_running:
            assert await self.store.stop() == 0, self.store.log_end()
        await self._start(rng, planted)

    async def _start(self, rng: random.Random, planted: str) -> None:
        environment = self.store.environment
        environment["STORE_BATCH_MAX_EVENTS"] = str(rng.choice((1, 2, 5, 50, 65_536)))
        environment["STORE_BATCH_LINGER_MS"] = str(rng.choice((0, 2, 20)))
        environment.pop("TELEFACT_PLANT", None)
        if planted:
            environment["TELEFACT_PLANT"] = planted
        self._join_anew()
        await self.store.start(READY_S)

    def _join_anew(self) -> None:
        """A new group does not wait for the member that was killed."""
        self.store.environment["STORE_KAFKA_GROUP_ID"] = f"{self._prefix}.{self.store.starts}"

    async def play(self, seed: str) -> Outcome:
        """Empty the tables, let the history of the seed through in chunks, and compare everything."""
        rng = random.Random(f"play {seed}")
        size = rng.choices(*zip(*SHARES, strict=True))[0]
        kills_max = KILLS_MAX if rng.random() < KILLED else 0
        outcome = Outcome(seed, history_of(seed, size, time.time_ns() // 1_000_000))
        if self._knows_erased:
            assert await self.store.stop() == 0, self.store.log_end()
            self._empty()
            await self._start(rng, self.store.environment.get("TELEFACT_PLANT", ""))
        self._empty()
        self._knows_erased = any(event.kind == "user_erased" for event in outcome.events)
        places: list[tuple[Event, Place]] = []
        for chunk in _chunks(outcome.events, rng):
            places += self._put(chunk)
            if outcome.kills < kills_max and rng.random() < 0.5:
                await self._kill(rng)
                outcome.kills += 1
            elif rng.random() < 0.3:
                self._wait_applied()
        self._wait_applied()
        self._compare(places, rng, outcome)
        return outcome

    def _empty(self) -> None:
        tables = self._database.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (SCHEMA,)).fetchall()
        deletes = [f"DELETE FROM {SCHEMA}.{name}" for (name,) in tables if name != KEPT]
        self._database.execute(f"BEGIN; {'; '.join(deletes)}; COMMIT")  # type: ignore[call-overload]

    def _put(self, events: Sequence[Event]) -> list[tuple[Event, Place]]:
        """Write records as the gateway does."""
        places: list[tuple[Event, Place]] = []

        def note(event: Event, error: Any, message: Any) -> None:
            assert error is None, error
            places.append((event, Place(message.partition(), message.offset(), message.timestamp()[1])))
            self._end[message.partition()] = max(self._end[message.partition()], message.offset() + 1)

        for event in events:
            assert event.occurred_at_ms is not None
            self._producer.produce(
                self._topic,
                key=ids.record_key(BOT_ID, event.subject_id),
                value=as_proto(BOT_ID, event, event.occurred_at_ms).SerializeToString(),
                partition=event.ordinal if event.kind == "user_erased" else _home_of(event),
                on_delivery=lambda error, message, event=event: note(event, error, message),
            )
            self._producer.poll(0)
        assert self._producer.flush(WAIT_S) == 0
        return places

    async def _kill(self, rng: random.Random) -> None:
        """SIGKILL, now or once more at a step of the write path."""
        planted = self.store.environment.get("TELEFACT_PLANT", "")
        await self.store.kill()
        point = rng.choice((None, *POINTS))
        if point is not None:
            self._join_anew()
            self.store.environment["TELEFACT_CRASH_AT"] = f"{point}:1"
            await self.store.spawn()
            await self._wait_crashed()
            del self.store.environment["TELEFACT_CRASH_AT"]
        await self._start(rng, planted)

    async def _wait_crashed(self) -> None:
        """Until it has killed itself, or has nothing to apply: the last transaction may have been committed."""
        deadline = time.monotonic() + WAIT_S
        while self.store.is_running and self._lags():
            assert time.monotonic() < deadline, self.store.log_end()
            await asyncio.sleep(0.02)
        if self.store.is_running:
            await self.store.kill()

    def _lags(self) -> bool:
        fences = dict(self._database.execute(f"SELECT partition, next_offset FROM {SCHEMA}.fence").fetchall())
        return any(fences.get(partition, 0) < end for partition, end in self._end.items())

    def _wait_applied(self) -> None:
        position = ",".join(f"{partition}:{end}" for partition, end in self._end.items() if end)
        request = read_pb2.WaitAppliedRequest(position=position)
        try:
            self._stub.WaitApplied(request, timeout=WAIT_S, wait_for_ready=True)
        except grpc.RpcError as error:
            raise AssertionError(f"{position} is not applied: {error}\n{self.store.log_end()}") from error

    def _compare(self, places: Sequence[tuple[Event, Place]], rng: random.Random, outcome: Outcome) -> None:
        tables = project(effective(sorted(places, key=lambda each: each[1][:2])))
        log = TopicLog(self._topic, PARTITIONS, end=dict(self._end))
        differences = outcome.differences
        check_rows(self.url, tables, log, [], differences)
        homes = {event.subject_id: _home_of(event) for event, _ in places}
        story = forget([_entry(event, place) for event, place in places], homes)
        model, scan = TtModel(story), Scan(self._database, SCHEMA)
        sources = {"rows": Answers(tables), "model": SeedAnswers(model), "scan": SeedAnswers(scan)}
        asked = list(questions(tables, EXTENT, rng))
        outcome.questions = len(asked)
        with Asker(self._channel, log.end, differences) as asker:
            for (rpc, request), answer in zip(asked, asker.ask_all(asked), strict=True):
                wanted = {name: source.answer(rpc, request) for name, source in sources.items()}
                try:
                    found = answer.result()
                except grpc.RpcError as error:
                    differences.add(f"answer: {rpc}", f"{str(request).split()}: {error.code().name} {error.details()}")
                    continue
                for name, each in wanted.items():
                    compare_answers(rpc, request, each, found, differences, by=name)


@contextlib.asynccontextmanager
async def opened(bootstrap: str, database_url: str, name: str, binaries: Path, work_dir: Path) -> AsyncIterator[Bench]:
    """A bench whose store is not started yet."""
    bench = Bench(bootstrap, database_url, name)
    await bench.open(binaries, work_dir)
    try:
        yield bench
    finally:
        await bench.close()


def _chunks(events: Sequence[Event], rng: random.Random) -> Iterator[Sequence[Event]]:
    """Of up to so many: one, a few, all; a long history is not cut finely."""
    most = rng.choice((1, 5, 30, len(events)))
    most = max(most, len(events) // 60)
    at = 0
    while at < len(events):
        size = rng.randint(1, max(1, most))
        yield events[at : at + size]
        at += size


def _home_of(event: Event) -> int:
    return ids.partition_of(ids.record_key(BOT_ID, event.subject_id), PARTITIONS)


def _entry(event: Event, place: Place) -> Entry:
    assert event.occurred_at_ms is not None
    return Entry(
        event.kind,
        event.subject_id,
        event.occurred_at_ms,
        place.record_ms,
        place[:2],
        event.update_id,
        event.event_id,
        event.fields,
    )
