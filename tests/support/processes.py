"""The real binaries as child processes: start, wait until ready, kill, restart, read metrics."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from deploy.local.process import free_ports
from tests.support import canaries

INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "ASAN_OPTIONS",
    "UBSAN_OPTIONS",
    "TSAN_OPTIONS",
    "LSAN_OPTIONS",
    "LLVM_PROFILE_FILE",
)
_LOG_END_BYTES = 4_000
_POLL_S = 0.02
_LOOK_S = 1.0
READY_S = 180.0  # so long on a busy machine only
_given_ports: set[int] = set()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is free now; never the same twice in one process.

    No outgoing connection takes it, so that what is started again finds it free.
    """
    while True:
        (port,) = free_ports(1)
        if port not in _given_ports:
            _given_ports.add(port)
            return port


class NotReady(Exception):
    """The service ended or did not become ready; the message holds the end of its log."""


class Service:
    """One telefact process. Its stdout and stderr go to `<work_dir>/<name>.log`, appended over restarts.

    binary       path of telefact-gateway or telefact-store
    environment  its whole environment of settings (PATH, HOME and sanitizer options are added);
                 may be changed between starts
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
        self.name = name
        self.environment = dict(environment)
        self.admin = admin
        self.log_path = work_dir / f"{name}.log"
        self.starts = 0
        self.on_spawn: Callable[[int], None] | None = None
        """Called with the process id at every start."""
        self.binary = binary
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None
        work_dir.mkdir(parents=True, exist_ok=True)

    async def __aenter__(self) -> Service:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self.is_running:
            await self.stop()

    @property
    def is_running(self) -> bool:
        """Started and not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Process id; only while it runs."""
        return self._running().pid

    async def start(self, ready_s: float = READY_S) -> None:
        """Start it and wait for /readyz; raises NotReady with the end of its log when it is not ready in time."""
        await self.spawn()
        await self.wait_ready(ready_s)

    async def spawn(self) -> None:
        """Start it without waiting."""
        assert not self.is_running, f"{self.name} runs already"
        with self.log_path.open("ab") as log:
            self._process = await _spawn(self.binary, list(self._arguments), self.environment, log, log)
        self.starts += 1
        if self.on_spawn is not None:
            self.on_spawn(self._process.pid)

    async def wait_ready(self, ready_s: float = READY_S) -> None:
        """Wait until /readyz answers 200; raises NotReady at the deadline or when the process ends."""
        deadline = time.monotonic() + ready_s
        while time.monotonic() < deadline:
            if not self.is_running:
                status = self._process.returncode if self._process else None
                raise NotReady(f"{self.name} ended with status {status} before it was ready\n{self.log_end()}")
            if await self.is_ready():
                return
            await asyncio.sleep(_POLL_S)
        raise NotReady(f"{self.name} is not ready after {ready_s} s\n{self.log_end()}")

    async def is_ready(self) -> bool:
        """Whether /readyz answers 200 now."""
        try:
            status, _ = await http_get(self.admin, "/readyz")
        except (OSError, ValueError, TimeoutError):
            return False
        return status == 200

    async def stop(self, timeout_s: float = 30.0) -> int:
        """SIGTERM and wait; SIGKILL at the timeout. Returns the exit status (negative: the signal)."""
        process = self._running()
        await self.look_at_metrics()
        process.send_signal(signal.SIGTERM)
        try:
            return await self.wait(timeout_s)
        except TimeoutError:
            return await self.kill()

    async def look_at_metrics(self) -> None:
        """Search the metrics for canaries, if it still tells them; they go with the process."""
        with contextlib.suppress(OSError, ValueError, TimeoutError):
            await http_get(self.admin, "/metrics", _LOOK_S)

    async def kill(self) -> int:
        """SIGKILL and wait."""
        process = self._running()
        process.kill()
        return await process.wait()

    async def wait(self, timeout_s: float) -> int:
        """Wait for it to end by itself (a crash point); raises TimeoutError."""
        assert self._process is not None, f"{self.name} was never started"
        return await asyncio.wait_for(self._process.wait(), timeout_s)

    def signal(self, number: int) -> None:
        """Send any signal (SIGSTOP, SIGCONT …)."""
        self._running().send_signal(number)

    async def metrics(self) -> dict[str, float]:
        """/metrics as {sample with labels as printed: value}."""
        status, body = await http_get(self.admin, "/metrics")
        if status != 200:
            raise OSError(f"{self.name}: /metrics answers {status}")
        return parse_metrics(body.decode("utf-8"))

    def rss_kib(self) -> int:
        """Resident memory now, in KiB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def log_end(self) -> str:
        """The last lines of its log."""
        if not self.log_path.exists():
            return ""
        return self.log_path.read_bytes()[-_LOG_END_BYTES:].decode("utf-8", "replace")

    def _running(self) -> asyncio.subprocess.Process:
        assert self._process is not None and self._process.returncode is None, f"{self.name} is not running"
        return self._process


async def run_command(
    binary: Path, arguments: list[str], environment: Mapping[str, str], timeout_s: float = 60.0
) -> str:
    """Run a subcommand (`migrate`, `topics create`) to its end; returns stdout, raises on failure."""
    pipe = asyncio.subprocess.PIPE
    process = await _spawn(binary, arguments, environment, pipe, pipe)
    try:
        out, err = await asyncio.wait_for(process.communicate(), timeout_s)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    canaries.look("output", out + err, f"of {binary.name} {' '.join(arguments)}")
    if process.returncode != 0:
        text = err.decode("utf-8", "replace")[-_LOG_END_BYTES:]
        raise RuntimeError(f"{binary.name} {' '.join(arguments)} ended with status {process.returncode}\n{text}")
    return out.decode("utf-8")


async def http_get(address: str, path: str, timeout_s: float = 5.0) -> tuple[int, bytes]:
    """One GET over its own connection: (status, body)."""
    return await asyncio.wait_for(_http_get(address, path), timeout_s)


def parse_metrics(text: str) -> dict[str, float]:
    """Prometheus text as {sample with labels as printed: value}."""
    samples = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            samples[name] = float(value)
    return samples


async def _http_get(address: str, path: str) -> tuple[int, bytes]:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head:
        raise OSError(f"{address} ended the connection without an answer")
    canaries.look("reply", answer)
    return int(head.split(b" ", 2)[1]), body


async def _spawn(
    binary: Path, arguments: list[str], environment: Mapping[str, str], out: IO[bytes] | int, err: IO[bytes] | int
) -> asyncio.subprocess.Process:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return await asyncio.create_subprocess_exec(
        str(binary),
        *arguments,
        env={**inherited, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=out,
        stderr=err,
    )
