"""What does each index and each table of the statistics cost of the ingest?

    ./dev bench costs [--events 1000000] [--rounds 3] [--per-second 20] [--json FILE]

A topic with traffic of every kind (bench/costs_topic.py) is drained by the store: in each round once with everything,
and once without each index, in shuffled order, each time into a database of its own. An index costs what the round's
drain without it saves: of CPU all in all, which can be less than drains differ by themselves (see the range), of WAL by
the statements on its table. Of each statement PostgreSQL tells (pg_stat_statements) its WAL and how long it took, without
reading and writing files; a table costs its share of that time, of the CPU of the drain with everything. (COPY, of facts
and new users, counts a little too much: it also waits for its rows.)

Ids that are unique (primary keys) are what exactly-once is made of, and count as the table's. The tables of every drain
must be exactly the log's content, and the statistics what users and facts say, or there are no figures.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import re
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import psycopg

from bench.costs_topic import Mixed, fill_mixed
from bench.drain import TOPIC, Bench, Figure
from bench.drain_topic import PARTITIONS
from bench.measure import POSTGRES_SETTINGS, progress, spread, table
from tests.support.statistics import derive_rollups

EVERYTHING = "everything"
INDEXES_SQL = """
SELECT relname, indrelid::regclass::text, pg_relation_size(indexrelid) FROM pg_index
JOIN pg_class ON pg_class.oid = indexrelid
WHERE relnamespace = 'g1'::regnamespace AND NOT indisunique ORDER BY indrelid, relname
"""
STATEMENTS_SQL = """
SELECT query, total_exec_time - blk_read_time - blk_write_time, wal_bytes::float8 FROM pg_stat_statements
JOIN pg_database ON pg_database.oid = dbid WHERE datname = %s
"""
COUNTS = "sum(chats), sum(videos), sum(images), sum(video_users), sum(image_users), sum(music), sum(music_users)"
ROLLUPS = {  # what they say whatever the partition
    "totals": f"SELECT chat_class, {COUNTS}, sum(file_modes) FROM g1.totals GROUP BY 1 ORDER BY 1",
    "buckets": f"SELECT level, bucket, chat_class, {COUNTS} FROM g1.buckets GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    "langs": "SELECT lang, sum(chats) FROM g1.langs GROUP BY 1 ORDER BY 1",
    "referrals": "SELECT link, chats FROM g1.referrals ORDER BY 1",
    "top_users": "SELECT user_id, videos FROM g1.top_users ORDER BY videos DESC, user_id LIMIT 16",
}
LOG_SQL = """
SELECT (SELECT count(*) FROM g1.videos), (SELECT count(*) FROM g1.music), (SELECT count(*) FROM g1.aliases),
       (SELECT count(*) FROM g1.applied), (SELECT count(*) FROM g1.users WHERE NOT is_stub),
       (SELECT count(*) FROM telefact.dead_letters)
"""
COUNTED_SQL = """
SELECT user_id, count(*) FILTER (WHERE kind <> 2), count(*) FILTER (WHERE kind = 1), count(*) FILTER (WHERE kind = 2),
       max(downloaded_at) FILTER (WHERE kind <> 2), max(downloaded_at) FILTER (WHERE kind = 1),
       max(downloaded_at) FILTER (WHERE kind = 2)
FROM (SELECT user_id, downloaded_at, is_images::int AS kind FROM g1.videos
      UNION ALL SELECT user_id, downloaded_at, 2 FROM g1.music) AS facts GROUP BY 1
