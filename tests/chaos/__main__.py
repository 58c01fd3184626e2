"""Random faults under load against a test build; the oracle judges every round.

./dev chaos [--minutes M] [--seed S] [--round-seconds N]
./dev chaos --plan --seed S       prints what would happen

Round n is the seed S + n: its shape, its load and its faults are functions of that seed alone.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import shutil
import sys
import tempfile
import time
from pathlib import Path

from deploy.local.servers import Servers
from tests.chaos.bench import behind_proxies
from tests.chaos.play import Result, Stage, play
from tests.chaos.schedule import schedule, shape_of

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Plays rounds; 0 when the oracle found no difference in any of them."""
    parser = argparse.ArgumentParser(
        prog="./dev chaos", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--minutes", type=float, default=5.0, help="no round begins after so long (default 5)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="of the first round; the next one has the next seed"
    )
    parser.add_argument(
        "--round-seconds", type=float, default=60.0, help="of load and faults (default 60)"
    )
    parser.add_argument("--rounds", type=int, default=1_000_000, help="at most so many")
    parser.add_argument(
        "--plan", action="store_true", help="print the schedule of the seed and end"
    )
    parser.add_argument(
        "--binaries", type=Path, default=ROOT / "build" / "dev" / "bin", help=argparse.SUPPRESS
    )
    arguments = parser.parse_args()
    if arguments.plan:
        shape = shape_of(arguments.seed)
        print(shape, *schedule(arguments.seed, arguments.round_seconds, shape), sep="\n")
        return 0
    folder = Path(tempfile.mkdtemp(prefix="telefact-chaos."))
    folder.chmod(0o755)
    is_good = False
    try:
        for name in ("telefact-gateway", "telefact-store"):
            shutil.copy2(arguments.binaries / name, folder)
        is_good = _play_all(arguments, folder)
        return 0 if is_good else 1
    finally:
        if is_good:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"logs: {folder}")


def _play_all(arguments: argparse.Namespace, folder: Path) -> bool:
    servers = Servers(folder / "servers")
    began, results = time.monotonic(), []
    try:
        with behind_proxies(servers) as proxies:
            stage = Stage(servers, proxies, folder, folder)
            for number in range(arguments.rounds):
                if number and time.monotonic() - began >= arguments.minutes * 60:
                    break
                results.append(_play_one(arguments, stage, arguments.seed + number))
    finally:
        servers.kill_kafka()
        servers.kill_postgres()
        if all(not result.wrong for result in results):
            servers.stop()
    _tell_all(results, time.monotonic() - began)
    return bool(results) and all(not result.wrong for result in results)


def _play_one(arguments: argparse.Namespace, stage: Stage, seed: int) -> Result:
    shape = shape_of(seed)
    seconds = arguments.round_seconds
    faults = schedule(seed, seconds, shape)
    print(f"seed {seed}: {shape}, {len(faults)} faults in {seconds:g} s", flush=True)
    place = Stage(stage.servers, stage.proxies, stage.binaries, stage.work_dir / f"seed{seed}")
    began = time.monotonic()
    result = asyncio.run(
        play(place, seed, shape, faults, seconds, lambda line: print(f"  {line}", flush=True))
    )
    for note in result.notes:
        print(f"  note: {note}")
    for wrong in result.wrong:
        print(f"  WRONG: {wrong}")
    print(
        f"seed {seed}: {'WRONG' if result.wrong else 'no difference'}; {result.acked:,} updates acknowledged, "
        f"{result.expired} expired at Telegram, {sum(result.done.values())} faults took effect, "
        f"{time.monotonic() - began:.0f} s",
        flush=True,
    )
    if result.wrong:
        print(
            f"again: ./dev chaos --rounds 1 --seed {seed} --round-seconds {seconds:g}", flush=True
        )
    return result


def _tell_all(results: list[Result], seconds: float) -> None:
    done: collections.Counter[str] = collections.Counter()
    for result in results:
        done.update(result.done)
    wrong = [str(result.seed) for result in results if result.wrong]
    print(
        f"{len(results)} seeds in {seconds / 60:.1f} minutes; {sum(result.acked for result in results):,} updates"
    )
    print(
        "faults that took effect: "
        + ", ".join(f"{count} × {name}" for name, count in sorted(done.items()))
    )
    print(f"seeds with differences: {', '.join(wrong) if wrong else 'none'}")


if __name__ == "__main__":
    sys.exit(main())
