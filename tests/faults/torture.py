"""Builds the preload shim and gives a service its wishes."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from pathlib import Path

from tests.support.processes import Service

MEMORY_ERRORS = {-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE}
FOREIGN_END = -signal.SIGABRT  # librdkafka asserts that it was given memory
SOURCE = Path(__file__).resolve().parents[1] / "support" / "shims" / "torture.c"


def build(folder: Path) -> Path:
    """The shim as a shared object in the folder."""
    shim = folder / "torture.so"
    folder.mkdir(parents=True, exist_ok=True)
    flags = ["-std=gnu17", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, "-o", shim, SOURCE, "-ldl"], check=True)
    return shim


class Tortured:
    """Inside, the service's next start has the shim and these wishes."""

    def __init__(self, service: Service, shim: Path, **wishes: str) -> None:
        self.service, self.log = service, shim.with_name(f"torture.{service.name}.log")
        self.wishes = {"LD_PRELOAD": str(shim), "TORTURE_LOG": str(self.log), **wishes}

    def __enter__(self) -> Tortured:
        self.log.unlink(missing_ok=True)
        self.service.environment.update(self.wishes)
        return self

    def __exit__(self, *exc: object) -> None:
        for name in self.wishes:
            del self.service.environment[name]

    @property
    def happened(self) -> str:
        """What the shim did first; empty: nothing."""
        return self.log.read_text() if self.log.exists() else ""


async def outcome(service: Service, seconds: float) -> int | None:
    """The status with which it ended; None: it became ready or goes on trying."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and service.is_running and not await service.is_ready():
        await asyncio.sleep(0.02)
    return None if service.is_running else await service.wait(1)


def check_end(service: Service, status: int, who: str) -> None:
    """Either the one path of exhausted memory, or a refusal to start, or a library's own assertion."""
    assert status not in MEMORY_ERRORS, f"{service.name}: status {status}\n{service.log_end()}"
    assert status > 0 or (who == "all" and status == FOREIGN_END), (
        f"status {status}\n{service.log_end()}"
    )
    if who == "own":
        assert (status, "out of memory, exiting" in service.log_end().splitlines()[-1]) == (1, True), service.log_end()