"""
KEPT_SQL = """
SELECT user_id, videos, images, music, last_video_at, last_image_at, last_music_at FROM g1.users WHERE videos + music > 0
"""
Spent = dict[str, tuple[float, float]]  # by table: milliseconds, bytes of WAL


@dataclasses.dataclass(frozen=True)
class Index:
    name: str
    table: str
    bytes: int


class Costs(Bench):
    """Drains by the store, with one index dropped or none."""

    settings = {"shared_preload_libraries": "pg_stat_statements", "track_io_timing": "on"}

    def __init__(self, events: int, seed: int, per_second: int) -> None:
        self.per_second = per_second
        super().__init__(events, seed)
        with self.admin() as admin:
            admin.execute("CREATE EXTENSION pg_stat_statements")
        self.dropped = EVERYTHING
        self.spent: Spent = {}
        """Of the last drain."""
        self.indexes: list[Index] = []
        """Of the last drain with everything."""

    def fill(self, events: int, seed: int) -> Mixed:
        return fill_mixed(self.servers.kafka_bootstrap, TOPIC, events, seed, self.per_second)

    def admin(self) -> psycopg.Connection:
        return psycopg.connect(self.servers.admin_dsn, autocommit=True)

    def drain(self, dropped: str) -> Figure:
        """One drain without the index `dropped`."""
        self.dropped = dropped
        return self.run("store")

    def prepare(self, contender: str, url: str) -> None:
        with psycopg.connect(url, autocommit=True) as database:
            if self.dropped != EVERYTHING:
                database.execute(f"DROP INDEX g1.{self.dropped}")  # type: ignore[arg-type]
        with self.admin() as admin:
            admin.execute("SELECT pg_stat_statements_reset()")

    def check(self, contender: str, database: psycopg.Connection) -> None:
        """Also takes the figures of tables and indexes, before the checks add to them."""
        self.spent = self.spent_by_table(database.info.dbname)
        if self.dropped == EVERYTHING:
            self.indexes = [Index(name, of.removeprefix("g1."), size) for name, of, size in database.execute(INDEXES_SQL)]
        kinds = self.log.kinds
        self.equal(contender, "rows", database.execute(LOG_SQL).fetchone(),
                   (kinds["video_downloaded"], kinds["music_extracted"], kinds["chat_migrated"],
                    kinds["user_mode_changed"] + kinds["ad_shown"] + kinds["chat_migrated"], len(self.log.registered), 0))
        wrong = database.execute(f"SELECT count(*) FROM (({KEPT_SQL} EXCEPT {COUNTED_SQL}) UNION ALL"
                                 f" ({COUNTED_SQL} EXCEPT {KEPT_SQL})) AS different").fetchone()
        self.equal(contender, "counters of chats", wrong, (0,))
        kept = {name: database.execute(text).fetchall() for name, text in ROLLUPS.items()}
        derive_rollups(database, PARTITIONS)
        for name, text in ROLLUPS.items():
            self.equal(contender, name, kept[name], database.execute(text).fetchall())

    def spent_by_table(self, database: str) -> Spent:
        """Of statements, by the table of the generation that they name."""
        spent: Spent = defaultdict(lambda: (0.0, 0.0))
        with self.admin() as admin:
            for query, ms, wal in admin.execute(STATEMENTS_SQL, (database,)):
                found = re.search(r"\bg1\.(\w+)", query)
                name = found[1] if found else "none (COMMIT, ...)"
                spent[name] = (spent[name][0] + ms, spent[name][1] + wal)
        return spent


@dataclasses.dataclass
class Cost:
    """Of one index or table, for each event of the log; a figure a round."""

    name: str
    postgres_us: list[float]
    wal_bytes: list[float]
    store_us: list[float] = dataclasses.field(default_factory=list)  # none: not known of tables
    disk_bytes: float | None = None

    def cells(self, whole: Cost) -> list[str]:
        """With the shares of what a drain with everything costs."""
        shown = [self.name]
        for mine, all_of_it in ((self.postgres_us, whole.postgres_us), (self.wal_bytes, whole.wal_bytes)):
            shown += [spread(mine), f"{statistics.median(mine) / statistics.median(all_of_it):.1%}"]
        shown += [spread(self.store_us)] if self.store_us else []
        return shown if self.disk_bytes is None else [*shown, f"{self.disk_bytes:.1f}"]


@dataclasses.dataclass
class Runs:
    """Drains of one kind, one a round."""

    figures: list[Figure] = dataclasses.field(default_factory=list)
    spent: list[Spent] = dataclasses.field(default_factory=list)


def whole_cost(figures: list[Figure], events: int) -> Cost:
    return Cost(EVERYTHING, [f.postgres_cpu_s / events * 1e6 for f in figures], [f.wal_bytes / events for f in figures],
                [f.own_cpu_s / events * 1e6 for f in figures])


def index_cost(index: Index, runs: dict[str, Runs], events: int) -> Cost:
    """What each round's drain without it saved; of WAL, by the statements on its table."""
    pairs = list(zip(runs[EVERYTHING].figures, runs[index.name].figures, strict=True))
    spent = zip(runs[EVERYTHING].spent, runs[index.name].spent, strict=True)
    return Cost(index.name, [(a.postgres_cpu_s - b.postgres_cpu_s) / events * 1e6 for a, b in pairs],
                [(a[index.table][1] - b[index.table][1]) / events for a, b in spent],
                [(a.own_cpu_s - b.own_cpu_s) / events * 1e6 for a, b in pairs], index.bytes / events)


