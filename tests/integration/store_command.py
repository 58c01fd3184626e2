"""Runs a command of telefact-store to its end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support import canaries
from tests.support.processes import INHERITED

TIMEOUT_S = 180.0  # on a busy machine


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of it."""

    code: int
    out: str
    err: str


def run_store(binaries: Path, environment: Mapping[str, str], *words: str) -> Ended:
    """`telefact-store WORD...` with these settings and no others; whatever its exit code."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    done = subprocess.run([binaries / "telefact-store", *words], env=kept | dict(environment), capture_output=True,
                          timeout=TIMEOUT_S, check=False)
    canaries.look("output", done.stdout + done.stderr, f"of telefact-store {' '.join(words)}")
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())
