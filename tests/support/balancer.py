"""One address for several servers, as a load balancer in front of gateways."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence

_PIECE_BYTES = 65_536
_QUIET_S = 0.05


class Balancer:
    """Passes each TCP connection to the next server that takes one; an async context manager.

    targets    host:port of the servers; one that refuses is passed over.
    max_age_s  an older connection is ended once nothing passes, so that a server that came back gets some; without it,
               connections live as long as their ends wish.
    served     connections that each target got.
    """

    def __init__(self, targets: Sequence[str], max_age_s: float | None = None) -> None:
        self.served = dict.fromkeys(targets, 0)
        self._max_age_s = max_age_s
        self.address = ""
        self._open = list(targets)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def join(self, target: str) -> None:
        """One more server, which gets connections from now on."""
        self.served.setdefault(target, 0)
        self._open.append(target)

    def leave(self, target: str) -> None:
        """It gets no new connections any more; those it has go on."""
        self._open.remove(target)

    async def __aenter__(self) -> Balancer:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await self._serve(reader, writer)
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(len(self._open)):
            target = self._open.pop(0)
            self._open.append(target)
            host, _, port = target.rpartition(":")
            try:
                far_reader, far_writer = await asyncio.open_connection(host, int(port))
            except OSError:
                continue
            self.served[target] += 1
            try:
                await self._pass_both(_Way(reader, far_writer), _Way(far_reader, writer))
            finally:
                far_writer.close()
            return

    async def _pass_both(self, there: _Way, back: _Way) -> None:
        began = time.monotonic()
        passing = asyncio.ensure_future(asyncio.gather(there.run(), back.run()))
        while not passing.done():
            await asyncio.wait({passing}, timeout=None if self._max_age_s is None else _QUIET_S)
            now = time.monotonic()
            is_old = self._max_age_s is not None and now - began > self._max_age_s
            if is_old and now - max(there.passed_at, back.passed_at) > _QUIET_S:
                passing.cancel()
                await asyncio.wait({passing})


class _Way:
    """One direction of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.passed_at = time.monotonic()

    async def run(self) -> None:
        with contextlib.suppress(OSError):
            await self._pass()

    async def _pass(self) -> None:
        """To the end; the other side learns of it."""
        writer = self._writer
        while piece := await self._reader.read(_PIECE_BYTES):
            self.passed_at = time.monotonic()
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