def table_costs(whole: Cost, rounds: list[Spent], events: int) -> list[Cost]:
    """The dearest first. A statement's time is PostgreSQL's clock, which also counts while others have the processor; so
    what counts is its share of all, of the CPU of its round."""
    cpu = [round_us / sum(ms for ms, _ in spent.values()) for round_us, spent in zip(whole.postgres_us, rounds, strict=True)]
    names = {name for spent in rounds for name in spent}
    costs = [Cost(name, [spent[name][0] * us for us, spent in zip(cpu, rounds, strict=True)],
                  [spent[name][1] / events for spent in rounds]) for name in names]
    return sorted(costs, key=lambda cost: -statistics.median(cost.postgres_us))


def measure(bench: Costs, rounds: int, seed: int) -> tuple[Cost, list[Cost], list[Cost]]:
    """Everything, indexes, tables: from rounds of drains, each in shuffled order."""
    runs: dict[str, Runs] = defaultdict(Runs)
    dice, events = random.Random(seed), bench.log.events
    bench.drain(EVERYTHING)  # names the indexes, and warms up
    kinds = [EVERYTHING, *(index.name for index in bench.indexes)]
    for number in range(rounds):
        for dropped in dice.sample(kinds, len(kinds)):
            progress(f"round {number + 1}: {dropped if dropped == EVERYTHING else 'without ' + dropped}")
            runs[dropped].figures.append(bench.drain(dropped))
            runs[dropped].spent.append(bench.spent)
    whole = whole_cost(runs[EVERYTHING].figures, events)
    indexes = [index_cost(index, runs, events) for index in bench.indexes]
    return whole, indexes, table_costs(whole, runs[EVERYTHING].spent, events)


def report(whole: Cost, indexes: list[Cost], tables: list[Cost]) -> None:
    header = ["PostgreSQL CPU µs", "of all", "WAL bytes", "of all"]
    print("\nIndexes: what a drain without it saves, for each event of the log")
    rows = [cost.cells(whole) for cost in indexes]
    table(["index", *header, "store CPU µs", "bytes on disk"], [[*whole.cells(whole), "-"], *rows])
    print("\nTables: their statements in a drain with everything, for each event of the log")
    table(["table", *header], [cost.cells(whole) for cost in tables])


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench costs", description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--per-second", type=int, default=20, help="events of a second of the log; fewer touch more buckets")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    bench = Costs(options.events, options.seed, options.per_second)
    try:
        log = bench.log
        print(f"{log.events:,} events, {log.bytes_per_event:.0f} bytes each, {options.per_second} a second: "
              f"{', '.join(f'{count:,} {kind}' for kind, count in log.kinds.items())}; "
              f"PostgreSQL: {', '.join(f'{k}={v}' for k, v in POSTGRES_SETTINGS.items())}")
        whole, indexes, tables = measure(bench, options.rounds, options.seed)
    finally:
        bench.close()
    report(whole, indexes, tables)
    if options.json is not None:
        figures: dict[str, Any] = {"events": log.events, "kinds": log.kinds, EVERYTHING: dataclasses.asdict(whole),
                                   "indexes": [dataclasses.asdict(cost) for cost in indexes],
                                   "tables": [dataclasses.asdict(cost) for cost in tables]}
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
