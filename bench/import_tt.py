"""What does it cost to bring an old TT-Bot database along, and are its answers the same afterwards?

    ./dev bench import_tt [--rows 1000000] [--json FILE]

A database of that many users, videos and sounds, always the same ones, with what is odd in old ones: the rows of
tests/support/tt_database.py, and one in a hundred without a chat of its own or without a time. It is copied the
plainest way, as the measure: SELECT into COPY, table by table, into bare tables of the new database. Then it is
imported: killed by SIGKILL on the way, run to its end, and run once more, which must double nothing. A store applies
all of the log, and every function of TT-Bot is compared with the RPC that stands for it, for a sample of chats and
everything that is global. A run whose answers differ has no figures and fails.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import grpc
import psycopg
from confluent_kafka import Consumer, TopicPartition

from bench.drain_topic import BOT_ID
from bench.measure import RELEASE, WORK, Expectation, cpu_of, cpu_of_postgres, peak_rss_mib, progress, start_servers, table, verdict
from bench.tt_bot import ADVISED_INDEXES
from tests.support import tt_database
from tests.support.processes import free_port
from tests.support.protos import read_grpc

PREFIX = "bench-import"
ROWS_OF_VIDEO = 1.3  # a tenth of a user, a fifth of a sound
SAMPLE = 200  # chats whose own answers are compared
LIMIT_S = 3_600
AGED = (  # what years leave behind, one row in a hundred: chats without a row of their own, times that nobody wrote down
    "DELETE FROM tt_bot.users WHERE user_id % 100 = 7 AND user_id BETWEEN 10000000 AND 99999999",
    "UPDATE tt_bot.users SET registered_at = NULL WHERE user_id % 100 = 11 AND user_id BETWEEN 10000000 AND 99999999",
    "UPDATE tt_bot.videos SET downloaded_at = NULL WHERE pk_id % 100 = 13 AND pk_id < 9000000",
    "UPDATE tt_bot.music SET downloaded_at = NULL WHERE pk_id % 100 = 17 AND pk_id < 9000000",
)
COUNTS = "SELECT (SELECT count(*) FROM {0}.videos), (SELECT count(*) FROM {0}.music)"
USERS = "SELECT user_id, registered_at, lang, link, file_mode, ad_count, ad_cooldown FROM {}.users {} ORDER BY 1"


@dataclass
class Run:
    name: str
    rows: int
    wall_s: float
    cpu_s: float
    """Of the program and of PostgreSQL."""
    rss_mib: float


class Watch:
    """Seconds and CPU-seconds since it was made."""

    def __init__(self, admin_dsn: str) -> None:
        self._admin_dsn = admin_dsn
        self._postgres, self._begin = cpu_of_postgres(admin_dsn), time.monotonic()

    def run(self, name: str, rows: int, own_cpu_s: float, rss_mib: float) -> Run:
        wall = time.monotonic() - self._begin
        return Run(name, rows, wall, own_cpu_s + cpu_of_postgres(self._admin_dsn) - self._postgres, rss_mib)


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as database:
        yield database


class Bench:
    """The servers, the old database and ours."""

    def __init__(self, servers: Any, rows: int) -> None:
        self.servers = servers
        self.old, self.url, self.port = servers.create_database("old"), servers.create_database("new"), free_port()
        self.environment = {
            "PATH": os.environ["PATH"], "STORE_BOT_ID": str(BOT_ID), "STORE_DATABASE_URL": self.url,
            "STORE_KAFKA_BOOTSTRAP_SERVERS": servers.kafka_bootstrap, "STORE_TOPIC_PREFIX": PREFIX,
            "STORE_RPC_LISTEN": f"127.0.0.1:{self.port}", "STORE_ADMIN_LISTEN": f"127.0.0.1:{free_port()}",
            "STORE_MIGRATE_ON_START": "true", "STORE_LOG_LEVEL": "warn",
        }
        topics = {"GATEWAY_BOT_ID": str(BOT_ID), "GATEWAY_KAFKA_BOOTSTRAP_SERVERS": servers.kafka_bootstrap,
                  "GATEWAY_TOPIC_PREFIX": PREFIX, "GATEWAY_TOPIC_REPLICATION_FACTOR": "1"}
        subprocess.run([RELEASE / "bin" / "telefact-gateway", "topics", "create"], env=topics, check=True)
        self.consumer = Consumer({"bootstrap.servers": servers.kafka_bootstrap, "group.id": "look", "log_level": 0})
        progress(f"filling an old database with {rows:,} rows")
        with connected(self.old) as database:
            tt_database.make(database, int(rows / ROWS_OF_VIDEO))
            for statement in AGED:
                database.execute(statement)  # type: ignore[arg-type]
            self.rows = sum(tt_database.count(database).values())

    # ---- the measure

    def copy_it(self) -> Run:
        """The same rows, from one database into the other, and nothing else."""
        watch, own = Watch(self.servers.admin_dsn), time.process_time()
        with connected(self.old) as old, connected(self.url) as new:
            new.execute("CREATE SCHEMA bare")
            for name in ("users", "videos", "music"):
                columns = old.execute("SELECT string_agg(format('%%I %%s', attname, format_type(atttypid, atttypmod)), ', ' "
                                      "ORDER BY attnum) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0",
                                      (f"{tt_database.SCHEMA}.{name}",)).fetchall()[0][0]
                key = columns.split()[0]
                new.execute(f"CREATE TABLE bare.{name} ({columns}, PRIMARY KEY ({key}))")  # type: ignore[arg-type]
                read = f"COPY (SELECT * FROM {tt_database.SCHEMA}.{name} ORDER BY {key}) TO STDOUT (FORMAT binary)"
                write = f"COPY bare.{name} FROM STDIN (FORMAT binary)"
                with old.cursor().copy(read) as source, new.cursor().copy(write) as target:  # type: ignore[arg-type]
                    for piece in source:
                        target.write(piece)
        run = watch.run("bare copy", self.rows, time.process_time() - own, peak_rss_mib(os.getpid()))
        with connected(self.url) as new:
            new.execute("DROP SCHEMA bare CASCADE")
        return run

    # ---- the import

    def begin_import(self) -> subprocess.Popen[str]:
        words = [RELEASE / "bin" / "telefact-store", "import", "tt", "--from", self.old, "--schema", tt_database.SCHEMA, "--json"]
        return subprocess.Popen(words, env=self.environment, stdout=subprocess.PIPE, text=True)

    def kill_one(self) -> int:
        """An import that gets SIGKILL once a quarter is in the log; how many records are there then."""
        with self.begin_import() as process:
            while self.end_of_log() < self.rows // 4:
                if process.poll() is not None:
                    raise RuntimeError(f"the import ended with {process.returncode} before it was killed")
            process.kill()
        partial = self.end_of_log()
        progress(f"killed when {partial:,} records were in the log")
        return partial

    def import_it(self, name: str) -> tuple[Run, dict[str, Any]]:
        """A whole run of the command, and its report."""
        watch, rss, said = Watch(self.servers.admin_dsn), 0.0, {}
        with self.begin_import() as process:
            assert process.stdout is not None
            for line in process.stdout:
                said = json.loads(line)
                rss = max(rss, peak_rss_mib(process.pid))
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 1 or "done" not in said:  # rows were left out
            raise RuntimeError(f"the import ended with {process.returncode}: {said}")
        return watch.run(name, self.rows, usage.ru_utime + usage.ru_stime, rss), said

    def import_all(self) -> tuple[list[Run], int]:
        """Killed, run again, and once more; and the number of records that are in the log then."""
        partial = self.kill_one()
        whole, said = self.import_it("import, run again")
        third, again = self.import_it("import, once more")
        durable, records = said["done"]["durable"], self.end_of_log()
        if said != again or not 0 < partial < durable or records < partial + 2 * durable:
            raise RuntimeError(f"two runs differ: {said}, {again}; {partial} records, then {records}")
        progress(f"{records:,} records in the log, {durable:,} of them by each whole run")
        return [whole, third], records

    def end_of_log(self) -> int:
        topic = f"{PREFIX}.events.v1"
        partitions = self.consumer.list_topics(topic, timeout=20).topics[topic].partitions
        return sum(self.consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=20)[1] for partition in partitions)

    # ---- the tables and the answers

    def apply(self, records: int) -> Run:
        """A store from its start until it has applied every record; then its answers are compared."""
        watch, rss, deadline = Watch(self.servers.admin_dsn), 0.0, time.monotonic() + LIMIT_S
        process = subprocess.Popen([RELEASE / "bin" / "telefact-store", "run"], env=self.environment)
        run = None
        try:
            with connected(self.old) as old, connected(self.url) as new:
                while not self.is_applied(new, records):
                    rss = max(rss, peak_rss_mib(process.pid))
                    if time.monotonic() > deadline or process.poll() is not None:
                        raise RuntimeError("the store did not apply everything")
                    time.sleep(0.1)
                run = watch.run("the store applies all three", records, cpu_of(process.pid), rss)
                self.compare(old, new)
        finally:
            process.terminate()
            process.wait()
        return run

    def is_applied(self, database: psycopg.Connection[Any], records: int) -> bool:
        try:
            row = database.execute("SELECT coalesce(sum(next_offset), 0) FROM g1.fence").fetchone()
        except psycopg.errors.UndefinedTable:
            return False
        return row is not None and bool(row[0] >= records)

    def compare(self, old: psycopg.Connection[Any], new: psycopg.Connection[Any]) -> None:
        progress("comparing rows and answers with TT-Bot's own")
        tt_database.settle(old)
        for index in ADVISED_INDEXES:
            old.execute(index)  # type: ignore[arg-type]
        found = [f"{name}: the tables differ" for name, ours, theirs in (
            ("videos and sounds", COUNTS.format("g1"), COUNTS.format(tt_database.SCHEMA)),
            ("users", USERS.format("g1", "WHERE NOT is_stub"), USERS.format(tt_database.SCHEMA, "")),
        ) if new.execute(ours).fetchall() != old.execute(theirs).fetchall()]  # type: ignore[arg-type]
        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            grpc.channel_ready_future(channel).result(30)
            found += tt_database.differences(old, read_grpc.ReadServiceStub(channel), SAMPLE)
        if found:
            raise RuntimeError("\n".join(found[:20]))


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench import_tt", description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    servers = start_servers()
    try:
        bench = Bench(servers, options.rows)
        bare = bench.copy_it()
        imports, records = bench.import_all()
        runs = [bare, *imports, bench.apply(records)]
    finally:
        servers.stop()
    print(f"{bench.rows:,} rows; of the store: records. CPU-seconds are the program's and PostgreSQL's")
    table(["run", "rows", "seconds", "rows/s", "CPU-seconds", "rows per CPU-second", "peak RSS MiB"],
          [[run.name, f"{run.rows:,}", f"{run.wall_s:.1f}", f"{run.rows / run.wall_s:,.0f}", f"{run.cpu_s:.1f}",
            f"{run.rows / run.cpu_s:,.0f}", f"{run.rss_mib:.0f}"] for run in runs])
    if options.json:
        options.json.write_text(json.dumps([asdict(run) for run in runs], indent=1) + "\n")
    _, whole, again, _ = runs
    return verdict([
        Expectation("the import's time beside the bare copy's", whole.wall_s / bare.wall_s, at_most=5),
        Expectation("the import's CPU time beside the bare copy's", whole.cpu_s / bare.cpu_s, at_most=4),
        Expectation("the time of one more import beside the first's", again.wall_s / whole.wall_s, at_most=1.5),
        Expectation("the import's peak RSS in MiB", max(run.rss_mib for run in imports), at_most=96),
    ])


if __name__ == "__main__":
    sys.exit(main())
