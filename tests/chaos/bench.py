"""What chaos happens to: servers behind proxies, the pair on them, and the faults that can be done to all of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import psycopg
from confluent_kafka import Producer

from deploy.local.process import children_of
from deploy.local.servers import Servers
from tests.chaos.schedule import Fault, Shape
from tests.e2e.poison import USER, poisons
from tests.support.oracle import DeadLetter, ids
from tests.support.pair import BOT_ID, Pair, PairPlan
from tests.support.processes import NotReady, Service
from tests.support.proxy import DOWN, UP, Proxy, Trap

DIRECTIONS = {"up": (UP,), "down": (DOWN,), "both": (UP, DOWN)}
COMMIT = (b"\0move_fence\0", b"\0commit\0")
END_S = 45.0  # SIGTERM to the end of a process, whatever is down
READY_S = 60.0
POISON_S = 10.0
Say = Callable[[str], None]


@contextlib.contextmanager
def behind_proxies(servers: Servers) -> Iterator[tuple[Proxy, Proxy]]:
    """Start the servers; every client of Kafka but for its first question goes through the first proxy."""
    servers.folder.mkdir(parents=True, exist_ok=True)
    servers.kafka.prepare(1)
    port = servers.kafka.state["nodes"][0]["port"]
    with Proxy(("127.0.0.1", port)) as kafka:
        properties = servers.kafka.home / "node1" / "server.properties"
        text = properties.read_text()
        advertised = f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}"
        assert advertised in text
        properties.write_text(
            text.replace(advertised, f"advertised.listeners=PLAINTEXT://127.0.0.1:{kafka.port}")
        )
        servers.start()
        with Proxy(("127.0.0.1", int(servers.postgres.state["port"]))) as postgres:
            yield kafka, postgres


class Bench:
    """One pair on hurt servers. What was done is told through `say`; what must not be is collected in `broken`."""

    def __init__(
        self, servers: Servers, proxies: tuple[Proxy, Proxy], pair: Pair, say: Say
    ) -> None:
        self.servers, self.pair, self._say = servers, pair, say
        self.kafka_net, self.postgres_net = proxies
        self.broken: list[str] = []
        self.notes: list[str] = []
        self.done: dict[str, int] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._down: set[str] = set()

    async def do(self, fault: Fault) -> None:
        """Wait for the fault's time, do it, heal it."""
        await asyncio.sleep(fault.at_s)
        async with self._locks.setdefault(fault.target, asyncio.Lock()):
            self._say(str(fault))
            try:
                happened = await self._acts(fault)(fault)
            except (
                Exception
            ) as error:  # a fault that meets another fault may fail; what counts is the verdict
                self.notes.append(f"{fault}: {type(error).__name__}: {str(error)[:200]}")
                return
            name = f"{re.sub(r'[0-9]', '', fault.target)} {fault.kind}"
            if happened is not False:
                self.done[name] = self.done.get(name, 0) + 1

    def _acts(self, fault: Fault) -> Callable[[Fault], Awaitable[bool | None]]:
        by_target = {
            "kafka": self._hurt_kafka,
            "postgres": self._hurt_postgres,
            "network.kafka": self._hurt_network,
            "network.postgres": self._hurt_network,
            "log": self._poison,
        }
        return by_target.get(fault.target, self._hurt_service)

    # ---- services ----

    def _service(self, target: str) -> Service:
        services = self.pair.gateways if target.startswith("gateway") else self.pair.stores
        return services[int(target[-1])]

    async def _hurt_service(self, fault: Fault) -> bool | None:
        service = self._service(fault.target)
        if not service.is_running:
            return False
        if fault.kind == "stop":
            service.signal(signal.SIGSTOP)
            await asyncio.sleep(fault.duration_s)
            if service.is_running:
                service.signal(signal.SIGCONT)
            return None
        self._down.add(service.name)
        try:
            return await self._end_service(service, fault)
        finally:
            self._down.discard(service.name)

    async def _end_service(self, service: Service, fault: Fault) -> bool | None:
        if fault.kind == "terminate":
            status = await service.stop(END_S)
            if status != 0:
                self.broken.append(f"{fault}: status {status} after SIGTERM\n{service.log_end()}")
        else:
            await service.kill()
        if fault.kind != "crash":
            await asyncio.sleep(fault.duration_s)
            await service.spawn()
            return None
        service.environment["TELEFACT_CRASH_AT"] = fault.detail
        try:
            await service.spawn()
        finally:
            del service.environment["TELEFACT_CRASH_AT"]
        with contextlib.suppress(TimeoutError):
            await service.wait(fault.duration_s)
        crashed = not service.is_running
        if not crashed:
            await service.kill()
        await service.spawn()
        return crashed

    async def supervise(self) -> None:
        """Start again what ended by itself, as a platform would; an end by a signal of its own is a bug."""
        while True:
            await asyncio.sleep(0.2)
            for service in self.pair.services:
                if service.is_running or service.name in self._down:
                    continue
                status = await service.wait(1)
                where = self.broken if status < 0 else self.notes
                where.append(
                    f"{service.name} ended by itself with status {status}\n{service.log_end()[-600:]}"
                )
                await service.spawn()

    # ---- servers ----

    async def _hurt_kafka(self, fault: Fault) -> None:
        if fault.kind == "stop":
            broker = self.servers.kafka.state["nodes"][0]["process"]["pid"]
            os.kill(broker, signal.SIGSTOP)
            await asyncio.sleep(fault.duration_s)
            os.kill(broker, signal.SIGCONT)
            return
        await asyncio.to_thread(
            self.servers.kill_kafka if fault.kind == "kill" else self.servers.stop_kafka
        )
        await asyncio.sleep(fault.duration_s)
        await asyncio.to_thread(self.servers.start_kafka)

    async def _hurt_postgres(self, fault: Fault) -> None:
        if fault.kind == "end sessions":
            await asyncio.to_thread(
                self._admin, f"SELECT pg_terminate_backend(pid) {self._sessions()}"
            )
        elif fault.kind == "lock":
            await self._lock(fault)
        elif fault.kind == "stop sessions":
            await self._stop_sessions(fault.duration_s)
        else:
            await asyncio.to_thread(
                self.servers.kill_postgres if fault.kind == "kill" else self.servers.stop_postgres
            )
            await asyncio.sleep(fault.duration_s)
            await asyncio.to_thread(self.servers.start_postgres)

    def _sessions(self) -> str:
        return f"FROM pg_stat_activity WHERE datname = 't_{self.pair.plan.name}' AND pid <> pg_backend_pid()"

    def _admin(self, sql: str) -> list[tuple[int]]:
        with psycopg.connect(self.servers.admin_dsn, autocommit=True) as connection:
            return connection.execute(sql).fetchall()  # type: ignore[arg-type]

    async def _lock(self, fault: Fault) -> None:
        url = self.pair.database_url

        def hold(over: threading.Event) -> None:
            with psycopg.connect(url) as connection:
                connection.execute("SET lock_timeout = '5s'")
                connection.execute(f"LOCK TABLE {fault.detail} IN ACCESS EXCLUSIVE MODE")  # type: ignore[arg-type]
                over.wait(fault.duration_s)

        await asyncio.to_thread(hold, threading.Event())

    async def _stop_sessions(self, seconds: float) -> None:
        server = self.servers.postgres.state["process"]
        children = {child["pid"] for child in await asyncio.to_thread(children_of, server)}
        pids = {
            row[0] for row in await asyncio.to_thread(self._admin, f"SELECT pid {self._sessions()}")
        } & children
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    # ---- networks ----

    async def _hurt_network(self, fault: Fault) -> bool | None:
        net = self.kafka_net if fault.target == "network.kafka" else self.postgres_net
        if fault.kind == "reset":
            return net.cut(reset=True) > 0
        trap = None
        if fault.kind == "delay":
            net.delay(float(fault.detail), jitter_s=float(fault.detail) / 2)
        elif fault.kind == "hold":
            net.blackhole(*DIRECTIONS[fault.detail])
        elif fault.kind == "refuse":
            net.refuse()
            net.cut()
        else:
            direction, byte = fault.detail.split()
            trap = net.arm(Trap(DIRECTIONS[direction][0], int(byte), "reset", markers=COMMIT))
        await asyncio.sleep(fault.duration_s)
        net.heal()
        net.accept()
        return trap is None or trap.fired.is_set()

    # ---- the log ----

    def _poisons(self) -> list[tuple[str, bytes, bytes]]:
        count = self.pair.plan.partitions
        return [poison for poison in poisons() if poison[0] != "wrong_partition" or count == 4]

    async def _poison(self, fault: Fault) -> None:
        partition = ids.partition_of(ids.record_key(BOT_ID, USER), self.pair.plan.partitions)
        producer = Producer(
            {
                "bootstrap.servers": self.pair.bootstrap,
                "message.timeout.ms": int(POISON_S * 1000),
                "log_level": 2,
            }
        )
        for _, key, value in self._poisons():
            producer.produce(self.pair.events_topic, value, key, partition)
        await asyncio.to_thread(producer.flush, POISON_S + 1)

    def dead_letters(self) -> list[DeadLetter]:
        """Every poison that reached the log, as often as it did."""
        causes = {(key, value): cause for cause, key, value in poisons()}
        return [
            DeadLetter(
                record.place.partition,
                record.place.offset,
                causes[record.key, record.value],
                record.key,
                record.value,
            )
            for record in self.pair.read_log().records
            if (record.key, record.value) in causes
        ]

    async def heal(self) -> None:
        """Everything runs again; a service that does not become ready is a bug."""
        for net in (self.kafka_net, self.postgres_net):
            net.heal()
            net.accept()
        await asyncio.to_thread(self.servers.start)
        for service in self.pair.services:
            try:
                await service.wait_ready(READY_S)
            except NotReady as error:
                self.broken.append(str(error))


