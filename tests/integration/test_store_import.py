"""`telefact-store import tt`: an old database into the log, killed, run again; then every answer is TT-Bot's."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import grpc
import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition

from deploy.local.servers import Servers
from tests.integration.store_log import BOT_ID, Log, connected, rows, store, wait_applied, wait_for
from tests.support import canaries, tt_database
from tests.support.processes import Service
from tests.support.protos import read_grpc
from tests.support.proxy import DOWN, Proxy, Trap

VIDEOS = 2_000
HELD_AT_BYTES = 180_000  # of about 300,000 that the old rows are
FACTS = "SELECT (SELECT count(*) FROM g1.videos), (SELECT count(*) FROM g1.music)"
USERS = ("SELECT user_id, registered_at, lang, link, file_mode, ad_count, ad_cooldown FROM {}.users {} ORDER BY 1")


class Done(NamedTuple):
    """How the command ended."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> dict[str, Any]:
        """The report of --json."""
        return json.loads(self.out.splitlines()[-1])["done"]

    @property
    def named(self) -> dict[tuple[str, int], str]:
        """The rows that were left out, and why."""
        lines = [json.loads(line) for line in self.out.splitlines()]
        return {(line["skipped"]["table"], line["skipped"]["key"]): line["skipped"]["why"]
                for line in lines if "skipped" in line}


class Bench:
    """An old database, a log, and a database of ours."""

    def __init__(self, servers: Servers, name: str, binaries: Path, work_dir: Path, log: Log) -> None:
        self.old_url = servers.create_database(f"old_{name}")
        self.url = servers.create_database(f"new_{name}")
        self.binary, self.binaries, self.work_dir, self.log = binaries / "telefact-store", binaries, work_dir, log
        self.environment = {
            "STORE_BOT_ID": str(BOT_ID), "STORE_DATABASE_URL": self.url, "STORE_TOPIC_PREFIX": log.prefix,
            "STORE_KAFKA_BOOTSTRAP_SERVERS": log.bootstrap,
        }

    def run(self, *words: str, leave_out: str = "", more: dict[str, str] | None = None) -> Done:
        """`telefact-store import` with these words, to its end."""
        environment = {name: value for name, value in (self.environment | (more or {})).items() if name != leave_out}
        ended = subprocess.run([self.binary, "import", *words], env=environment, capture_output=True, text=True,
                               check=False, timeout=120)
        canaries.look("output", ended.stdout + ended.stderr, "of import")
        return Done(ended.returncode, ended.stdout, ended.stderr)

    def run_old(self, *words: str, **more: Any) -> Done:
        return self.run("tt", "--from", self.old_url, "--schema", tt_database.SCHEMA, "--json", *words, **more)

    def records(self) -> int:
        """In the topic."""
        consumer = Consumer({"bootstrap.servers": self.log.bootstrap, "group.id": "look", "log_level": 0})
        try:
            return sum(consumer.get_watermark_offsets(TopicPartition(self.log.topic, partition), timeout=20)[1]
                       for partition in range(self.log.partitions))
        finally:
            consumer.close()

    def kill_in_the_middle(self) -> None:
        """Start an import whose old database falls silent half way, and kill it when some of it is in the log."""
        place = urlsplit(self.old_url)

        async def body(proxy: Proxy) -> None:
            trap = proxy.arm(Trap(DOWN, HELD_AT_BYTES, action="hold"))
            url = self.old_url.replace(f"{place.hostname}:{place.port}", f"127.0.0.1:{proxy.port}")
            assert url != self.old_url
            words = ("import", "tt", "--from", url, "--schema", tt_database.SCHEMA)
            process = Service("import", self.binary, self.environment, "127.0.0.1:1", self.work_dir, words)
            await process.spawn()
            await asyncio.to_thread(trap.fired.wait, 60)
            await asyncio.to_thread(wait_for, "records of the import", lambda: self.records() > 0)
            await process.kill()

        with Proxy((str(place.hostname), place.port or 5432)) as proxy:
            asyncio.run(body(proxy))


@pytest.fixture
def bench(servers: Servers, name: str, topic_prefix: str, binaries: Path, work_dir: Path) -> Bench:
    return Bench(servers, name, binaries, work_dir, Log(servers.kafka_bootstrap, topic_prefix))


