"""The echo server on libs/rpc as a child process, and the stubs of its service.

    with EchoServer(idle_ms=500) as server:
        with server.channel() as channel:
            EchoServiceStub(channel).Echo(pb.EchoRequest(text="x"))
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

import grpc

_FOLDER = Path(__file__).resolve().parent
_ROOT = _FOLDER.parents[2]
_START_S = 20.0

sys.path.insert(0, str(_FOLDER))
pb, _services = grpc.protos_and_services("echo.proto")
sys.path.remove(str(_FOLDER))
EchoServiceStub = _services.EchoServiceStub
SERVICE = "telefact.test.v1.EchoService"
PROTO_FOLDER = _FOLDER


def _binary() -> Path:
    folder = Path(os.environ.get("TELEFACT_BUILD", _ROOT / "build" / "dev" / "bin"))
    binary = folder / "rpc-echo-server"
    if not binary.is_file():
        raise FileNotFoundError(f"{binary} is missing: run ./dev build dev")
    return binary


def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {timeout_s} s")
        time.sleep(0.02)


class EchoServer:
    """Started on entry with `options` as its name=value words; drained on exit, which must succeed."""

    def __init__(self, **options: object) -> None:
        self._binary = _binary()
        self._words = [f"{name}={value}" for name, value in options.items()]
        self._channels: list[grpc.Channel] = []
        self.process: subprocess.Popen[str] | None = None
        self._is_draining = False
        self.port = 0

    def __enter__(self) -> EchoServer:
        self.process = subprocess.Popen([str(self._binary), *self._words], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("port "), f"the server did not start: {line!r}"
        self.port = int(line.split()[1])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for channel in self._channels:
            channel.close()
        status = self.stop()
        if kind is None:
            assert status == 0, f"the server exited with {status}"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def terminate(self) -> None:
        """Begin to drain; a second signal would end it at once."""
        assert self.process is not None
        if not self._is_draining:
            self.process.send_signal(signal.SIGTERM)
        self._is_draining = True

    def stop(self, timeout_s: float = 20.0) -> int:
        """Drain and wait for the end; the exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.terminate()
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def channel(self, options: Iterable[tuple[str, object]] = ()) -> grpc.Channel:
        """A connection of its own; closed with the server."""
        own = ("grpc.use_local_subchannel_pool", 1)
        channel = grpc.insecure_channel(self.address, options=[own, *options])
        self._channels.append(channel)
        return channel

    def stub(self) -> EchoServiceStub:
        return EchoServiceStub(self.channel())

    def rss_bytes(self) -> int:
        assert self.process is not None
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def rss_factor(self) -> int:
        """How much more memory the build may take: a sanitizer keeps freed memory for a while."""
        return 12 if b"__asan_init" in self._binary.read_bytes() else 1
