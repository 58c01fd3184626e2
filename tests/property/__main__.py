"""./dev property: random histories through a real store for some time; see --help."""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.local.servers import Servers
from tests.property.bench import Bench, Outcome, opened
from tests.property.histories import show

ROOT = Path(__file__).resolve().parents[2]
SHOWN_EVENTS = 80
REPORT_S = 10.0
RESTART_EVERY = 40


@dataclass(slots=True)
class Count:
    """What a run did."""

    histories: int = 0
    events: int = 0
    questions: int = 0
    kills: int = 0

    def add(self, outcome: Outcome) -> None:
        """One more history."""
        self.histories += 1
        self.events += len(outcome.events)
        self.questions += outcome.questions
        self.kills += outcome.kills

    def __str__(self) -> str:
        return (
            f"{self.histories} histories, {self.events} records, {self.kills} kills,"
            f" {self.questions} questions asked"
        )


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev property", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (default 60)")
    parser.add_argument("--seed", type=int, default=None, help="seed of the whole run (default: the clock)")
    parser.add_argument("--only", metavar="SEED:NUMBER", help="play one history of a run again")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "dev" / "bin", help="folder of the binaries")
    parser.add_argument("--plant", default="", help="switch a planted bug on (telefact-store --print-planted-bugs)")
    return parser.parse_args()


def seeds(arguments: argparse.Namespace) -> Iterator[str]:
    """SEED:NUMBER for each history of the run."""
    if arguments.only:
        yield arguments.only
        return
    seed = arguments.seed if arguments.seed is not None else int(time.time())
    deadline, number = time.monotonic() + arguments.seconds, 0
    while time.monotonic() < deadline:
        yield f"{seed}:{number}"
        number += 1


async def run(bench: Bench, arguments: argparse.Namespace) -> int:
    """Play until the time is over or something differs; the exit status."""
    count, began, reported = Count(), time.monotonic(), time.monotonic()
    for seed in seeds(arguments):
        number = int(seed.partition(":")[2])
        if count.histories == 0 or number % RESTART_EVERY == 0:
            await bench.restart(random.Random(seed), arguments.plant)
        outcome = await bench.play(seed)
        count.add(outcome)
        if outcome.differences:
            print("\n".join(outcome.differences.lines()))
            if len(outcome.events) <= SHOWN_EVENTS:
                print("\n".join(("events, as they came into the log:", *show(outcome.events))))
            print(f"after {count}\nreplay: ./dev property --only {seed}")
            return 1
        if time.monotonic() - reported > REPORT_S:
            reported = time.monotonic()
            print(f"{reported - began:4.0f} s: {count}", flush=True)
    print(f"{count}: no difference")
    return 0


async def main() -> int:
    """Servers of its own, so that several runs do not meet."""
    arguments = parsed()
    folder = Path(tempfile.mkdtemp(prefix="telefact-property."))
    folder.chmod(0o755)
    servers = Servers(folder / "servers")
    try:
        servers.start()
        url = servers.create_database("property")
        async with opened(servers.kafka_bootstrap, url, "property", arguments.build, folder) as bench:
            return await run(bench, arguments)
    finally:
        servers.kill_kafka()
        servers.kill_postgres()
        servers.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
