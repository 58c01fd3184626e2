"""The pair under test: gateways and stores with their own topics and database on shared servers.

async with Pair(PairPlan(servers, binaries, work_dir, "name")) as pair:
    ...
    assert await pair.wait_applied(30)
    verdict = await pair.judge(telegram.ledger.entries, bot.log.records)
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import Consumer, KafkaException, TopicPartition

from deploy.local.servers import Servers
from tests.support.canary import BOT_ID, SECRET, TOKEN
from tests.support.oracle import DeadLetter, Sources, Stopped, Verdict, compare
from tests.support.oracle.log import TopicLog, read_topic
from tests.support.processes import Service, free_port, run_command

HOOK = "/hook"
_POLL_S = 0.05
_CREATE_TRIES = 5


@dataclass(slots=True)
class PairPlan:
    """What a pair is made of. `name` becomes part of the topics' and the database's names.

    `on_spawn` is called with the id of each process that is started; `ready_s` is the time they have at first.
    """

    servers: Servers
    binaries: Path
    work_dir: Path
    name: str
    gateways: int = 2
    stores: int = 1
    partitions: int = 4
    gateway_settings: Mapping[str, str] = field(default_factory=dict)
    store_settings: Mapping[str, str] = field(default_factory=dict)
    answer_sample: int = 30
    seed: int = 1
    on_spawn: Callable[[int], None] | None = None
    ready_s: float = 15.0


class Pair:
    """Use it as an async context manager: topics, database and processes are there inside."""

    def __init__(self, plan: PairPlan) -> None:
        self.plan = plan
        self.prefix = f"t.{plan.name}"
        self.events_topic = f"{self.prefix}.events.v1"
        self.raw_topic = f"{self.prefix}.raw.v1"
        self.database_url = ""
        self.gateways: list[Service] = []
        self.stores: list[Service] = []
        self.webhooks: list[str] = []
        self.publish_targets: list[str] = []
        self.store_rpcs: list[str] = []
        self.bootstrap = plan.servers.kafka_bootstrap
        self._numbers = itertools.count(max(plan.gateways, plan.stores))

    async def __aenter__(self) -> Pair:
        plan = self.plan
        self.database_url = await asyncio.to_thread(plan.servers.create_database, f"t_{plan.name}")
        for number in range(plan.gateways):
            self.gateways.append(self._make_gateway(number))
        for number in range(plan.stores):
            self.stores.append(self._make_store(number))
        await asyncio.gather(
            self._create_topics(),
            run_command(plan.binaries / "telefact-store", ["migrate"], self.store.environment),
        )
        try:
            await asyncio.gather(*(service.start(plan.ready_s) for service in self.services))
        except BaseException:
            await self._end()
            raise
        return self

    async def _create_topics(self) -> None:
        """A broker that has only just started may be too busy to answer the first call in time."""
        binary, environment = self.plan.binaries / "telefact-gateway", self.gateways[0].environment
        for _ in range(_CREATE_TRIES - 1):
            with contextlib.suppress(RuntimeError):
                await run_command(binary, ["topics", "create"], environment)
                return
        await run_command(binary, ["topics", "create"], environment)

    async def __aexit__(self, *exc: object) -> None:
        await self._end()

    @property
    def services(self) -> list[Service]:
        """All processes."""
        return [*self.gateways, *self.stores]

    @property
    def store(self) -> Service:
        """The first store."""
        return self.stores[0]

    @property
    def store_rpc(self) -> str:
        """Where the first store answers."""
        return self.store_rpcs[0]

    async def _end(self) -> None:
        running = [service for service in self.services if service.is_running]
        await asyncio.gather(*(service.look_at_metrics() for service in running))
        await asyncio.gather(*(service.kill() for service in running if service.is_running))

    def add_gateway(self) -> Service:
        """One more, with addresses of its own; not started."""
        service = self._make_gateway(next(self._numbers))
        self.gateways.append(service)
        return service

    def add_store(self, **settings: str) -> Service:
        """One more, with other settings than the plan's; not started."""
        service = self._make_store(next(self._numbers))
        service.environment.update(settings)
        self.stores.append(service)
        return service

    def remove(self, service: Service) -> None:
        """It is none of the pair's any more; it has ended."""
        (self.gateways if service in self.gateways else self.stores).remove(service)

    def _make_gateway(self, number: int) -> Service:
        hook, rpc, admin = (f"127.0.0.1:{free_port()}" for _ in range(3))
        self.webhooks.append(f"http://{hook}{HOOK}")
        self.publish_targets.append(rpc)
        environment = {
            "GATEWAY_BOT_TOKEN": TOKEN,
            "GATEWAY_WEBHOOK_CHECK_S": "0",  # no Bot API stands behind most pairs
            "GATEWAY_MODE": "webhook",
            "GATEWAY_ROLES": "ingest,publish",
            "GATEWAY_WEBHOOK_LISTEN": hook,
            "GATEWAY_WEBHOOK_PATH": HOOK,
            "GATEWAY_WEBHOOK_SECRET": SECRET,
            "GATEWAY_RPC_LISTEN": rpc,
            "GATEWAY_ADMIN_LISTEN": admin,
            "GATEWAY_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "GATEWAY_TOPIC_PREFIX": self.prefix,
            "GATEWAY_TOPIC_PARTITIONS": str(self.plan.partitions),
            "GATEWAY_TOPIC_REPLICATION_FACTOR": "1",
            **self.plan.gateway_settings,
        }
        return self._service(f"gateway{number}", "telefact-gateway", environment, admin)

    def _make_store(self, number: int) -> Service:
        rpc, admin = (f"127.0.0.1:{free_port()}" for _ in range(2))
        self.store_rpcs.append(rpc)
        environment = {
            "STORE_BOT_ID": str(BOT_ID),
            "STORE_DATABASE_URL": self.database_url,
            "STORE_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "STORE_KAFKA_GROUP_ID": f"{self.prefix}.store",
            "STORE_TOPIC_PREFIX": self.prefix,
            "STORE_RPC_LISTEN": rpc,
            "STORE_ADMIN_LISTEN": admin,
            **self.plan.store_settings,
        }
        name = "store" if number == 0 else f"store{number}"
        return self._service(name, "telefact-store", environment, admin)

    def _service(self, name: str, binary: str, environment: Mapping[str, str], admin: str) -> Service:
        service = Service(name, self.plan.binaries / binary, environment, admin, self.plan.work_dir)
        service.on_spawn = self.plan.on_spawn
        return service

    async def wait_applied(self, deadline_s: float) -> bool:
        """Wait until the fences stand at the log's end; False when the deadline passes first.

        Servers that cannot be asked now, just after they were hurt, are asked again.
        """
        deadline = time.monotonic() + deadline_s
        while time.monotonic() < deadline:
            with contextlib.suppress(RuntimeError, psycopg.OperationalError):
                if await asyncio.to_thread(self.lag) == 0:
                    return True
            await asyncio.sleep(_POLL_S)
        return False

    def lag(self) -> int:
        """Records of the events topic that are not applied; blocks."""
        return sum(self.log_end().values()) - sum(self.fences().values())

    def log_end(self) -> dict[int, int]:
        """Where the next record of each partition of the events topic will stand; blocks."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "telefact-watch", "log_level": 2})
        try:
            return {
                partition: consumer.get_watermark_offsets(TopicPartition(self.events_topic, partition), timeout=10)[1]
                for partition in range(self.plan.partitions)
            }
        except KafkaException as error:
            raise RuntimeError(f"watermarks of {self.events_topic}: {error}") from error
        finally:
            consumer.close()

    def fences(self) -> dict[int, int]:
        """The next offset to apply of each partition; blocks."""
        with psycopg.connect(self.database_url) as connection:
            rows = connection.execute("SELECT partition, next_offset FROM g1.fence").fetchall()
        return dict(rows)

    def sources(self) -> Sources:
        """Where the oracle looks."""
        return Sources(
            bot_id=BOT_ID,
            bootstrap=self.bootstrap,
            events_topic=self.events_topic,
            raw_topic=self.raw_topic,
            database_url=self.database_url,
            rpc=self.store_rpc,
            answer_sample=self.plan.answer_sample,
            seed=self.plan.seed,
        )

    def read_log(self) -> TopicLog:
        """The whole events topic as it is now; blocks."""
        return read_topic(self.bootstrap, self.events_topic)

    async def judge(
        self,
        updates: Iterable[Any],
        publishes: Iterable[Any] = (),
        dead_letters: Sequence[DeadLetter] = (),
        stopped: Stopped | None = None,
    ) -> Verdict:
        """The oracle's verdict on what happened here, at a time when all processes run."""
        verdict = await asyncio.to_thread(compare, self.sources(), updates, publishes, dead_letters, stopped)
        for service in self.services:
            if not service.is_running:
                verdict.differences.add("process", f"{service.name} has ended\n{service.log_end()}")
        return verdict
