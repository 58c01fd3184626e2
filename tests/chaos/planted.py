"""Chaos must be able to fail: with a bug planted, some of the first rounds has to turn red."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import replace
from pathlib import Path

from deploy.local.servers import Servers
from tests.chaos.play import Round, play
from tests.chaos.schedule import POLLING, schedule, shape_of
from tests.e2e.conftest import planted_bugs

PLANTED_S = 30.0
ROUNDS_MAX = 6
STILL_S = 40.0
OUT_OF_REACH = {
    "store.ignore_gap": "the log loses nothing in chaos, so that there is no gap to ignore",
}


def find_all(binaries: Path, folder: Path, seed: int) -> bool:
    """Whether each bug was found within ROUNDS_MAX rounds, the first of which is the seed's."""
    bugs = planted_bugs(binaries / "telefact-gateway") + planted_bugs(binaries / "telefact-store")
    missed = []
    for bug in bugs:
        if bug in OUT_OF_REACH:
            print(f"{bug}: not tried, {OUT_OF_REACH[bug]}")
        elif not _find(bug, binaries, folder, seed):
            missed.append(bug)
    print(f"planted bugs that chaos did not find: {', '.join(missed) or 'none'}")
    return not missed


def _find(bug: str, binaries: Path, folder: Path, seed: int) -> bool:
    for number in range(ROUNDS_MAX):
        began = time.monotonic()
        chosen = _round(bug, seed + number)
        place = folder / f"{bug}.{chosen.seed}"
        result = asyncio.run(play(chosen, binaries, place, lambda line: None))
        Servers(place / "servers").stop()
        shutil.rmtree(place, ignore_errors=True)
        seconds = time.monotonic() - began
        if result.wrong:
            what = " | ".join(line.strip() for line in result.wrong[0].splitlines()[:4])
            print(f"{bug}: found by seed {chosen.seed} after {seconds:.0f} s: {what}", flush=True)
            return True
        print(f"{bug}: not found by seed {chosen.seed} {result.trouble}", flush=True)
    return False


def _round(bug: str, seed: int) -> Round:
    """The seed's own, on one broker, which is enough; a bug of polling can only be found where gateways poll."""
    shape = replace(shape_of(seed), brokers=1)
    if bug == "gateway.confirm_all_polled":
        shape = replace(shape, intake=POLLING)
    faults = schedule(seed, PLANTED_S, shape)
    return Round(seed, shape, faults, PLANTED_S, still_s=STILL_S, planted=bug)
