"""Unfriendly webhook clients: many at a time, slow, oversized, strangers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

Address = tuple[str, int, str]


def address_of(webhook: str) -> Address:
    """Host, port and path of a webhook's URL."""
    parts = urlsplit(webhook)
    assert parts.hostname is not None and parts.port is not None
    return parts.hostname, parts.port, parts.path


def head(path: str, *lines: str) -> bytes:
    """The head of a POST."""
    return "\r\n".join((f"POST {path} HTTP/1.1", "Host: x", *lines, "", "")).encode()


def rss_kib(pid: int) -> int:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise ValueError(f"process {pid} has no resident memory")


def open_files(pid: int) -> int:
    """Descriptors of a process."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@contextlib.asynccontextmanager
async def crowd(count: int, client: Callable[[int], Awaitable[None]]) -> AsyncIterator[None]:
    """So many clients, each begun anew when it ends or loses its connection, until the end of the context."""

    over = asyncio.Event()  # a cancellation can be lost inside wait_for (CPython 3.11)

    async def live(number: int) -> None:
        while not over.is_set():
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await client(number)
            await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(live(number)) for number in range(count)]
    try:
        yield
    finally:
        over.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Strangers:
    """Keep-alive POSTs with a wrong secret, counted by status."""

    def __init__(self, webhook: str, secret: str, body: bytes) -> None:
        self.statuses: Counter[int] = Counter()
        self._host, self._port, path = address_of(webhook)
        lines = (f"X-Telegram-Bot-Api-Secret-Token: {secret}",) if secret else ()
        self._request = head(path, *lines, f"Content-Length: {len(body)}") + body

    async def __call__(self, number: int) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            while True:
                writer.write(self._request)
                await writer.drain()
                answer = await reader.readuntil(b"\r\n\r\n")
                self.statuses[int(answer.split()[1])] += 1
                if b"connection: close" in answer.lower():
                    return
        finally:
            writer.close()


class Slow:
    """A request that comes a byte at a time and never ends; how long each was borne."""

    def __init__(self, webhook: str, begin: bytes, every_s: float) -> None:
        self.borne_s: list[float] = []
        self._host, self._port, _ = address_of(webhook)
        self._begin = begin
        self._every_s = every_s

    async def __call__(self, number: int) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        began = time.monotonic()
        try:
            writer.write(self._begin)
            while True:
                try:
                    await asyncio.wait_for(reader.read(1000), self._every_s)
                    return
                except TimeoutError:
                    writer.write(b"x")
        finally:
            self.borne_s.append(time.monotonic() - began)
            writer.close()


class Endless:
    """Chunks for ever, or a length of gigabytes; counts refusals and bytes that were taken."""

    def __init__(self, webhook: str, secret: str) -> None:
        self.refused: Counter[int] = Counter()
        self._host, self._port, path = address_of(webhook)
        token = f"X-Telegram-Bot-Api-Secret-Token: {secret}"
        self._chunked = head(path, token, "Transfer-Encoding: chunked")
        self._declared = head(path, token, "Content-Length: 2147483648")

    async def __call__(self, number: int) -> None:
        is_chunked = number % 2 == 0
        reader, writer = await asyncio.open_connection(self._host, self._port)
        part = b"10000\r\n" + b"x" * 65536 + b"\r\n" if is_chunked else b"x" * 65536
        answer = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
        try:
            writer.write(self._chunked if is_chunked else self._declared)
            while not answer.done():
                writer.write(part)
                await writer.drain()
        finally:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                self.refused[int((await asyncio.wait_for(answer, 5)).split()[1])] += 1
            writer.close()
