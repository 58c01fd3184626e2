"""A TCP proxy that hurts what goes through it: slow, half open, cut at an exact byte, reset, corrupted, refused.

with Proxy(("127.0.0.1", 5432), seed=7) as proxy:
    connect to 127.0.0.1:proxy.port ...
    proxy.delay(0.02, jitter_s=0.01)           each piece waits, both ways
    proxy.blackhole(DOWN)                      nothing arrives any more, nobody is told; heal() lets it pass
    proxy.cut(reset=True)                      every connection now; reset: RST instead of FIN
    proxy.refuse(); proxy.accept()             ECONNREFUSED
    proxy.target = ("127.0.0.1", 5433)         for connections from now on
    trap = proxy.arm(Trap(UP, 12, markers=(b"commit",)))
    trap.fired.wait(5)

UP is from the client to the target. It runs in a thread of its own, so that tests may block; every method may be called
from any thread. At most one piece of 64 KiB is held for each direction of a connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.support.processes import free_port

UP = 0
DOWN = 1
_PIECE = 65_536
_RESET = struct.pack("ii", 1, 0)

Action = Literal["close", "reset", "corrupt", "hold"]


@dataclass(eq=False, slots=True)
class Trap:
    """Something that happens once, at one byte of one connection.

    direction  whose bytes are counted
    at         so many of them pass unharmed; then the action: the connection is closed or reset, the next byte is
               corrupted, or nothing passes any more on any connection until heal() (hold)
    markers    counting starts when these were seen one after another on the way up: at the first byte of the last one,
               or with the next byte on the way down; without markers, at the next byte
    refuses    new connections are refused from then on
    """

    direction: int
    at: int
    action: Action = "close"
    markers: tuple[bytes, ...] = ()
    refuses: bool = False
    fired: threading.Event = field(default_factory=threading.Event)


class _Connection:
    """Both sockets, and how far the armed trap has come here."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.ends = (client, server)
        self.trap: Trap | None = None
        self.seen = 0
        self.tail = b""
        self.left: int | None = None
        self.tasks: list[asyncio.Task[None]] = []

    def watch(self, trap: Trap | None) -> None:
        if trap is not self.trap:
            self.trap, self.seen, self.tail, self.left = trap, 0, b"", None

    def look_up(self, data: bytes) -> int | None:
        """Follow the markers; where in the data the last one begins (negative: in what was before it)."""
        assert self.trap is not None
        text, at = self.tail + data, 0
        for marker in self.trap.markers[self.seen :]:
            found = text.find(marker, at)
            if found < 0:
                self.tail = text[max(at, len(text) - len(marker) + 1) :]
                return None
            self.seen += 1
            if self.seen == len(self.trap.markers):
                return found - len(self.tail)
            at = found + len(marker)
        return None

    def end(self, reset: bool) -> None:
        for end in self.ends:
            if reset:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.close()


