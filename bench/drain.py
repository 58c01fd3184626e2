"""How fast does the store empty a filled topic, beside a bare COPY and a good Python consumer?

    ./dev bench drain [--events 2000000] [--runs 3] [--only store|copy|python]

The topic (8 partitions, VideoDownloaded of about 110 bytes, skewed users, zstd) is filled once. The contenders run one
at a time, in shuffled order, each into a database of its own with the store's own tables:

  copy    libpq, binary COPY of the same facts from memory, unique event id, no other index, nothing else
  python  confluent-kafka + protobuf + asyncpg COPY, the same indexes, per-user counters, offsets in the same transaction
  store   telefact-store with everything it keeps: fence, facts, users with counters, all statistics, fingerprints

Figures: events per CPU-second of contender and PostgreSQL (the ratio that is judged), wall rate, WAL bytes per event,
peak RSS. A contender whose tables are not exactly the log's content has no figure: the bench fails.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import psycopg

from bench.drain_topic import BOT_ID, fill
from bench.measure import (
    POSTGRES_SETTINGS, RELEASE, ROOT, WORK, Expectation, cpu_of_postgres, peak_rss_mib, progress, spread, start_servers, table,
    verdict,
)

TOPIC_PREFIX = "bench"
TOPIC = f"{TOPIC_PREFIX}.events.v1"
FACTS = WORK / "facts.bin"
COPY_BATCH = 100_000
FACTS_SQL = """
SELECT count(*), coalesce(sum(pk_id), 0), coalesce(sum(user_id), 0), coalesce(sum(downloaded_at), 0),
       count(DISTINCT user_id) FROM g1.videos