@pytest.fixture
def old(bench: Bench) -> Iterator[psycopg.Connection[Any]]:
    """The old database, with everything in it."""
    with connected(bench.old_url) as database:
        tt_database.make(database, VIDEOS)
        yield database


def _expect_named(done: Done) -> None:
    assert set(done.named) == set(tt_database.WRONG)
    assert all(tt_database.WRONG[row] in why for row, why in done.named.items()), done.named


def test_a_killed_import_is_run_again_and_every_answer_is_tt_bots(bench: Bench, old: psycopg.Connection[Any]) -> None:
    counts = tt_database.count(old)
    bench.kill_in_the_middle()

    again = bench.run_old()
    assert again.code == 1, again.err  # rows were left out
    _expect_named(again)
    for table, total in counts.items():
        told, wrong = again.told[table], sum(name == table for name, _ in tt_database.WRONG)
        assert (told["rows"], told["imported"], told["skipped"]) == (total, total - wrong, wrong)
        assert told["cut"] == tt_database.CUT[table]
    events = sum(again.told[table]["events"] for table in counts)
    assert again.told["durable"] == events
    partial = bench.records() - events  # what was on its way when the first one was killed came, too
    assert 0 < partial < events

    third = bench.run_old()
    assert third.told == again.told
    assert bench.records() == partial + 2 * events
    tt_database.settle(old)
    asyncio.run(_compare(bench, old, partial + 2 * events))


async def _compare(bench: Bench, old: psycopg.Connection[Any], records: int) -> None:
    service = store(bench.log, bench.url, bench.binaries, bench.work_dir, STORE_ROLES="ingest,rpc")
    async with service:
        with connected(bench.url) as database:
            await asyncio.to_thread(wait_applied, database, records)
            assert rows(database, "SELECT count(*) FROM telefact.dead_letters") == [(0,)]
            assert rows(database, FACTS) == rows(old, FACTS.replace("g1", tt_database.SCHEMA))
            assert rows(database, USERS.format("g1", "WHERE NOT is_stub")) == rows(old, USERS.format(tt_database.SCHEMA, ""))
        with grpc.insecure_channel(service.environment["STORE_RPC_LISTEN"]) as channel:
            differences = await asyncio.to_thread(tt_database.differences, old, read_grpc.ReadServiceStub(channel))
    assert differences == []


def test_a_dry_run_needs_no_kafka_and_writes_nothing(bench: Bench, old: psycopg.Connection[Any]) -> None:
    counts = tt_database.count(old)
    done = bench.run_old("--dry-run", leave_out="STORE_KAFKA_BOOTSTRAP_SERVERS")
    assert done.code == 1
    _expect_named(done)
    assert {table: done.told[table]["rows"] for table in counts} == counts
    assert (done.told["durable"], done.told["dry_run"], bench.records()) == (0, True, 0)


def test_an_older_schema_is_read_and_people_get_a_table(bench: Bench, work_dir: Path) -> None:
    with connected(bench.old_url) as database:
        database.execute("CREATE TABLE users (user_id bigint PRIMARY KEY, registered_at bigint, lang varchar, link varchar, "
                         "file_mode boolean)")
        database.execute("CREATE TABLE videos (pk_id bigint PRIMARY KEY, user_id bigint, downloaded_at bigint, "
                         "video_link varchar, is_images boolean)")
        database.execute("CREATE TABLE music (pk_id bigint PRIMARY KEY, user_id bigint, downloaded_at bigint, video_id bigint)")
        database.execute("INSERT INTO users VALUES (5, NULL, NULL, NULL, NULL)")
        database.execute("INSERT INTO videos VALUES (1, 5, 1700000000, 'https://v.example/1', NULL)")
    file = work_dir / "old_url"
    file.write_text(bench.old_url.replace("postgresql://", "postgresql+asyncpg://") + "\n")
    done = bench.run("tt", "--from-file", str(file))
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-4:] == [
        "users             1           1           0           0           1",
        "videos            1           1           0           0           1",
        "music             0           0           0           0           0",
        "2 events are durable",
    ]
    assert bench.records() == 2