def plan_of(
    servers: Servers,
    proxies: tuple[Proxy, Proxy],
    binaries: Path,
    work_dir: Path,
    shape: Shape,
    seed: int,
    name: str,
) -> PairPlan:
    """A pair of this shape whose stores reach PostgreSQL through the proxy."""
    url = servers.postgres.url(f"t_{name}").replace(
        f":{servers.postgres.state['port']}/", f":{proxies[1].port}/"
    )
    return PairPlan(
        servers,
        binaries,
        work_dir,
        name,
        gateways=shape.gateways,
        stores=shape.stores,
        partitions=shape.partitions,
        seed=seed,
        gateway_settings={"GATEWAY_DELIVERY_TIMEOUT_MS": "4000"},
        store_settings={
            "STORE_DATABASE_URL": url,
            "STORE_KAFKA_SESSION_TIMEOUT_MS": "6000",
            "STORE_KAFKA_HEARTBEAT_INTERVAL_MS": "1000",
            "STORE_LOCK_TIMEOUT_MS": "1000",
            "STORE_ZOMBIE_AFTER_MS": "3000",
            "STORE_DEAD_LETTERS_PER_1000": "1000",
        },
    )


@contextlib.asynccontextmanager
async def bench_of(
    servers: Servers, proxies: tuple[Proxy, Proxy], plan: PairPlan, say: Say
) -> AsyncIterator[Bench]:
    """The pair runs inside."""
    async with Pair(plan) as pair:
        yield Bench(servers, proxies, pair, say)
