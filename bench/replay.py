"""How fast is a rebuild, and what do readers and live ingest feel of it?

    ./dev bench replay [--events 5000000] [--upserts 200000]

The topic of the drain bench is filled once. In this order, each checked:

  drain    telefact-store empties the topic into an empty database, as live
  rebuild  telefact-store replay beside that store: from its beginning until all indexes are there; then the comparison
           of every table
  count    a bare librdkafka consumer that counts the same records
  upserts  TRUNCATE, an upsert a row, a GROUP BY at the end (so many events only; it is compared by rate)

Meanwhile events go on coming at 200 a second: how long each takes from its acknowledgement to the live tables, before
and during the bulk. At the end readers ask without a pause while the readers go over: their times in the second before
and in the second of the swap, and how long no event was applied to either.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field

import grpc
import psycopg
from confluent_kafka import Producer

from bench.drain_topic import BOT_ID, PARTITIONS, Filled, fill
from bench.measure import (
    POSTGRES_SETTINGS, RELEASE, ROOT, WORK, Expectation, cpu_of_postgres, progress, start_servers, table, verdict,
)
from deploy.local.process import free_ports
from tests.integration.store_log import key_of, video
from tests.support.protos import read_grpc, read_pb2

TOPIC_PREFIX = "bench"
LIVE_RATE = 200
READERS = 16
LIMIT_S = 3600


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@dataclass
class Cost:
    wall_s: float
    cpu_s: float
    events: int

    @property
    def rate(self) -> float:
        return self.events / self.wall_s


@dataclass
class Freshness:
    """Events a second into the live log, and when the live tables have each."""

    bootstrap: str
    topic: str
    url: str
    phase: str = "before"
    times_s: dict[str, list[float]] = field(default_factory=dict)
    longest_gap_s: float = 0.0
    sent: int = 0
    is_over: bool = False

    async def run(self) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap, "acks": "all", "linger.ms": 0,
                             "partitioner": "murmur2_random", "enable.idempotence": True})
        with psycopg.connect(self.url, autocommit=True) as database:
            while not self.is_over:
                await asyncio.to_thread(self._one, producer, database)

    def _one(self, producer: Producer, database: psycopg.Connection) -> None:
        """A few events to one place, and the time until the fence is behind the last of them."""
        places: list[tuple[int, int]] = []
        for _ in range(LIVE_RATE // 20):
            self.sent += 1
            event = video(20_000_000 + self.sent % 7, f"fresh{self.sent}")
            event.bot_id = BOT_ID
            producer.produce(self.topic, event.SerializeToString(), key_of(event),
                             on_delivery=lambda error, message: places.append((message.partition(), message.offset())))
        producer.flush(30)
        began = time.monotonic()
        wanted = dict(sorted(places))
        while True:
            active = database.execute("SELECT generation FROM telefact.active").fetchone()[0]
            fences = dict(database.execute(f"SELECT partition, next_offset FROM g{active}.fence").fetchall())
            if all(fences.get(partition, 0) > offset for partition, offset in wanted.items()):
                break
            time.sleep(0.002)
        took = time.monotonic() - began
        self.times_s.setdefault(self.phase, []).append(took)
        if self.phase == "swap":
            self.longest_gap_s = max(self.longest_gap_s, took)
        time.sleep(max(0.0, 0.05 - took))


class Bench:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.servers = start_servers()
        progress(f"filling the topic with {options.events:,} events")
        WORK.mkdir(parents=True, exist_ok=True)
        self.log: Filled = fill(self.servers.kafka_bootstrap, f"{TOPIC_PREFIX}.events.v1", options.events, 1,
                                WORK / "facts.bin")
        self.url = self.servers.create_database("replay")
        self.rpc, self.admin = free_ports(2)

    def close(self) -> None:
        self.servers.stop()
        self.log.file.unlink(missing_ok=True)

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"], "STORE_BOT_ID": str(BOT_ID), "STORE_DATABASE_URL": self.url,
            "STORE_KAFKA_BOOTSTRAP_SERVERS": self.servers.kafka_bootstrap, "STORE_TOPIC_PREFIX": TOPIC_PREFIX,
            "STORE_MIGRATE_ON_START": "true", "STORE_LOG_LEVEL": "warn", "STORE_RPC_LISTEN": f"127.0.0.1:{self.rpc}",
            "STORE_ADMIN_LISTEN": f"127.0.0.1:{self.admin}",
        } | more

    def spawn(self, *words: str, **how: object) -> subprocess.Popen[str]:
        return subprocess.Popen([RELEASE / "bin" / "telefact-store", *words], env=self.environment(), cwd=ROOT, text=True,
                                **how)  # type: ignore[call-overload]

    def cpu_of(self, process: subprocess.Popen[str]) -> float:
        from bench.measure import cpu_of

        return cpu_of(process.pid)

    def drain(self) -> tuple[Cost, subprocess.Popen[str]]:
        """As live, into an empty database; the store goes on."""
        before = cpu_of_postgres(self.servers.admin_dsn)
        began = time.monotonic()
        store = self.spawn("run")
        self.await_applied(1, self.log.events)
        wall = time.monotonic() - began
        return Cost(wall, self.cpu_of(store) + cpu_of_postgres(self.servers.admin_dsn) - before, self.log.events), store

    def await_applied(self, generation: int, events: int) -> None:
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            try:
                with psycopg.connect(self.url, autocommit=True) as database:
                    while True:
                        row = database.execute(f"SELECT coalesce(sum(next_offset), 0) FROM g{generation}.fence").fetchone()
                        if row[0] >= events:
                            return
                        time.sleep(0.02)
            except psycopg.Error:
                time.sleep(0.05)
        raise RuntimeError("not applied in time")

    async def rebuild(self, freshness: Freshness) -> tuple[Cost, float, subprocess.Popen[str]]:
        """From its beginning until its indexes are there, and the seconds of the comparison; it is then ready."""
        freshness.phase = "during"
        before = cpu_of_postgres(self.servers.admin_dsn)
        began = time.monotonic()
        worker = self.spawn("replay", "start", "--json", "--grace-hours", "1", stdout=subprocess.PIPE)
        times: dict[str, float] = {}
        cpu = 0.0
        assert worker.stdout is not None
        while "ready" not in times:
            line = await asyncio.to_thread(worker.stdout.readline)
            if not line:
                raise RuntimeError("the rebuild ended")
            state = json.loads(line)
            if "table" in state:
                if not state["equal"]:
                    raise RuntimeError(f"the rebuild differs: {state}")
                continue
            if state["state"] == "failed":
                raise RuntimeError(f"the rebuild differs: {state}")
            times.setdefault(state["state"], time.monotonic())
            if state["state"] == "catching_up" and cpu == 0.0:
                cpu = self.cpu_of(worker) + cpu_of_postgres(self.servers.admin_dsn) - before
                freshness.phase = "after"
        verifying_s = times["ready"] - times.get("verifying", times["ready"])
        return Cost(times["catching_up"] - began, cpu, self.log.events), verifying_s, worker

    async def swap(self, freshness: Freshness) -> tuple[list[float], list[float]]:
        """Times of reads in the second before, and in the second of the swap."""
        calls: list[tuple[float, float]] = []
        over = asyncio.Event()

        async def read(stub: read_grpc.ReadServiceStub) -> None:
            while not over.is_set():
                began = time.monotonic()
                await stub.GetUserStats(read_pb2.GetUserStatsRequest(user_id=10_000_001), timeout=30)
                calls.append((began, time.monotonic() - began))

        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.rpc}") as channel:
            readers = [asyncio.create_task(read(read_grpc.ReadServiceStub(channel))) for _ in range(READERS)]
            await asyncio.sleep(3)
            freshness.phase = "swap"
            began = time.monotonic()
            process = await asyncio.to_thread(self.spawn, "replay", "swap", stdout=subprocess.DEVNULL)
            status = await asyncio.to_thread(process.wait)
            swapped = time.monotonic()
            await asyncio.sleep(2)
            over.set()
            await asyncio.gather(*readers)
        if status != 0:
            raise RuntimeError("the swap failed")
        return ([took for at, took in calls if began - 1 <= at < began],
                [took for at, took in calls if swapped - 0.5 <= at < swapped + 0.5])

    def count(self) -> Cost:
        began = time.monotonic()
        answer = subprocess.run(
            [RELEASE / "bin" / "bench_count_records", self.servers.kafka_bootstrap, self.log.topic, str(PARTITIONS),
             str(self.log.events)], check=True, capture_output=True, text=True).stdout
        if int(answer.split()[0]) < self.log.events:
            raise RuntimeError(f"counted {answer}")
        return Cost(time.monotonic() - began, 0.0, self.log.events)

    def upserts(self, events: int) -> Cost:
        url = self.servers.create_database("upserts")
        subprocess.run([RELEASE / "bin" / "telefact-store", "migrate"],
                       env=self.environment(STORE_DATABASE_URL=url), check=True)
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "bench.peers.upserts", self.servers.kafka_bootstrap, self.log.topic, url,
                        str(events)], check=True, cwd=ROOT)
        cost = Cost(time.monotonic() - began, 0.0, events)
        with psycopg.connect(url) as database:
            if database.execute("SELECT count(*) FROM g1.videos").fetchone() != (events,):
                raise RuntimeError("upserts: wrong facts")
        return cost

    async def run(self) -> int:
        progress("drain")
        drain, store = await asyncio.to_thread(self.drain)
        freshness = Freshness(self.servers.kafka_bootstrap, self.log.topic, self.url)
        fresh = asyncio.create_task(freshness.run())
        await asyncio.sleep(10)
        progress("rebuild")
        rebuild, verifying_s, worker = await self.rebuild(freshness)
        before, during = await self.swap(freshness)
        await asyncio.sleep(1)
        freshness.is_over = True
        await fresh
        for process in (worker, store):
            process.terminate()
            if await asyncio.to_thread(process.wait) != 0:
                raise RuntimeError("a store did not end well")
        progress("count, upserts")
        count = await asyncio.to_thread(self.count)
        upserts = await asyncio.to_thread(self.upserts, self.options.upserts)
        return self.report(drain, rebuild, verifying_s, count, upserts, freshness, before, during)

    def report(self, drain: Cost, rebuild: Cost, verifying_s: float, count: Cost, upserts: Cost, freshness: Freshness,
               before: list[float], during: list[float]) -> int:
        rows = [[name, f"{cost.rate:,.0f}", f"{cost.wall_s:.1f}", f"{cost.events / cost.cpu_s:,.0f}" if cost.cpu_s else "-"]
                for name, cost in (("drain", drain), ("rebuild", rebuild), ("count", count), ("upserts", upserts))]
        table(["what", "events per second", "seconds", "events per CPU-second"], rows)
        times = freshness.times_s
        print(f"\ncomparison of all tables: {verifying_s:.1f} s; the rebuild has {rebuild.rate / count.rate:.0%} of the rate "
              f"of counting\nlive freshness (p50 / p99, ms): before {_ms(times['before'])}, during the bulk "
              f"{_ms(times['during'])}\nreads (p50 / p99, ms): second before the swap {_ms(before)}, second of the swap "
              f"{_ms(during)}")
        return verdict([
            Expectation("rebuild / live drain, events per second", rebuild.rate / drain.rate, at_least=1.3),
            Expectation("rebuild / upserts, events per second", rebuild.rate / upserts.rate, at_least=10),
            Expectation("p99 of reads, second of the swap / second before", percentile(during, 0.99) / percentile(before, 0.99),
                        at_most=2),
            Expectation("live freshness p50, during / before",
                        statistics.median(times["during"]) / statistics.median(times["before"]), at_most=3),
            Expectation("longest standstill of ingest around the swap, s", freshness.longest_gap_s, at_most=1),
        ])


def _ms(values: list[float]) -> str:
    return f"{statistics.median(values) * 1000:.1f} / {percentile(values, 0.99) * 1000:.1f}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench replay", description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--upserts", type=int, default=200_000)
    options = parser.parse_args()
    bench = Bench(options)
    try:
        print(f"{options.events:,} events, {bench.log.bytes_per_event:.0f} bytes each, {bench.log.users:,} chats; "
              f"PostgreSQL: {', '.join(f'{k}={v}' for k, v in POSTGRES_SETTINGS.items())}")
        return asyncio.run(bench.run())
    finally:
        bench.close()


if __name__ == "__main__":
    sys.exit(main())
