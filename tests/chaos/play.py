"""One round of chaos: load, faults by the seed's schedule, everything healed, the oracle's verdict."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.servers import Servers
from tests.chaos.bench import Bench, Say, bench_of, plan_of
from tests.chaos.schedule import Fault, Shape
from tests.support.processes import NotReady
from tests.support.proxy import Proxy
from tests.support.telegram import LOST
from tests.support.traffic import Traffic, TrafficPlan

SETTLE_S = 150.0
MAY_EXPIRE = {
    "inline_query",
    "callback_query",
    "chosen_inline_result",
    "shipping_query",
    "pre_checkout_query",
}


@dataclass(slots=True)
class Result:
    """What a round found: it is good when `wrong` is empty."""

    seed: int
    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)
    acked: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True)
class Stage:
    """Where rounds are played."""

    servers: Servers
    proxies: tuple[Proxy, Proxy]
    binaries: Path
    work_dir: Path


async def play(
    stage: Stage, seed: int, shape: Shape, faults: list[Fault], seconds: float, say: Say
) -> Result:
    """Never raises for what the services do: it is in the result."""
    result = Result(seed)
    name = f"chaos_{seed}_{int(time.time())}"
    plan = plan_of(stage.servers, stage.proxies, stage.binaries, stage.work_dir, shape, seed, name)
    try:
        async with bench_of(stage.servers, stage.proxies, plan, say) as bench:
            await _load(bench, result, shape, faults, seconds)
    except NotReady as error:
        result.wrong.append(str(error))
    return result


async def _load(
    bench: Bench, result: Result, shape: Shape, faults: list[Fault], seconds: float
) -> None:
    async with Traffic(bench.pair, TrafficPlan(seed=result.seed, rate=shape.rate)) as traffic:
        try:
            await _hurt(bench, faults, seconds)
            await traffic.settle(SETTLE_S)
            letters = await asyncio.to_thread(bench.dead_letters)
            verdict = await traffic.judge(letters)
        except TimeoutError as error:
            result.wrong.append(f"it does not settle: {error}")
        else:
            if not verdict.is_green:
                result.wrong.append(verdict.report())
        lost = [entry for entry in traffic.telegram.ledger.entries if entry.outcome == LOST]
        result.acked, result.expired = traffic.acked_count, len(lost)
        kinds = {entry.kind for entry in lost} - MAY_EXPIRE
        if kinds:
            result.wrong.append(f"Telegram gave up updates of these kinds: {sorted(kinds)}")
    result.wrong += bench.broken
    result.notes, result.done = bench.notes, bench.done


async def _hurt(bench: Bench, faults: list[Fault], seconds: float) -> None:
    supervisor = asyncio.create_task(bench.supervise())
    try:
        await asyncio.gather(asyncio.sleep(seconds), *(bench.do(fault) for fault in faults))
        await bench.heal()
    finally:
        supervisor.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await supervisor
