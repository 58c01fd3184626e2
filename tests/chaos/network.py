"""What chaos does to the connections to the servers."""

from __future__ import annotations

import asyncio

from tests.chaos.ground import Ground
from tests.chaos.schedule import Fault, family_of
from tests.support.proxy import DOWN, UP, Proxy, Trap

DIRECTIONS = {"up": (UP,), "down": (DOWN,), "both": (UP, DOWN)}
COMMIT = (b"\0move_fence\0", b"\0commit\0")


def _net(ground: Ground, fault: Fault) -> Proxy:
    if family_of(fault.target) == "network.kafka":
        return ground.proxies.kafka[int(fault.target[-1])]
    return ground.proxies.postgres


async def _heal_after(net: Proxy, fault: Fault) -> None:
    try:
        await asyncio.sleep(fault.duration_s)
    finally:
        net.heal()
        net.accept()


async def reset(ground: Ground, fault: Fault) -> bool:
    return _net(ground, fault).cut(reset=True) > 0


async def delay(ground: Ground, fault: Fault) -> bool:
    net, seconds = _net(ground, fault), float(fault.detail)
    net.delay(seconds, jitter_s=seconds / 2)
    await _heal_after(net, fault)
    return True


async def hold(ground: Ground, fault: Fault) -> bool:
    """Nothing arrives any more in some direction, and nobody is told."""
    net = _net(ground, fault)
    net.blackhole(*DIRECTIONS[fault.detail])
    await _heal_after(net, fault)
    return True


async def refuse(ground: Ground, fault: Fault) -> bool:
    net = _net(ground, fault)
    net.refuse()
    net.cut()
    await _heal_after(net, fault)
    return True


async def cut_commit(ground: Ground, fault: Fault) -> bool:
    """The connection ends at a byte of the exchange that commits: was it, or was it not?"""
    net = _net(ground, fault)
    direction, byte = fault.detail.split()
    trap = net.arm(Trap(DIRECTIONS[direction][0], int(byte), "reset", markers=COMMIT))
    await _heal_after(net, fault)
    return trap.fired.is_set()


ACTS = {"delay": delay, "hold": hold, "reset": reset}
ACTS_OF_POSTGRES = {**ACTS, "refuse": refuse, "cut commit": cut_commit}
