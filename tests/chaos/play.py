"""One round of chaos: load, faults by the seed's schedule, everything healed, the oracle's verdict."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from confluent_kafka import KafkaException

from tests.chaos import kafka, telegram
from tests.chaos.bench import Bench, Say
from tests.chaos.ground import Ground, PlanOptions, plan_of, running_servers
from tests.chaos.schedule import POLLING, WEBHOOK, Fault, Shape
from tests.faults.torture import build
from tests.support import canaries
from tests.support.balancer import Balancer
from tests.support.pair import HOOK, SECRET, TOKEN, Pair
from tests.support.processes import NotReady
from tests.support.telegram import LOST, FakeTelegram
from tests.support.traffic import Traffic, TrafficPlan

STILL_S = 130.0  # Telegram itself waits up to 120 s before it tries again
MAX_CONNECTIONS = 100
ODD = 0.01
SERVERS_FAIL = (RuntimeError, KafkaException, psycopg.OperationalError)
MAY_EXPIRE = {
    "inline_query",
    "callback_query",
    "chosen_inline_result",
    "shipping_query",
    "pre_checkout_query",
}


@dataclass(frozen=True, slots=True)
class Round:
    """What is played.

    still_s  when nothing moves for so long in the end, the round has not settled
    planted  the name of a bug that makes the round fail, or empty
    """

    seed: int
    shape: Shape
    faults: Sequence[Fault]
    seconds: float
    still_s: float = STILL_S
    planted: str = ""


@dataclass(slots=True)
class Result:
    """What a round found: it is good when `wrong` is empty and `trouble`, which is the servers', too."""

    seed: int
    wrong: list[str] = field(default_factory=list)
    trouble: str = ""
    notes: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    acked: int = 0
    expired: int = 0


async def play(chosen: Round, binaries: Path, folder: Path, say: Say) -> Result:
    """Play it on servers of its own in the folder. Never raises for what services or servers do."""
    result = Result(chosen.seed)
    try:
        async with _ground(chosen, binaries, folder) as ground:
            bench = Bench(ground, say)
            try:
                await _load(bench, chosen, result)
            finally:
                result.wrong += ground.broken
                result.notes, result.done = ground.notes, bench.done
    except NotReady as error:
        result.wrong.append(str(error))
    except (OSError, *SERVERS_FAIL) as error:
        result.trouble = f"{type(error).__name__}: {error}"
    result.wrong += _leaks(canaries.take() + canaries.in_files(folder))
    return result


def _leaks(found: list[canaries.Finding]) -> list[str]:
    """What came out and must not."""
    return sorted({str(finding) for finding in found})


@contextlib.asynccontextmanager
async def _ground(chosen: Round, binaries: Path, folder: Path) -> AsyncIterator[Ground]:
    """Servers, Telegram and the pair run inside."""
    shape = chosen.shape
    async with contextlib.AsyncExitStack() as stack:
        servers, proxies = stack.enter_context(running_servers(folder / "servers", shape.brokers))
        fake = FakeTelegram(
            token=TOKEN,
            secret=SECRET,
            max_connections=MAX_CONNECTIONS,
            seed=chosen.seed,
            duplicates=3,
            ramp=False,
            ledger_path=folder / "ledger.jsonl",
        )
        await stack.enter_async_context(fake)
        options = PlanOptions(binaries, folder, chosen.seed, shape, fake.api_url, chosen.planted)
        pair = await stack.enter_async_context(Pair(plan_of(servers, proxies, options)))
        hooks = [each.removeprefix("http://").removesuffix(HOOK) for each in pair.webhooks]
        balancer = await stack.enter_async_context(Balancer(hooks))
        hook_url = f"http://{balancer.address}{HOOK}"
        if shape.intake != POLLING:
            fake.set_webhooks(pair.webhooks if shape.intake == WEBHOOK else [hook_url])
        mode = POLLING if shape.intake == POLLING else WEBHOOK
        shim = await asyncio.to_thread(build, folder)
        yield Ground(servers, proxies, pair, fake, shape, hook_url, shim, mode)


async def _load(bench: Bench, chosen: Round, result: Result) -> None:
    ground, shape = bench.ground, chosen.shape
    odd = ODD if shape.intake == WEBHOOK else 0.0  # a real server lists no bodies but its own
    plan = TrafficPlan(seed=chosen.seed, rate=shape.rate, odd=odd)
    async with Traffic(ground.pair, plan, telegram=ground.telegram) as traffic:
        try:
            await _hurt(bench, chosen)
            await _settle(traffic, chosen.still_s)
        except TimeoutError as error:
            result.wrong.append(f"it does not settle: {error}")
        else:
            letters = await asyncio.to_thread(kafka.dead_letters, ground)
            verdict = await traffic.judge(letters)
            if not verdict.is_green:
                result.wrong.append(verdict.report())
        lost = [entry for entry in ground.telegram.ledger.entries if entry.outcome == LOST]
        result.acked, result.expired = traffic.acked_count, len(lost)
        kinds = {entry.kind for entry in lost} - MAY_EXPIRE
        if kinds:
            result.wrong.append(f"Telegram gave up updates of these kinds: {sorted(kinds)}")
        result.wrong += telegram.misuse(ground)
        canaries.add_password(ground.servers.postgres.state["password"])
        result.wrong += _leaks(await asyncio.to_thread(canaries.in_servers, ground.servers))


async def _settle(traffic: Traffic, still_s: float) -> None:
    """As long as something moves it is the machine that is busy; raises TimeoutError when nothing does."""
    before = None
    while True:
        try:
            return await traffic.settle(still_s)
        except (TimeoutError, *SERVERS_FAIL):
            lag = None
            with contextlib.suppress(*SERVERS_FAIL):
                lag = await asyncio.to_thread(traffic.pair.lag)
            now = (*traffic.telegram.progress()[:-1], traffic.bot.log.finished, lag)
            if now == before:
                raise
            before = now


async def _hurt(bench: Bench, chosen: Round) -> None:
    supervisor = asyncio.create_task(bench.supervise())
    try:
        faults = (bench.do(fault) for fault in chosen.faults)
        await asyncio.gather(asyncio.sleep(chosen.seconds), *faults)
        await bench.heal()
    finally:
        supervisor.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await supervisor
