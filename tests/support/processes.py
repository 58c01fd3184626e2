"""The real binaries as child processes: start, wait until ready, kill, restart, read metrics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is free now."""
    raise NotImplementedError


class Service:
    """One telefact process. Its stderr goes to `<work_dir>/<name>.log`, appended over restarts.

    binary       path of telefact-gateway or telefact-store
    environment  the whole environment of settings (PATH, HOME and sanitizer options are added)
    admin        host:port of its admin listener (/readyz, /metrics)
    """

    def __init__(
        self,
        name: str,
        binary: Path,
        environment: Mapping[str, str],
        admin: str,
        work_dir: Path,
        arguments: tuple[str, ...] = ("run",),
    ) -> None:
        raise NotImplementedError

    async def start(self, ready_s: float = 15.0) -> None:
        """Start it and wait for /readyz; raises with the end of its log when it is not ready in time."""
        raise NotImplementedError

    async def stop(self, timeout_s: float = 30.0) -> int:
        """SIGTERM and wait; SIGKILL at the timeout. Returns the exit status."""
        raise NotImplementedError

    async def kill(self) -> int:
        """SIGKILL and wait."""
        raise NotImplementedError

    async def wait(self, timeout_s: float) -> int:
        """Wait for it to end by itself (a crash point); raises TimeoutError."""
        raise NotImplementedError

    async def metrics(self) -> dict[str, float]:
        """/metrics as {sample with labels as printed: value}."""
        raise NotImplementedError


async def run_command(binary: Path, arguments: list[str], environment: Mapping[str, str]) -> str:
    """Run a subcommand (`migrate`, `topics create`) to its end; returns stdout, raises on failure."""
    raise NotImplementedError
