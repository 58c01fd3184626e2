"""Random faults under load against a test build; the oracle judges every round.

./dev chaos [--minutes M] [--seed S] [--round-seconds N]
./dev chaos --plan --seed S       prints what would happen
./dev chaos --planted             expects each planted bug to be found

Round n is the seed S + n: its shape, its load and its faults are functions of that seed alone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from deploy.local.servers import Servers
from tests.chaos.bench import NOTE_CHARS
from tests.chaos.planted import PLANTED_S, find_all
from tests.chaos.play import Result, Round, play
from tests.chaos.schedule import schedule, shape_of

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Plays rounds; 0 when the oracle found no difference in any of them."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # servers are ended then, too
    if arguments.plan:
        shape = shape_of(arguments.seed)
        print(shape, *schedule(arguments.seed, arguments.round_seconds, shape), sep="\n")
        return 0
    with _folder() as folder:
        binaries = folder / "bin"
        binaries.mkdir()
        for name in ("telefact-gateway", "telefact-store"):
            shutil.copy2(arguments.binaries / name, binaries)
        if arguments.planted:
            return 0 if find_all(binaries, folder, arguments.seed) else 1
        return 0 if _play_all(arguments, binaries, folder) else 1


def _arguments() -> argparse.Namespace:
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
        "--planted",
        action="store_true",
        help=f"plant one bug after the other into rounds of {PLANTED_S:g} s until they are found",
    )
    parser.add_argument(
        "--binaries", type=Path, default=ROOT / "build" / "dev" / "bin", help=argparse.SUPPRESS
    )
    return parser.parse_args()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Goes when it is empty but for the binaries; what a bad round left stays."""
    folder = Path(tempfile.mkdtemp(prefix="telefact-chaos."))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder / "bin", ignore_errors=True)
        if any(folder.iterdir()):
            print(f"logs: {folder}")
        else:
            folder.rmdir()


def _play_all(arguments: argparse.Namespace, binaries: Path, folder: Path) -> bool:
    began, results = time.monotonic(), []
    for number in range(arguments.rounds):
        if number and time.monotonic() - began >= arguments.minutes * 60:
            break
        seed = arguments.seed + number
        result = _play_one(seed, arguments.round_seconds, binaries, folder / f"seed{seed}")
        if result.trouble:
            again = folder / f"seed{seed}-again"
            result = _play_one(seed, arguments.round_seconds, binaries, again)
        results.append(result)
    _tell_all(results, time.monotonic() - began)
    return any(not result.trouble for result in results) and not any(
        result.wrong for result in results
    )


def _play_one(seed: int, seconds: float, binaries: Path, place: Path) -> Result:
    shape, began = shape_of(seed), time.monotonic()
    chosen = Round(seed, shape, schedule(seed, seconds, shape), seconds)
    print(f"seed {seed}: {shape}, {len(chosen.faults)} faults in {seconds:g} s", flush=True)
    result = asyncio.run(
        play(chosen, binaries, place, lambda line: print(f"  {line}", flush=True))
    )
    for wrong in result.wrong:
        print(f"  WRONG: {wrong}")
    if result.trouble:
        print(f"  not judged: {result.trouble[:NOTE_CHARS]}")
    word = "WRONG" if result.wrong else "not judged" if result.trouble else "no difference"
    print(
        f"seed {seed}: {word}; {result.acked:,} updates acknowledged, {result.expired} expired at "
        f"Telegram, {result.done.total()} faults took effect, {time.monotonic() - began:.0f} s",
        flush=True,
    )
    if result.wrong or result.trouble:
        print(f"again: ./dev chaos --rounds 1 --seed {seed} --round-seconds {seconds:g}", flush=True)
    else:
        Servers(place / "servers").stop()
        shutil.rmtree(place, ignore_errors=True)
    return result


def _tell_all(results: list[Result], seconds: float) -> None:
    done: Counter[str] = Counter()
    for result in results:
        done.update(result.done)
    acked = sum(result.acked for result in results)
    print(f"{len(results)} seeds in {seconds / 60:.1f} minutes; {acked:,} updates")
    counts = (f"{count} × {name}" for name, count in sorted(done.items()))
    print(f"faults that took effect: {', '.join(counts)}")
    for word, bad in (
        ("with differences", [result.seed for result in results if result.wrong]),
        ("not judged", [result.seed for result in results if result.trouble]),
    ):
        print(f"seeds {word}: {', '.join(map(str, bad)) or 'none'}")


if __name__ == "__main__":
    sys.exit(main())
