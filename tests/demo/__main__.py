"""The demonstration: tens of thousands of updates through the pair, both services killed in the middle, exact counts.

.cache/venv/bin/python -m tests.demo [--keep] [--updates N] [--seed S]
.cache/venv/bin/python -m tests.demo --stop
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import time
from pathlib import Path

from deploy.local.servers import Servers
from tests.demo import keep, report
from tests.demo.latency import LatencyProbe
from tests.demo.status import Status
from tests.support.oracle import Verdict
from tests.support.pair import Pair, PairPlan
from tests.support.traffic import Traffic, TrafficPlan

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".cache" / "demo"
KILLS_AT = (0.1, 0.2, 0.5, 0.8)  # of the updates acknowledged; gateway and store in turn
SENDING_S = 27.0  # slow enough that a killed store is back before the last updates
SETTLE_S = 120.0
READY_S = 30.0  # Kafka gives a killed store's partitions away when its session has ended, after 10 s


def main() -> int:
    """Runs the demonstration; 0 when the oracle finds no difference."""
    parser = argparse.ArgumentParser(
        prog="./dev demo", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--keep", action="store_true", help="leave it running and print how to look around")
    parser.add_argument("--stop", action="store_true", help="end what an earlier --keep left running")
    parser.add_argument("--updates", type=int, default=30_000, help="how many updates to send (default 30,000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed sends the same updates")
    parser.add_argument("--binaries", type=Path, default=ROOT / "build" / "release" / "bin", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    for name in () if arguments.stop else ("telefact-gateway", "telefact-store"):
        if not (arguments.binaries / name).is_file():
            parser.error(f"{arguments.binaries / name} is missing: run ./dev build release")
    try:
        with keep.alone(FOLDER):
            keep.stop(FOLDER)
            return 0 if arguments.stop else asyncio.run(demonstrate(arguments))
    except keep.Busy as busy:
        print(busy, file=sys.stderr)
        return 1


async def demonstrate(arguments: argparse.Namespace) -> int:
    """Servers up, traffic through, verdict out."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    servers = Servers(FOLDER / "servers")
    is_kept = False
    with Status() as status:
        status.show("starting Kafka and PostgreSQL")
        try:
            await asyncio.to_thread(servers.start)
            plan = PairPlan(
                servers,
                arguments.binaries,
                FOLDER / "logs",
                "demo",
                gateways=2,
                partitions=12,
                on_spawn=lambda pid: keep.remember(FOLDER, pid),
            )
            async with Pair(plan) as pair:
                verdict, figures = await run_traffic(pair, arguments, status)
                report.show(verdict, figures)
                await report.show_answers(pair, verdict)
                report.show_verdict(verdict, figures)
                if arguments.keep:
                    await keep.leave_running(FOLDER, pair)
                    is_kept = True
        finally:
            if not is_kept:
                await asyncio.to_thread(servers.stop)
    return 0 if verdict.is_green and figures.is_measured else 1


async def run_traffic(pair: Pair, arguments: argparse.Namespace, status: Status) -> tuple[Verdict, report.Figures]:
    """Send, kill, wait, judge."""
    status.line(f"Kafka {pair.bootstrap}, PostgreSQL, 2 gateways and a store are up; seed {arguments.seed}")
    plan = TrafficPlan(
        seed=arguments.seed, count=arguments.updates, rate=arguments.updates / SENDING_S, duplicates=2, chats=4_000
    )
    began = time.monotonic()
    async with LatencyProbe(pair.store_rpc) as probe, Traffic(pair, plan, on_acked=probe.take) as traffic:
        watcher = asyncio.create_task(watch(traffic, status))
        kills = asyncio.create_task(kill_in_turn(pair, traffic, arguments.updates, status))
        try:
            await traffic.settle(SETTLE_S)
            await kills
        finally:
            watcher.cancel()
            kills.cancel()
        elapsed_s = time.monotonic() - began
        await probe.finish()
        lag = await asyncio.to_thread(pair.lag)
        status.show("the oracle compares every row")
        verdict = await traffic.judge()
        figures = report.Figures(
            sent=len(traffic.telegram.ledger.entries),
            deliveries=traffic.telegram.ledger.attempt_count,
            acked=traffic.acked_count,
            published=len(traffic.bot.log.records),
            elapsed_s=elapsed_s,
            lag=lag,
            kills=len(KILLS_AT),
            ack_ms=traffic.telegram.ledger.ack_latencies_ms(),
            readable_ms=sorted(probe.found_ms),
            never_readable=probe.missed,
        )
    return verdict, figures


async def kill_in_turn(pair: Pair, traffic: Traffic, updates: int, status: Status) -> None:
    """SIGKILL and restart, gateway and store in turn, while updates flow."""
    victims = (pair.gateways[0], pair.store, pair.gateways[1], pair.store)
    for share, victim in zip(KILLS_AT, victims, strict=True):
        while traffic.acked_count < share * updates:
            await asyncio.sleep(0.02)
        await victim.kill()
        status.line(f"{victim.name} is killed with SIGKILL after {traffic.acked_count:,} acknowledged updates")
        await victim.start(READY_S)
        status.line(f"{victim.name} is ready again after {traffic.acked_count:,}")


async def watch(traffic: Traffic, status: Status) -> None:
    """Tell how far it is."""
    while True:
        progress = traffic.telegram.progress()
        status.show(
            f"{progress.acked:,} of {traffic.plan.count:,} updates acknowledged,"
            f" {len(traffic.bot.log.records) - traffic.bot.backlog:,} events published,"
            f" {progress.elapsed_s:.0f} s"
        )
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