@pytest.fixture
def ascii_url(servers: Servers, bench: Bench, name: str) -> Iterator[str]:
    """A database that takes any bytes for text."""
    with psycopg.connect(servers.admin_dsn, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE ascii_{name} OWNER telefact ENCODING 'SQL_ASCII' TEMPLATE template0 "  # type: ignore[arg-type]
                      "LC_COLLATE 'C' LC_CTYPE 'C'")
        yield bench.old_url.replace(f"old_{name}", f"ascii_{name}")
        admin.execute(f"DROP DATABASE ascii_{name}")  # type: ignore[arg-type]


def test_bytes_that_are_no_utf8_are_named(bench: Bench, ascii_url: str) -> None:
    with connected(ascii_url) as database:
        tt_database.make(database, 10)
        database.execute("INSERT INTO tt_bot.videos VALUES (5000, 5, NULL, convert_from('\\x68ff69', 'SQL_ASCII'), "
                         "false, false, false)")
        database.execute("UPDATE tt_bot.users SET link = convert_from('\\xc3', 'SQL_ASCII') WHERE user_id = 2")
    done = bench.run("tt", "--from", ascii_url, "--schema", tt_database.SCHEMA, "--json", "--dry-run")
    assert "video_link: not UTF-8" in done.named[("videos", 5000)]
    assert "link: not UTF-8" in done.named[("users", 2)]
    assert len(done.named) == len(tt_database.WRONG) + 2


WRONG_URLS = (
    # an option's value, the exit code, what the error says
    ("postgresql://u:hush-hush/hush@127.0.0.1:1/d", 78, "--from: the database's connection string is not understood"),
    ("postgresql://u:hush@hush@127.0.0.1:1/d", 78, "--from: the database's connection string is not understood"),
    ("host=127.0.0.1 port=1 password=hush connect_timeout=2", 1, "connect to the database"),
)


def test_no_error_tells_the_password(bench: Bench) -> None:
    for url, code, says in WRONG_URLS:
        done = bench.run("tt", "--from", url)
        assert (done.code, says in done.err) == (code, True), done.err
        assert "hush" not in done.out + done.err


def test_what_is_wrong_is_said(bench: Bench, old: psycopg.Connection[Any], work_dir: Path) -> None:
    missing = str(work_dir / "none")
    for words, code, says in (
        (("tt",), 64, "give either --from or --from-file"),
        (("support", "--from", "canary-url"), 64, "from what?"),
        (("tt", "--from", bench.old_url, "--source", "a\nb"), 64, "--source"),
        (("tt", "--from-file", missing), 78, f"--from-file: cannot open {missing}"),
        (("tt", "--from", bench.old_url), 1, 'there is no table "public".users'),
        (("tt", "--from", bench.old_url, "--schema", 'x"; DROP TABLE tt_bot.users; --'), 1, "there is no table"),
    ):
        done = bench.run(*words)
        assert (done.code, says in done.err) == (code, True), done.err
        assert "canary-url" not in done.err
    assert bench.run_old(leave_out="STORE_KAFKA_BOOTSTRAP_SERVERS").code == 78
    assert bench.run_old(leave_out="STORE_BOT_ID").code == 78
    old.execute("ALTER TABLE tt_bot.videos DROP COLUMN video_link")
    assert "no column video_link" in bench.run_old().err
    assert bench.records() == 0


def test_the_topic_must_be_there(bench: Bench, old: psycopg.Connection[Any]) -> None:
    done = bench.run_old(more={"STORE_TOPIC_PREFIX": "t.there.is.none"})
    assert (done.code, "run `telefact-gateway topics create`" in done.err) == (1, True), done.err
    more = {"STORE_TOPIC_PARTITIONS": "7"}
    done = bench.run_old(more=more)
    assert (done.code, "STORE_TOPIC_PARTITIONS says 7" in done.err) == (1, True), done.err


def test_help_shows_every_option(bench: Bench) -> None:
    done = bench.run("--help")
    assert (done.code, done.err) == (0, "")
    assert all(word in done.out for word in ("--from ", "--from-file", "--schema", "--source", "--dry-run", "--json"))
