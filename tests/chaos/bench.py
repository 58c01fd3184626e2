"""Does the faults of a schedule at their time, keeps the services running meanwhile, and heals everything."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from tests.chaos import kafka, network, postgres, services, telegram
from tests.chaos.ground import READY_S, Ground, start
from tests.chaos.schedule import BOTH, Fault, family_of
from tests.support.processes import NotReady, Service

Act = Callable[[Ground, Fault], Awaitable[bool]]
"""Does it, heals it; False when it did not take effect."""
Say = Callable[[str], None]
ACTS: Mapping[str, Mapping[str, Act]] = {
    "gateway": services.ACTS,
    "store": services.ACTS_OF_STORE,
    "gateways": services.ACTS_OF_ALL,
    "stores": services.ACTS_OF_STORES,
    "kafka": kafka.ACTS,
    "log": kafka.ACTS_OF_LOG,
    "postgres": postgres.ACTS,
    "network.kafka": network.ACTS,
    "network.postgres": network.ACTS_OF_POSTGRES,
    "telegram": telegram.ACTS,
}
WATCH_S = 0.2
NOTE_CHARS = 600


class Bench:
    """What was done is told through `say` and counted in `done`; what must not be is in the ground's `broken`."""

    def __init__(self, ground: Ground, say: Say) -> None:
        self.ground, self._say = ground, say
        self.done: Counter[str] = Counter()

    async def do(self, fault: Fault) -> None:
        """Wait for the fault's time, do it, heal it."""
        await asyncio.sleep(fault.at_s)
        async with self.ground.lock(fault.target):
            self._say(str(fault))
            service = self.ground.services.get(fault.target)
            if service is not None and not service.is_running:
                return
            family = family_of(fault.target)
            try:
                happened = await ACTS[family][fault.kind](self.ground, fault)
            except (
                Exception
            ) as error:  # a fault that meets another fault may fail; what counts is the verdict
                self._note(f"{fault}: {type(error).__name__}: {error}")
                return
            if happened:
                self.done[f"{family} {fault.kind}"] += 1

    def _note(self, what: str) -> None:
        self._say(f"note: {what[:NOTE_CHARS]}")
        self.ground.notes.append(what)

    async def supervise(self) -> None:
        """Start again what ended by itself, as a platform would."""
        while True:
            await asyncio.sleep(WATCH_S)
            for target, service in self.ground.services.items():
                lock = self.ground.lock(target)
                if service.is_running or lock.locked():
                    continue
                async with lock:
                    await self._revive(service)

    async def _revive(self, service: Service) -> None:
        """An end by a signal of its own is a bug; SIGKILL is none, but the kernel's for want of memory."""
        status = await service.wait(1)
        what = f"{service.name} ended by itself with status {status}\n{service.log_end()[-600:]}"
        if status < 0 and status != -signal.SIGKILL:
            self.ground.broken.append(what)
        else:
            self._note(what)
        await service.spawn()

    async def heal(self) -> None:
        """Everything runs again; a service that does not become ready is a bug. Raises Trouble."""
        ground = self.ground
        ground.telegram.script.clear()
        ground.proxies.heal()
        await asyncio.to_thread(start, ground.servers)
        await asyncio.to_thread(kafka.wait_in_sync, ground)
        if ground.shape.intake == BOTH:
            await telegram.tell(ground)
        deadline = time.monotonic() + READY_S
        for service in ground.services.values():
            await self._wait_ready(service, deadline)

    async def _wait_ready(self, service: Service, deadline: float) -> None:
        """It may end once more meanwhile, and be started again."""
        while True:
            try:
                return await service.wait_ready(max(1.0, deadline - time.monotonic()))
            except NotReady as error:
                if time.monotonic() > deadline:
                    self.ground.broken.append(str(error))
                    return None
            await asyncio.sleep(2 * WATCH_S)
