"""A store that only reads, over tables that a test fills by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import psycopg

from tests.support.processes import Service, free_port, run_command
from tests.support.protos import read_grpc

BOT_ID = 123456789
Body = Callable[[read_grpc.ReadServiceStub, psycopg.Connection], Awaitable[None]]
Ask = Callable[[Body], None]


def _environment(url: str, rpc: int, admin: int) -> dict[str, str]:
    return {
        "STORE_BOT_ID": str(BOT_ID), "STORE_DATABASE_URL": url, "STORE_ROLES": "rpc",
        "STORE_RPC_LISTEN": f"127.0.0.1:{rpc}", "STORE_ADMIN_LISTEN": f"127.0.0.1:{admin}",
    }


@asynccontextmanager
async def read_store(url: str, binaries: Path, work_dir: Path, admin: int = 0) -> AsyncIterator[tuple[Service, str]]:
    """A running store with empty tables, and where it serves RPCs; admin 0: any port."""
    rpc, admin = free_port(), admin or free_port()
    environment = _environment(url, rpc, admin)
    await run_command(binaries / "telefact-store", ["migrate"], environment)
    service = Service("store", binaries / "telefact-store", environment, f"127.0.0.1:{admin}", work_dir)
    async with service:
        yield service, f"127.0.0.1:{rpc}"


def asker(
    url: str, binaries: Path, work_dir: Path, fill: Callable[[psycopg.Connection], None], admin: int = 0
) -> Ask:
    """Runs a body with a client of a fresh store and a connection to its filled database."""

    def run(body: Body) -> None:
        async def whole() -> None:
            async with read_store(url, binaries, work_dir, admin) as (_, address):
                with psycopg.connect(url, autocommit=True) as database:
                    fill(database)
                    async with grpc.aio.insecure_channel(address) as channel:
                        await body(read_grpc.ReadServiceStub(channel), database)

        asyncio.run(whole())

    return run
