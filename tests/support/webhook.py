"""A scripted webhook receiver for tests of the fake Telegram server: records requests, answers as told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Request:
    """One POST as it came, and what its answer waits for."""

    target: str
    headers: dict[str, str]
    body: bytes
    at: float
    released: asyncio.Event = field(default_factory=asyncio.Event)


class ScriptedWebhook:
    """Listens on a port of its own. Use it as an async context manager.

    answer  what to send for a request: (status, headers, body); None closes the connection.
    hold    keep every answer back until `release` (or the request's own `released`) is set.
    """

    def __init__(self, now: Callable[[], float] = lambda: 0.0) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[Request], tuple[int, dict[str, str], bytes] | None] = lambda request: (200, {}, b"")
        self.hold = False
        self.connections = 0
        self.busy = 0
        self.busy_max = 0
        self._now = now
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._port = 0

    @property
    def url(self) -> str:
        """Address to give to the fake server."""
        return f"http://127.0.0.1:{self._port}/hook?x=1"

    @property
    def bodies(self) -> list[bytes]:
        """Bodies of all requests, in the order they came."""
        return [request.body for request in self.requests]

    def release(self) -> None:
        """Answer everything that is held, and hold nothing from now on."""
        self.hold = False
        for request in self.requests:
            request.released.set()

    async def __aenter__(self) -> ScriptedWebhook:
        await self.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.shut()

    async def open(self) -> None:
        """Listen (again, on the same port)."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while await self._serve_one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {}
        for line in head[1:-2]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers["content-length"]))
        request = Request(head[0], headers, body, self._now())
        self.requests.append(request)
        self.busy += 1
        self.busy_max = max(self.busy_max, self.busy)
        try:
            if self.hold:
                await request.released.wait()
        finally:
            self.busy -= 1
        answer = self.answer(request)
        if answer is None:
            return False
        status, more, answer_body = answer
        lines = [f"HTTP/1.1 {status} Reason", f"Content-Length: {len(answer_body)}"]
        lines += [f"{name}: {value}" for name, value in more.items()]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + answer_body)
        await writer.drain()
        return True


async def until(condition: Callable[[], bool], deadline_s: float = 5.0) -> None:
    """Wait for a condition; AssertionError when it does not come true in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + deadline_s
    while not condition():
        assert loop.time() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.001)
