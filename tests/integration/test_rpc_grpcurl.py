"""libs/rpc with grpcurl, whose HTTP/2 and gRPC are grpc-go's."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.rpc_echo_server import PROTO_FOLDER, SERVICE, EchoServer

GRPCURL = Path(__file__).resolve().parents[2] / ".cache" / "tools" / "bin" / "grpcurl"
HEALTH_PROTO = """syntax = "proto3";
package grpc.health.v1;
message HealthCheckRequest { string service = 1; }
message HealthCheckResponse { int32 status = 1; }
service Health { rpc Check(HealthCheckRequest) returns (HealthCheckResponse); }
"""


@pytest.fixture(scope="module")
def server() -> Iterator[EchoServer]:
    with EchoServer() as server:
        yield server


def run(server: EchoServer, method: str, data: dict[str, Any], *options: str) -> subprocess.CompletedProcess[str]:
    proto = ["-import-path", str(PROTO_FOLDER), "-proto", "echo.proto"]
    words = [str(GRPCURL), "-plaintext", "-max-time", "10", *proto, *options, "-d", json.dumps(data)]
    return subprocess.run([*words, server.address, method], capture_output=True, text=True, timeout=30)


def test_a_unary_call(server: EchoServer) -> None:
    done = run(server, f"{SERVICE}/Echo", {"text": "grüße"}, "-v", "-H", "echo-text: kept")
    assert done.returncode == 0, done.stderr
    assert '"text": "grüße"' in done.stdout
    assert "echo-text: kept" in done.stdout


def test_a_stream(server: EchoServer) -> None:
    done = run(server, f"{SERVICE}/Count", {"count": 5_000, "padding": 100})
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"padding"') == 5_000
    assert '"number": "4999"' in done.stdout


def test_a_status_and_its_message(server: EchoServer) -> None:
    done = run(server, f"{SERVICE}/Fail", {"status": 9, "message": "100% nö"})
    assert done.returncode == 64 + 9
    assert "FailedPrecondition" in done.stderr
    assert "100% nö" in done.stderr


def test_a_method_that_is_not_built(server: EchoServer) -> None:
    done = run(server, f"{SERVICE}/Unbuilt", {})
    assert done.returncode == 64 + 12
    assert "not built" in done.stderr


def test_a_deadline(server: EchoServer) -> None:
    done = run(server, f"{SERVICE}/Sleep", {"ms": 20_000}, "-max-time", "0.5")
    assert done.returncode != 0
    assert "DeadlineExceeded" in done.stderr or "deadline exceeded" in done.stderr


def test_health(server: EchoServer, tmp_path: Path) -> None:
    (tmp_path / "health.proto").write_text(HEALTH_PROTO)
    words = [str(GRPCURL), "-plaintext", "-import-path", str(tmp_path), "-proto", "health.proto"]
    call = [*words, "-d", json.dumps({"service": SERVICE}), server.address, "grpc.health.v1.Health/Check"]
    done = subprocess.run(call, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"status": 1}
