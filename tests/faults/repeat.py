"""How often rows are repeated that want it: FAULT_ROUNDS=10 ./dev faults tests/faults -k C01 repeats them ten times as often."""

from __future__ import annotations

import os

FACTOR = int(os.environ.get("FAULT_ROUNDS", "1"))


def rounds(count: int) -> int:
    """So often, or a multiple of it."""
    return count * FACTOR


def patience(seconds: int) -> int:
    """A time limit that grows with the rounds."""
    return seconds * FACTOR
