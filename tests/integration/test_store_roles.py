"""docs/security.md: the roles of PostgreSQL, made by the page's own commands, and each program with the least of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from deploy.local.servers import Servers
from tests.integration.store_command import run_store
from tests.integration.store_log import Log, connected, environment, key_of, rows, seen, store, video, wait_for
from tests.support import pages
from tests.support.pages import ROOT, Names

ROLES = Path("deploy/k8s/components/cnpg/roles.sql")
MADE = ("telefact_writer", "telefact_reader")
ROLES_OF_THE_SERVER, USE, AFTERWARDS = range(3)  # the blocks of the page


class Place(NamedTuple):
    """A database, by the URL of each role; a folder for a shell, in which roles.sql speaks of this database."""

    owner: str
    writer: str
    reader: str
    folder: Path
    environment: dict[str, str]

    def run(self, block: int) -> None:
        pages.run([pages.blocks("security.md")[block]], Names({}), self.folder, self.environment)


@pytest.fixture
def place(servers: Servers, binaries: Path, database_url: str, tmp_path: Path) -> Iterator[Place]:
    address, name = database_url.rsplit("/", 1)
    host = address.split("@")[1]
    writer, reader = (f"postgresql://telefact_{who}:{who}s-password@{host}/{name}" for who in ("writer", "reader"))
    sql = tmp_path / ROLES
    sql.parent.mkdir(parents=True)
    sql.write_text((ROOT / ROLES).read_text().replace("DATABASE telefact ", f"DATABASE {name} "))
    admin = servers.admin_dsn.replace("dbname=postgres", f"dbname={name}")
    yield Place(database_url, writer, reader, tmp_path, {
        "ADMIN_URL": admin, "OWNER_URL": database_url, "WRITER_URL": writer, "READER_URL": reader, "STORE_BOT_ID": "123456789",
        "PATH": f"{binaries}:/usr/local/bin:/usr/bin:/bin",
    })
    with psycopg.connect(admin, autocommit=True) as database:
        for role in MADE:
            database.execute(f"DROP OWNED BY {role}")  # type: ignore[call-overload]
            database.execute(f"DROP ROLE {role}")  # type: ignore[call-overload]


def test_each_program_works_with_the_role_that_the_page_gives_it(
    place: Place, servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str
) -> None:
    log = Log(servers.kafka_bootstrap, topic_prefix)
    place.run(ROLES_OF_THE_SERVER)
    assert run_store(binaries, environment(log, place.owner, 1), "migrate").code == 0
    no_migration = {"STORE_MIGRATE_ON_START": "false"}

    async def live() -> None:
        log.put([seen(1, "a"), video(1, "b")])
        log.put_raw([(b"no event", b"\xff")])
        elsewhere = video(1, "elsewhere")
        at_home = log.put([video(1, "at home")])[0][0]
        log.put_raw([(key_of(elsewhere), elsewhere.SerializeToString())], (at_home + 1) % log.partitions)
        ingest = store(log, place.writer, binaries, work_dir, "ingest", **no_migration)
        rpc = store(log, place.reader, binaries, work_dir, "rpc", STORE_ROLES="rpc", **no_migration)
        async with ingest, rpc:
            await asyncio.to_thread(_whole, place, log, binaries)

    asyncio.run(live())


def _whole(place: Place, log: Log, binaries: Path) -> None:
    """A rebuild goes over to tables that the owner has just made; writer and reader go on in them."""
    with connected(place.reader) as database:
        wait_for("records are set aside", lambda: rows(database, "SELECT count(*) FROM telefact.dead_letters") == [(2,)])
        retry = run_store(binaries, environment(log, place.writer, 1), "dlq", "retry", "--cause", "wrong_partition")
        assert retry.code == 0, retry.err
        wait_for("three videos are there", lambda: rows(database, "SELECT count(*) FROM tt.videos") == [(3,)])
        as_owner = environment(log, place.owner, 1)
        swap = run_store(binaries, as_owner, "replay", "start", "--swap", "--grace-hours", "0")
        assert swap.code == 0, swap.err
        log.put([video(2, "c")])
        wait_for("the writer goes on", lambda: rows(database, "SELECT count(*) FROM g2.videos") == [(4,)])
        assert rows(database, "SELECT count(*) FROM tt.videos") == [(4,)]
        moment = ",".join(f"{partition}:{offset}" for partition, offset in rows(
            database, "SELECT partition, next_offset FROM g2.fence ORDER BY 1"))
        past = run_store(binaries, as_owner, "replay", "start", "--as-of", moment)
        assert past.code == 0, past.err
        assert rows(database, "SELECT count(*) FROM g3.videos WHERE user_id = 2") == [(1,)]
    erase = run_store(binaries, environment(log, place.reader, 1), "erase", "--user", "2", "--yes", "--wait")
    assert erase.code == 0, erase.err
    with connected(place.reader) as database:
        wait_for("the writer erases in the owner's tables of a past moment, too",
                 lambda: rows(database, "SELECT count(*) FROM g3.videos WHERE user_id = 2") == [(0,)])
    place.run(USE)  # migrate, verify, dlq list, dlq drop
    with connected(place.reader) as database, pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.execute("DELETE FROM g2.videos")
    with connected(place.writer) as database, pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.execute("CREATE SCHEMA g3")


def test_roles_can_be_added_to_a_database_that_has_its_tables(place: Place, binaries: Path) -> None:
    settings = {"STORE_BOT_ID": "123456789", "STORE_DATABASE_URL": place.owner}
    assert run_store(binaries, settings, "migrate").code == 0
    place.run(ROLES_OF_THE_SERVER)
    refused = run_store(binaries, settings | {"STORE_DATABASE_URL": place.reader}, "verify")
    assert refused.code == 1
    place.run(AFTERWARDS)
    place.run(USE)
