"""A backup of PostgreSQL is older than the log: what docs/operations.md says of restoring it."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy.local.servers import Servers
from tests.integration.store_command import run_store
from tests.integration.store_log import Log, applied, connected, environment, rows, seen, store, video, wait_applied

PEOPLE = 40
BEFORE, MEANWHILE, AFTERWARDS = 400, 400, 200  # events


def _events(first: int, count: int) -> list[Any]:
    """The first ones of each person register them."""
    return [seen(1 + n % PEOPLE, f"s{n}") if n < PEOPLE else video(1 + n % PEOPLE, f"v{n}") for n in range(first, first + count)]


def _dump(url: str, file: Path) -> None:
    subprocess.run(["pg_dump", "--format=custom", f"--file={file}", url], check=True)


def _tables(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the live generation and of what stands beside it; times of the migration itself left out."""
    with connected(url) as database:
        names = rows(database, "SELECT schemaname || '.' || quote_ident(tablename) FROM pg_tables "
                               "WHERE schemaname IN ('g1', 'telefact') AND tablename NOT IN ('schema_migrations') ORDER BY 1")
        return {name: sorted(rows(database, f"SELECT t::text FROM {name} t")) for (name,) in names}


def _without_owners(tables: dict[str, list[tuple[Any, ...]]], url: str) -> dict[str, list[tuple[Any, ...]]]:
    """A fence says who owns it and how often it was given out, which is of the process and not of the log."""
    with connected(url) as database:
        return tables | {"g1.fence": rows(database, "SELECT partition, next_offset FROM g1.fence ORDER BY 1")}


@pytest.fixture
def log(servers: Servers, topic_prefix: str) -> Log:
    return Log(servers.kafka_bootstrap, topic_prefix)


def test_a_restored_store_goes_on_where_its_rows_stand(
    log: Log, servers: Servers, binaries: Path, database_url: str, name: str, work_dir: Path
) -> None:
    dump = work_dir / "telefact.dump"

    async def live() -> None:
        log.put(_events(0, BEFORE))
        async with store(log, database_url, binaries, work_dir):
            with connected(database_url) as database:
                await asyncio.to_thread(wait_applied, database, BEFORE)
                writer = threading.Thread(target=lambda: [log.put(_events(BEFORE + n, 10)) for n in range(0, MEANWHILE, 10)])
                writer.start()
                await asyncio.to_thread(_dump, database_url, dump)  # while it runs
                writer.join()
                log.put(_events(BEFORE + MEANWHILE, AFTERWARDS))
                log.erase(3)  # after the backup, so it has to be done again
                await asyncio.to_thread(wait_applied, database, BEFORE + MEANWHILE + AFTERWARDS + log.partitions)

    asyncio.run(live())
    restored_url = servers.create_database(f"r_{name}")
    subprocess.run(["pg_restore", "--no-owner", "--exit-on-error", f"--dbname={restored_url}", dump], check=True)
    with connected(restored_url) as restored:
        assert BEFORE <= applied(restored) < BEFORE + MEANWHILE + AFTERWARDS
        assert rows(restored, "SELECT count(*) FROM g1.users WHERE user_id = 3") == [(1,)]

    async def go_on() -> None:
        async with store(log, restored_url, binaries, work_dir, "restored"):
            with connected(restored_url) as database:
                await asyncio.to_thread(wait_applied, database, BEFORE + MEANWHILE + AFTERWARDS + log.partitions)

    asyncio.run(go_on())
    lost, found = (_without_owners(_tables(url), url) for url in (database_url, restored_url))
    assert {name: found[name] for name in lost if name != "telefact.generations"} == {
        name: lost[name] for name in lost if name != "telefact.generations"}
    with psycopg.connect(restored_url) as restored:
        assert restored.execute("SELECT count(*) FROM g1.users WHERE user_id = 3").fetchone() == (0,)
    verified = run_store(binaries, environment(log, restored_url, 1), "verify")
    assert verified.code == 0, verified.out