"""
LIMIT_S = 600
CONTENDERS = ("copy", "python", "store")


@dataclass
class Figure:
    wall_s: float
    own_cpu_s: float
    postgres_cpu_s: float
    wal_bytes: int
    rss_mib: float

    @property
    def cpu_s(self) -> float:
        return self.own_cpu_s + self.postgres_cpu_s


class Bench:
    """Servers, and a filled topic that contenders drain; bench.costs drains another one."""

    settings: dict[str, str] = {}
    """Of PostgreSQL, beside POSTGRES_SETTINGS."""

    def __init__(self, events: int, seed: int) -> None:
        self.servers = start_servers(settings=self.settings)
        self.databases = 0
        progress(f"filling the topic with {events:,} events")
        WORK.mkdir(parents=True, exist_ok=True)
        self.log: Any = self.fill(events, seed)

    def fill(self, events: int, seed: int) -> Any:
        """What was written, for check(); `events` of it is how many."""
        return fill(self.servers.kafka_bootstrap, TOPIC, events, seed, FACTS)

    def close(self) -> None:
        self.servers.stop()
        FACTS.unlink(missing_ok=True)

    def store_environment(self, url: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"], "STORE_BOT_ID": str(BOT_ID), "STORE_DATABASE_URL": url,
            "STORE_KAFKA_BOOTSTRAP_SERVERS": self.servers.kafka_bootstrap, "STORE_TOPIC_PREFIX": TOPIC_PREFIX,
            "STORE_ROLES": "ingest", "STORE_ADMIN_LISTEN": "127.0.0.1:0",
            "STORE_KAFKA_GROUP_ID": f"bench-{self.databases}", "STORE_LOG_LEVEL": "warn",
        }

    def fresh_database(self) -> str:
        self.databases += 1
        url = self.servers.create_database(f"drain{self.databases}")
        subprocess.run([RELEASE / "bin" / "telefact-store", "migrate"], env=self.store_environment(url), check=True)
        return url

    def prepare(self, contender: str, url: str) -> None:
        """For the bare COPY the unique event id is the only index."""
        if contender != "copy":
            return
        with psycopg.connect(url, autocommit=True) as database:
            found = database.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'g1.videos'::regclass"
                                     " AND NOT indisunique").fetchall()
            for (index,) in found:
                database.execute(f"DROP INDEX {index}")  # type: ignore[arg-type]

    def run(self, contender: str) -> Figure:
        """One contender from its start until the last event is committed; its tables are checked."""
        url = self.fresh_database()
        self.prepare(contender, url)
        arguments, environment = self.command(contender, url)
        with psycopg.connect(url, autocommit=True) as database:
            with psycopg.connect(self.servers.admin_dsn, autocommit=True) as admin:
                admin.execute("CHECKPOINT")  # what earlier runs left to write is not this one's
            wal = wal_position(database)
            postgres_cpu = cpu_of_postgres(self.servers.admin_dsn)
            begin = time.monotonic()
            process = subprocess.Popen(arguments, env=environment, cwd=ROOT)
            wall, rss = self.wait(contender, process.pid, database, begin)
            if contender == "store":
                process.send_signal(signal.SIGTERM)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode != 0:
                raise RuntimeError(f"{contender} ended with {process.returncode}")
            postgres_cpu = cpu_of_postgres(self.servers.admin_dsn) - postgres_cpu
            figure = Figure(wall, usage.ru_utime + usage.ru_stime, postgres_cpu, wal_position(database) - wal, rss)
            progress(f"{contender}: own CPU {figure.own_cpu_s:.1f} s of {figure.cpu_s:.1f} s")
            self.check(contender, database)
        self.drop(url)
        return figure

    def command(self, contender: str, url: str) -> tuple[list[str], dict[str, str]]:
        if contender == "store":
            return [str(RELEASE / "bin" / "telefact-store"), "run"], self.store_environment(url)
        environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
        if contender == "copy":
            program = RELEASE / "bin" / "bench_copy_facts"
            return [str(program), url, str(self.log.file), str(COPY_BATCH)], environment
        return [sys.executable, "-m", "bench.peers.python_drain", self.servers.kafka_bootstrap, self.log.topic, url,
                str(self.log.events)], environment

    def wait(self, contender: str, pid: int, database: psycopg.Connection, begin: float) -> tuple[float, float]:
        """Seconds until the store has applied everything, or the peer has ended; and its peak RSS. (What wait4 says
        of that includes this program's own, from between fork and exec.)"""
        rss = 0.0
        while time.monotonic() - begin < LIMIT_S:
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                return time.monotonic() - begin, rss
            rss = max(rss, peak_rss_mib(pid))
            if contender == "store":
                row = database.execute("SELECT coalesce(sum(next_offset), 0) FROM g1.fence").fetchone()
                if row[0] >= self.log.events:
                    return time.monotonic() - begin, rss
            time.sleep(0.02)
        raise RuntimeError(f"{contender} did not finish within {LIMIT_S} s")

    def check(self, contender: str, database: psycopg.Connection) -> None:
        """The tables hold the log's content exactly, or the run has no figure."""
        log = self.log
        self.equal(contender, "facts", database.execute(FACTS_SQL).fetchone(),
                   (log.events, log.pk_sum, log.user_sum, log.time_sum, log.users))
        users = {"copy": None, "python": "peer_users", "store": "g1.users"}[contender]
        if users is not None:
            counts = f"SELECT count(*), sum(videos), sum(images) FROM {users}"
            truth = "SELECT count(DISTINCT user_id), count(*), count(*) FILTER (WHERE is_images) FROM g1.videos"
            self.equal(contender, "counters", database.execute(counts).fetchone(), database.execute(truth).fetchone())
        if contender == "store":
            totals = "SELECT sum(videos), sum(images), sum(video_users) FROM g1.totals"
            truth = "SELECT count(*), count(*) FILTER (WHERE is_images), count(DISTINCT user_id) FROM g1.videos"
            self.equal(contender, "totals", database.execute(totals).fetchone(), database.execute(truth).fetchone())

    @staticmethod
    def equal(contender: str, what: str, found: tuple, wanted: tuple) -> None:
        if found != wanted:
            raise RuntimeError(f"{contender}: wrong {what}: {found}, the log says {wanted}")

    def drop(self, url: str) -> None:
        with psycopg.connect(self.servers.admin_dsn, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")


def wal_position(database: psycopg.Connection) -> int:
    return int(database.execute("SELECT pg_current_wal_lsn() - '0/0'").fetchone()[0])


def report(events: int, figures: dict[str, list[Figure]]) -> int:
    def each(contender: str, of) -> list[float]:
        return [of(figure) for figure in figures[contender]]

    rows = [[contender, spread(each(contender, lambda f: events / f.cpu_s)),
             spread(each(contender, lambda f: events / f.wall_s)),
             spread(each(contender, lambda f: f.wal_bytes / events)), spread(each(contender, lambda f: f.rss_mib))]
            for contender in figures]
    table(["contender", "events per CPU-second", "events per second", "WAL bytes per event", "peak RSS MiB"], rows)
    if set(figures) != set(CONTENDERS):
        return 0
    rate = {c: statistics.median(each(c, lambda f: events / f.cpu_s)) for c in figures}
    return verdict([
        Expectation("store / bare COPY, events per CPU-second", rate["store"] / rate["copy"], at_least=0.25),
        Expectation("store / Python, events per CPU-second", rate["store"] / rate["python"], at_least=1.5),
        Expectation("store's peak RSS in MiB", max(f.rss_mib for f in figures["store"]), at_most=96),
    ])


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench drain", description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=CONTENDERS)
    options = parser.parse_args()
    bench = Bench(options.events, options.seed)
    figures: dict[str, list[Figure]] = {}
    try:
        print(f"{options.events:,} events, {bench.log.bytes_per_event:.0f} bytes each, {bench.log.users:,} chats; "
              f"PostgreSQL: {', '.join(f'{k}={v}' for k, v in POSTGRES_SETTINGS.items())}")
        order = list(CONTENDERS if options.only is None else [options.only]) * options.runs
        random.Random(options.seed).shuffle(order)
        for contender in order:
            figure = bench.run(contender)
            figures.setdefault(contender, []).append(figure)
            progress(f"{contender}: {options.events / figure.cpu_s:,.0f} events per CPU-second, "
                     f"{options.events / figure.wall_s:,.0f} per second")
    finally:
        bench.close()
    return report(options.events, figures)


if __name__ == "__main__":
    sys.exit(main())
