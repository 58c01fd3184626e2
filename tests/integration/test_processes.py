"""Starting, watching and killing child processes, tried on a small stand-in for the services."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.support.processes import NotReady, Service, free_port, parse_metrics, run_command
from tests.support.protos import publish_grpc, publish_pb2

STAND_IN = """#!{python}
import http.server, os, sys
if sys.argv[1:] == ["fail"]:
    sys.exit("no luck")
if sys.argv[1:] == ["say"]:
    print(os.environ["WORD"])
    sys.exit(0)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"# TYPE up gauge\\nup 1\\nseen_total{{kind=\\"a b\\"}} 2.5\\n" if self.path == "/metrics" else b"ok"
        self.send_response(503 if os.environ.get("NEVER") and self.path == "/readyz" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
sys.stderr.write("started\\n")
sys.stderr.flush()
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    path = tmp_path / "stand-in"
    path.write_text(STAND_IN.format(python=sys.executable))
    path.chmod(0o755)
    return path


def service_of(stand_in: Path, tmp_path: Path, **environment: str) -> Service:
    port = free_port()
    return Service("stand-in", stand_in, {"PORT": str(port), **environment}, f"127.0.0.1:{port}", tmp_path)


def test_start_kill_start_stop(stand_in: Path, tmp_path: Path) -> None:
    async def run() -> None:
        service = service_of(stand_in, tmp_path)
        await service.start()
        assert await service.metrics() == {"up": 1.0, 'seen_total{kind="a b"}': 2.5}
        assert service.rss_kib() > 1_000
        assert await service.kill() == -9
        assert not service.is_running and not await service.is_ready()
        async with service:
            assert service.starts == 2
        assert service.log_end().count("started") == 2
        assert not service.is_running

    asyncio.run(run())


def test_what_never_gets_ready_is_reported_with_its_log(stand_in: Path, tmp_path: Path) -> None:
    async def run() -> None:
        service = service_of(stand_in, tmp_path, NEVER="1")
        with pytest.raises(NotReady, match="started"):
            await service.start(ready_s=1.0)
        await service.kill()
        broken = Service("broken", stand_in, {"PORT": "1"}, "127.0.0.1:1", tmp_path, ("fail",))
        with pytest.raises(NotReady, match="status 1(.|\n)*no luck"):
            await broken.start()

    asyncio.run(run())


def test_run_command_gives_stdout_or_raises(stand_in: Path) -> None:
    assert asyncio.run(run_command(stand_in, ["say"], {"WORD": "hello"})) == "hello\n"
    with pytest.raises(RuntimeError, match="status 1(.|\n)*no luck"):
        asyncio.run(run_command(stand_in, ["fail"], {}))


def test_parse_metrics() -> None:
    assert parse_metrics('a{x="1 2"} 3\n# HELP a b\n\nb 4e2\n') == {'a{x="1 2"}': 3.0, "b": 400.0}


class _Publishes(publish_grpc.PublishServiceServicer):
    async def Publish(self, request: Any, context: Any) -> Any:
        return publish_pb2.PublishResponse()


@pytest.mark.timeout(180)
def test_programs_can_be_started_while_calls_are_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """As another user they are started by fork(), at which gRPC's handlers would crash every fourth child."""
    monkeypatch.setattr(subprocess, "_USE_VFORK", False)

    async def call(stub: Any) -> None:
        while True:
            with contextlib.suppress(grpc.aio.AioRpcError):
                await stub.Publish(publish_pb2.PublishRequest(), timeout=0.5)

    async def body() -> None:
        server = grpc.aio.server()
        publish_grpc.add_PublishServiceServicer_to_server(_Publishes(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            calls = [asyncio.create_task(call(publish_grpc.PublishServiceStub(channel))) for _ in range(3)]
            ends = await asyncio.to_thread(lambda: [subprocess.run(["true"]).returncode for _ in range(40)])
            for each in calls:
                each.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        await server.stop(None)
        assert ends == [0] * 40

    asyncio.run(body())
