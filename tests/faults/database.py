"""What the tests of PostgreSQL's faults share: a store behind the proxy, and events whose effect is recounted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import psycopg

from deploy.local.servers import Servers
from tests.integration.store_log import applied, connected, rows
from tests.integration.test_store_ingest import Bench, _check_counts, _many
from tests.support.processes import Service
from tests.support.proxy import Proxy

check_counts = _check_counts
many = _many
Database = psycopg.Connection[Any]
PATIENCE_S = 240.0  # on a busy machine
OF_WRITER = "application_name = 'telefact-store' AND datname = current_database()"


def through(url: str, proxy: Proxy) -> str:
    """The database's URL with the proxy's port."""
    before, _, after = url.rpartition(":")
    return f"{before}:{proxy.port}/{after.partition('/')[2]}"


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


def as_admin(servers: Servers, url: str = "") -> psycopg.Connection[Any]:
    """The superuser, in the URL's database."""
    dsn = servers.admin_dsn.replace("dbname=postgres", f"dbname={url.rpartition('/')[2]}") if url else servers.admin_dsn
    return psycopg.connect(dsn, autocommit=True)


def writers(database: Database) -> int:
    """Sessions of stores."""
    return int(rows(database, f"SELECT count(*) FROM pg_stat_activity WHERE {OF_WRITER}")[0][0])


def terminate(database: Database) -> int:
    """End the sessions of stores; how many there were."""
    return len(rows(database, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OF_WRITER}"))


async def until(what: str, holds: Callable[[], bool], deadline_s: float = PATIENCE_S) -> None:
    """Wait for it without blocking; a database that does not answer does not hold."""
    deadline = time.monotonic() + max(deadline_s, PATIENCE_S)
    while True:
        try:
            if await asyncio.to_thread(holds):
                return
        except psycopg.Error:
            pass
        assert time.monotonic() < deadline, f"not within {deadline_s:g} s: {what}"
        await asyncio.sleep(0.02)


async def until_logged(service: Service, text: str, deadline_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + max(deadline_s, PATIENCE_S)
    while text not in service.log_path.read_text():
        assert time.monotonic() < deadline, f"not logged: {text}\n{service.log_end()}"
        await asyncio.sleep(0.05)


def applied_at(url: str) -> int:
    with connected(url) as database:
        return applied(database)


__all__ = ["Bench", "Database", "Proxy", "applied_at", "as_admin", "check_counts", "many", "port_of", "terminate",
           "through", "until", "until_logged", "writers"]
