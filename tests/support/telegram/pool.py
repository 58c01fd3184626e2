"""Connections to the webhook addresses: how many, how fast they may be opened, which is free."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from tests.support.telegram.clock import Clock
from tests.support.telegram.connection import Address, Answer, WebhookConnection
from tests.support.telegram.rules import ACTIVE_WINDOW_S, IDLE_LIMIT_S

_RETRY_CONNECT_S = 1.0


class ConnectionPool:
    """Opens connections in turn to the addresses, skipping those that refuse, as a load balancer would.

    While answers succeed, at most 10 new connections in half a second; after ten seconds
    without success, one in two seconds and never more than one at a time.
    """

    def __init__(
        self,
        clock: Clock,
        on_answer: Callable[[WebhookConnection, Answer], None],
        on_change: Callable[[], None],
        ramp: bool,
    ) -> None:
        self._clock = clock
        self._on_answer = on_answer
        self._on_change = on_change
        self._ramp = ramp
        self._addresses: list[Address] = []
        self._max = 0
        self._turn = 0
        self._free: deque[WebhookConnection] = deque()
        self._all: set[WebhookConnection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._opened: deque[float] = deque(maxlen=10)
        self._refused_until = 0.0
        self._last_success = clock.time() - 3600.0
        self.last_error = ""

    def configure(self, addresses: Sequence[Address], max_connections: int) -> None:
        """Use these from now on; connections to others end after their answer."""
        self._addresses = list(addresses)
        self._max = max_connections
        for connection in [free for free in self._free if free.address not in self._addresses]:
            self._forget(connection)

    def note_success(self) -> None:
        """A 2xx came: the webhook is active."""
        self._last_success = self._clock.time()

    def take(self, avoid: str = "") -> WebhookConnection | None:
        """A free connection, to another address than `avoid` when there is one."""
        for index, connection in enumerate(self._free):
            if connection.address.url != avoid:
                del self._free[index]
                return connection
        return self._free.popleft() if self._free else None

    def give_back(self, connection: WebhookConnection, keep: bool) -> None:
        """After its answer: free again, or gone."""
        if keep and connection.address in self._addresses and len(self._all) <= self._max:
            connection.active_at = self._clock.time()
            self._free.append(connection)
        else:
            self._forget(connection)

    def grow(self, wanted: int) -> float | None:
        """Open connections up to `wanted`; returns when to ask again if something holds that back."""
        now = self._clock.time()
        if not self._addresses:
            return None
        active = not self._ramp or self._last_success + ACTIVE_WINDOW_S >= now
        wanted = min(wanted, self._max if active else 1)
        while len(self._all) + len(self._connecting) < wanted:
            wait_until = self._may_open_at(now, active)
            if wait_until > now:
                return wait_until
            self._opened.append(now)
            task = asyncio.get_running_loop().create_task(self._connect())
            self._connecting.add(task)
            task.add_done_callback(self._connected)
        return None

    def idle_limit_at(self) -> float | None:
        """When the connection that is still for the longest reaches the idle limit."""
        return min(each.active_at for each in self._all) + IDLE_LIMIT_S if self._all else None

    def sweep(self) -> None:
        """Close connections on which nothing moved for the idle limit."""
        limit = self._clock.time() - IDLE_LIMIT_S
        for connection in [each for each in self._all if each.active_at <= limit]:
            was_busy = connection.busy
            connection.close("no answer within the idle limit")
            if not was_busy:
                self._forget(connection)

    def close(self) -> None:
        """Close everything without reporting."""
        for task in self._connecting:
            task.cancel()
        self._on_change = lambda: None
        for connection in list(self._all):
            connection.close()
        self._all.clear()
        self._free.clear()

    def _may_open_at(self, now: float, active: bool) -> float:
        allowed = self._refused_until
        if self._ramp and self._opened:
            if not active:
                allowed = max(allowed, self._opened[-1] + 2.0)
            elif len(self._opened) == self._opened.maxlen:
                allowed = max(allowed, self._opened[0] + 0.5)
        return max(allowed, now)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(len(self._addresses)):
            address = self._addresses[self._turn % len(self._addresses)]
            self._turn += 1
            try:
                _, connection = await loop.create_connection(
                    lambda: WebhookConnection(address, self._on_answer, self._closed_idle),  # noqa: B023
                    address.host,
                    address.port,
                )
            except OSError as error:
                self.last_error = f"cannot connect: {error.strerror or error}"
                continue
            connection.active_at = self._clock.time()
            self._all.add(connection)
            self._free.append(connection)
            return
        self._refused_until = self._clock.time() + _RETRY_CONNECT_S

    def _connected(self, task: asyncio.Task[None]) -> None:
        self._connecting.discard(task)
        if not task.cancelled():
            task.result()
            self._on_change()

    def _closed_idle(self, connection: WebhookConnection) -> None:
        self._forget(connection)
        self._on_change()

    def _forget(self, connection: WebhookConnection) -> None:
        self._all.discard(connection)
        if connection in self._free:
            self._free.remove(connection)
        connection.close()