class Proxy:
    """Use it as a context manager; `port` listens on loopback."""

    def __init__(self, target: tuple[str, int], seed: int = 1) -> None:
        self.target = target
        self.taken = 0
        """Connections so far."""
        self._random = random.Random(seed)
        self._delay_s = (0.0, 0.0)
        self._jitter_s = (0.0, 0.0)
        self._trap: Trap | None = None
        self._connections: set[_Connection] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._loop = asyncio.new_event_loop()
        self._open = (asyncio.Event(), asyncio.Event())
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port = free_port()

    def __enter__(self) -> Proxy:
        self._thread.start()
        for gate in self._open:
            self._do(gate.set)
        self._do(self._listen)
        return self

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def address(self) -> str:
        """host:port of the proxy."""
        return f"127.0.0.1:{self.port}"

    @property
    def open_count(self) -> int:
        """Connections that are open now."""
        return len(self._connections)

    def delay(self, delay_s: float, jitter_s: float = 0.0, directions: tuple[int, ...] = (UP, DOWN)) -> None:
        """Every piece waits so long, and up to so much more."""
        self._delay_s = tuple(delay_s if d in directions else self._delay_s[d] for d in (UP, DOWN))  # type: ignore[assignment]
        self._jitter_s = tuple(jitter_s if d in directions else self._jitter_s[d] for d in (UP, DOWN))  # type: ignore[assignment]

    def blackhole(self, *directions: int) -> None:
        """Nothing passes in these directions (default: both) of connections old and new; what comes waits."""
        for direction in directions or (UP, DOWN):
            self._do(self._open[direction].clear)

    def heal(self) -> None:
        """Undo delay and blackhole and disarm; what waited passes."""
        self._delay_s = self._jitter_s = (0.0, 0.0)
        self._trap = None
        for gate in self._open:
            self._do(gate.set)

    def cut(self, reset: bool = False) -> int:
        """End every connection; how many there were."""

        def all_of_them() -> int:
            return sum(self._drop(connection, reset) for connection in list(self._connections))

        return int(self._do(all_of_them))

    def refuse(self) -> None:
        """New connections are refused; those that are open stay."""
        self._do(self._unlisten)

    def accept(self) -> None:
        """Take new connections again."""
        self._do(self._listen)

    def arm(self, trap: Trap) -> Trap:
        """Wait for this; replaces the one before."""
        self._trap = trap
        return trap

    def disarm(self) -> None:
        self._trap = None

    # ---- what follows runs in the thread ----

    def _do(self, act: Callable[[], Any]) -> Any:
        async def call() -> Any:
            return act()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(10)

    def _task(self, body: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._loop.create_task(body)

    def _listen(self) -> None:
        if self._listener is not None:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        listener.setblocking(False)
        self._listener, self._accepting = listener, self._task(self._accept_all(listener))

    def _unlisten(self) -> None:
        if self._listener is None or self._accepting is None:
            return
        self._accepting.cancel()
        self._loop.remove_reader(self._listener)
        self._listener.close()
        self._listener = None

    async def _accept_all(self, listener: socket.socket) -> None:
        while True:
            client, _ = await self._loop.sock_accept(listener)
            client.setblocking(False)
            self.taken += 1
            self._keep(self._task(self._serve(client)))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, client: socket.socket) -> None:
        server = socket.socket()
        server.setblocking(False)
        try:
            await self._loop.sock_connect(server, self.target)
        except OSError:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            client.close()
            server.close()
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(client, server)
        self._connections.add(connection)
        connection.tasks = [self._task(self._pump(connection, direction)) for direction in (UP, DOWN)]
        await asyncio.gather(*connection.tasks, return_exceptions=True)
        self._drop(connection, reset=False)

    def _drop(self, connection: _Connection, reset: bool) -> bool:
        if connection not in self._connections:
            return False
        self._connections.discard(connection)
        current = asyncio.current_task()
        for task in connection.tasks:
            if task is not current:
                task.cancel()
        for end in connection.ends:
            self._loop.remove_reader(end)
            self._loop.remove_writer(end)
        connection.end(reset)
        return True

    async def _pump(self, connection: _Connection, direction: int) -> None:
        source, sink = connection.ends[direction], connection.ends[1 - direction]
        try:
            while True:
                await self._open[direction].wait()
                data = await self._loop.sock_recv(source, _PIECE)
                await self._open[direction].wait()
                pause_s = self._delay_s[direction] + self._jitter_s[direction] * self._random.random()
                if pause_s > 0:
                    await asyncio.sleep(pause_s)
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                if not await self._pass(connection, direction, data):
                    return
        except OSError:
            self._drop(connection, reset=True)

    async def _pass(self, connection: _Connection, direction: int, data: bytes) -> bool:
        """Send it on as far as the trap lets it; False when nothing more passes."""
        sink, trap = connection.ends[1 - direction], self._trap
        connection.watch(trap)
        stop = None if trap is None else self._stop(connection, trap, direction, data)
        if trap is None or stop is None:
            await self._loop.sock_sendall(sink, data)
            return True
        self._trap = None
        await self._loop.sock_sendall(sink, data[:stop])
        return await self._spring(connection, trap, sink, data[stop:])

    def _stop(self, connection: _Connection, trap: Trap, direction: int, data: bytes) -> int | None:
        """How much of the data passes before the trap springs; None when it does not yet."""
        start = 0
        if connection.left is None:
            found = self._start(connection, trap, direction, data)
            if found is None:
                return None
            connection.left, start = trap.at, found
        if direction != trap.direction:
            return None
        stop = max(0, start + connection.left)
        needed = stop + 1 if trap.action == "corrupt" else stop
        if needed <= len(data):
            return stop
        connection.left = stop - len(data)
        return None

    @staticmethod
    def _start(connection: _Connection, trap: Trap, direction: int, data: bytes) -> int | None:
        if trap.markers:
            return connection.look_up(data) if direction == UP else None
        return 0 if direction == trap.direction else None

    async def _spring(self, connection: _Connection, trap: Trap, sink: socket.socket, rest: bytes) -> bool:
        if trap.refuses:
            self._unlisten()
        if trap.action == "corrupt":
            spoiled = rest[0] ^ (1 << self._random.randrange(8))
            await self._loop.sock_sendall(sink, bytes([spoiled]) + rest[1:])
        elif trap.action == "hold":
            self._open[UP].clear()
            self._open[DOWN].clear()
        else:
            self._drop(connection, trap.action == "reset")
        trap.fired.set()
        if trap.action == "hold":
            await self._open[trap.direction].wait()
            await self._loop.sock_sendall(sink, rest)
        return trap.action in ("corrupt", "hold")

    async def _end(self) -> None:
        self._unlisten()
        for connection in list(self._connections):
            self._drop(connection, reset=True)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
