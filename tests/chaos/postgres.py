"""What chaos does to PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import psycopg

from deploy.local.postgres import ROLE
from deploy.local.process import children_of
from tests.chaos.ground import Ground
from tests.chaos.schedule import Fault

CONNECT_S = 10


def _ask(ground: Ground, *statements: str) -> list[tuple[Any, ...]]:
    """The rows of the last statement, asked by the administrator."""
    dsn = f"{ground.servers.admin_dsn} connect_timeout={CONNECT_S}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


def _sessions(ground: Ground) -> str:
    database = f"t_{ground.pair.plan.name}"
    return f"FROM pg_stat_activity WHERE datname = '{database}' AND pid <> pg_backend_pid()"


async def kill(ground: Ground, fault: Fault) -> bool:
    return await _end(ground, fault, ground.servers.kill_postgres)


async def restart(ground: Ground, fault: Fault) -> bool:
    return await _end(ground, fault, ground.servers.stop_postgres)


async def _end(ground: Ground, fault: Fault, end: Callable[[], None]) -> bool:
    await asyncio.to_thread(end)
    await asyncio.sleep(fault.duration_s)
    await asyncio.to_thread(ground.servers.start_postgres)
    return True


async def end_sessions(ground: Ground, fault: Fault) -> bool:
    ended = await asyncio.to_thread(
        _ask, ground, f"SELECT pg_terminate_backend(pid) {_sessions(ground)}"
    )
    return bool(ended)


async def stop_sessions(ground: Ground, fault: Fault) -> bool:
    """The processes of the stores' sessions stand still; new ones can be opened."""
    server = ground.servers.postgres.state["process"]
    children = {child["pid"] for child in await asyncio.to_thread(children_of, server)}
    rows = await asyncio.to_thread(_ask, ground, f"SELECT pid {_sessions(ground)}")
    pids = {pid for (pid,) in rows} & children
    try:
        for pid in pids:
            _signal(pid, signal.SIGSTOP)
        await asyncio.sleep(fault.duration_s)
    finally:
        for pid in pids:
            _signal(pid, signal.SIGCONT)
    return bool(pids)


def _signal(pid: int, number: int) -> None:
    """To a session that may have ended meanwhile."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


async def lock(ground: Ground, fault: Fault) -> bool:
    url = f"{ground.pair.database_url}?connect_timeout={CONNECT_S}"

    def hold() -> None:
        with psycopg.connect(url) as connection:
            connection.execute("SET lock_timeout = '5s'")
            connection.execute(f"LOCK TABLE {fault.detail} IN ACCESS EXCLUSIVE MODE")  # type: ignore[arg-type]
            threading.Event().wait(fault.duration_s)

    await asyncio.to_thread(hold)
    return True


_READ_ONLY = ("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
_WRITABLE = ("ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
_CLOSED = f"ALTER ROLE {ROLE} CONNECTION LIMIT 0"
_OPEN = f"ALTER ROLE {ROLE} CONNECTION LIMIT -1"


async def read_only(ground: Ground, fault: Fault) -> bool:
    """As a standby is, or a server whose disk its operator wants to save."""
    await asyncio.to_thread(_ask, ground, *_READ_ONLY)
    try:
        await asyncio.sleep(fault.duration_s)
    finally:
        await asyncio.to_thread(_ask, ground, *_WRITABLE)
    return True


async def no_connections(ground: Ground, fault: Fault) -> bool:
    """The sessions end, and there is no room for new ones."""
    end = f"SELECT pg_terminate_backend(pid) {_sessions(ground)}"
    await asyncio.to_thread(_ask, ground, _CLOSED, end)
    try:
        await asyncio.sleep(fault.duration_s)
    finally:
        await asyncio.to_thread(_ask, ground, _OPEN)
    return True


ACTS = {
    "kill": kill,
    "restart": restart,
    "end sessions": end_sessions,
    "stop sessions": stop_sessions,
    "lock": lock,
    "read only": read_only,
    "no connections": no_connections,
}
