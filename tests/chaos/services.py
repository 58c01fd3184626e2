"""What chaos does to the services themselves."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from confluent_kafka.admin import AdminClient

from tests.chaos.ground import Ground
from tests.chaos.schedule import Fault
from tests.faults.torture import Tortured
from tests.support.processes import NotReady, Service

END_S = 90.0  # SIGTERM to the end of a process, whatever is down and however busy the machine is
TURN_S = 5.0  # for one to become ready before the next one is restarted; others may be down meanwhile
SHORT_CALLS_PERMILLE = "20"
ADMIN_S = 20.0


async def _terminate(ground: Ground, service: Service, why: str) -> None:
    """SIGTERM ends it with status 0, but for one that has only just been started and does not take it yet."""
    may_be_killed = not _takes(service, signal.SIGTERM)
    status = await service.stop(END_S)
    if status != 0 and not (may_be_killed and status == -signal.SIGTERM):
        ground.broken.append(f"{why}: status {status} after SIGTERM\n{service.log_end()}")


def _takes(service: Service, number: int) -> bool:
    """Whether it has a handler for the signal."""
    for line in Path(f"/proc/{service.pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


async def kill(ground: Ground, fault: Fault) -> bool:
    service = ground.services[fault.target]
    await service.kill()
    await asyncio.sleep(fault.duration_s)
    await service.spawn()
    return True


async def terminate(ground: Ground, fault: Fault) -> bool:
    service = ground.services[fault.target]
    await _terminate(ground, service, str(fault))
    await asyncio.sleep(fault.duration_s)
    await service.spawn()
    return True


async def stop(ground: Ground, fault: Fault) -> bool:
    """It stands still, and goes on as a zombie when others have taken its place."""
    service = ground.services[fault.target]
    service.signal(signal.SIGSTOP)
    await asyncio.sleep(fault.duration_s)
    if service.is_running:
        service.signal(signal.SIGCONT)
    return True


async def crash(ground: Ground, fault: Fault) -> bool:
    """It kills itself at the first pass of a named point."""
    service = ground.services[fault.target]
    await service.kill()
    service.environment["TELEFACT_CRASH_AT"] = fault.detail
    try:
        await service.spawn()
    finally:
        del service.environment["TELEFACT_CRASH_AT"]
    return await _ended_by_itself(service, fault.duration_s) is not None


async def _ended_by_itself(service: Service, within_s: float) -> int | None:
    """Its status when it did; it runs anew in either case."""
    status = None
    with contextlib.suppress(TimeoutError):
        status = await service.wait(within_s)
    if service.is_running:
        await service.kill()
    await service.spawn()
    return status


async def no_memory(ground: Ground, fault: Fault) -> bool:
    """One of its own allocations fails, or each one from there on."""
    service = ground.services[fault.target]
    await service.kill()
    with Tortured(service, ground.shim, TORTURE_MALLOC=f"own:{fault.detail}") as tortured:
        await service.spawn()
    status = await _ended_by_itself(service, fault.duration_s)
    if status is not None and status <= 0:
        ground.broken.append(f"{fault}: status {status}\n{service.log_end()}")
    return bool(tortured.happened)


async def short_calls(ground: Ground, fault: Fault) -> bool:
    """Calls on sockets are interrupted, or take less than they were given."""
    service = ground.services[fault.target]
    await service.kill()
    with Tortured(service, ground.shim, TORTURE_SOCKETS=SHORT_CALLS_PERMILLE) as tortured:
        await service.spawn()
    await asyncio.sleep(fault.duration_s)
    if service.is_running:
        await service.kill()
    await service.spawn()
    return bool(tortured.happened)


async def no_descriptors(ground: Ground, fault: Fault) -> bool:
    """It can open nothing more."""
    service = ground.services[fault.target]
    limits = resource.prlimit(service.pid, resource.RLIMIT_NOFILE)
    used = max(int(fd) for fd in os.listdir(f"/proc/{service.pid}/fd")) + 1
    resource.prlimit(service.pid, resource.RLIMIT_NOFILE, (used, limits[1]))
    await asyncio.sleep(fault.duration_s)
    if service.is_running:
        resource.prlimit(service.pid, resource.RLIMIT_NOFILE, limits)
    return True


async def wrong_clock(ground: Ground, fault: Fault) -> bool:
    """Its wall clock is wrong one way, then jumps as far to the other side of the truth."""
    service = ground.services[fault.target]
    clock = ground.pair.plan.work_dir / f"{fault.target}.clock"
    skew_ms = int(fault.detail)
    clock.write_text(str(skew_ms))
    service.environment["TELEFACT_CLOCK_FILE"] = str(clock)
    await service.kill()
    await service.spawn()
    await asyncio.sleep(fault.duration_s / 2)
    clock.write_text(str(-skew_ms))
    await asyncio.sleep(fault.duration_s / 2)
    clock.write_text("0")
    return True


async def restart_in_turn(ground: Ground, fault: Fault) -> bool:
    """SIGTERM to one after the other, as a new version is rolled out."""
    for target in ground.of_family(fault.target.removesuffix("s")):
        service = ground.services[target]
        async with ground.lock(target):
            if service.is_running:
                await _terminate(ground, service, str(fault))
            await service.spawn()
            with contextlib.suppress(NotReady):
                await service.wait_ready(TURN_S)
        await asyncio.sleep(fault.duration_s)
    return True


@contextlib.asynccontextmanager
async def _all_of(ground: Ground, fault: Fault) -> AsyncIterator[list[Service]]:
    """Those that run, held by nobody else; all run afterwards."""
    targets = ground.of_family(fault.target.removesuffix("s"))
    services = [ground.services[target] for target in targets]
    async with contextlib.AsyncExitStack() as held:
        for target in targets:
            await held.enter_async_context(ground.lock(target))
        try:
            yield [service for service in services if service.is_running]
        finally:
            for service in services:
                if not service.is_running:
                    await service.spawn()


async def kill_all(ground: Ground, fault: Fault) -> bool:
    async with _all_of(ground, fault) as services:
        await asyncio.gather(*(service.kill() for service in services))
        await asyncio.sleep(fault.duration_s)
    return True


async def delete_group(ground: Ground, fault: Fault) -> bool:
    """The stores' consumer group and its offsets are gone when they come back."""
    group = f"{ground.pair.prefix}.store"
    async with _all_of(ground, fault) as services:
        await asyncio.gather(*(_terminate(ground, service, str(fault)) for service in services))
        admin = AdminClient({"bootstrap.servers": ground.pair.bootstrap, "log_level": 2})
        await asyncio.to_thread(admin.delete_consumer_groups([group])[group].result, ADMIN_S)
        await asyncio.sleep(fault.duration_s)
    return True


ACTS = {
    "kill": kill,
    "terminate": terminate,
    "stop": stop,
    "crash": crash,
    "short calls": short_calls,
    "no memory": no_memory,
    "no descriptors": no_descriptors,
}
ACTS_OF_STORE = {**ACTS, "wrong clock": wrong_clock}
ACTS_OF_ALL = {"restart in turn": restart_in_turn, "kill all": kill_all}
ACTS_OF_STORES = {**ACTS_OF_ALL, "delete group": delete_group}
