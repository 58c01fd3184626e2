"""libs/rpc: the health service and bearer tokens, with grpcio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.support.rpc_echo_server import SERVICE, EchoServer, pb

TOKEN = "0123456789abcdef-one"
OTHER = "fedcba9876543210-two"
CHECK = health_pb2.HealthCheckRequest
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[EchoServer]:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"# bots\n{TOKEN}\n\n  {OTHER}\r\n")
    with EchoServer(tokens=tokens) as server:
        yield server


def code_of(call: Callable[[], object]) -> grpc.StatusCode:
    try:
        call()
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def test_check_tells_the_state() -> None:
    with EchoServer() as server:
        stub, health = server.stub(), health_pb2_grpc.HealthStub(server.channel())
        for name in ("", SERVICE):
            assert health.Check(CHECK(service=name)).status == SERVING
        stub.SetServing(pb.SetServingRequest(serving=False))
        for name in ("", SERVICE):
            assert health.Check(CHECK(service=name)).status == NOT_SERVING
        assert code_of(lambda: health.Check(CHECK(service="nobody"))) == grpc.StatusCode.NOT_FOUND
        assert code_of(lambda: health.Check(CHECK(service="x" * 500))) != grpc.StatusCode.OK


def test_watch_tells_changes_only() -> None:
    with EchoServer() as server:
        stub, health = server.stub(), health_pb2_grpc.HealthStub(server.channel())
        watch = health.Watch(CHECK(service=SERVICE))
        assert next(watch).status == SERVING
        stub.SetServing(pb.SetServingRequest(serving=True))
        stub.SetServing(pb.SetServingRequest(serving=False))
        assert next(watch).status == NOT_SERVING
        stub.SetServing(pb.SetServingRequest(serving=True))
        assert next(watch).status == SERVING
        unknown = health.Watch(CHECK(service="nobody"))
        assert next(unknown).status == SERVICE_UNKNOWN
        watch.cancel()
        unknown.cancel()


def test_watch_outlives_the_default_deadline_and_keeps_its_own() -> None:
    with EchoServer(default_deadline_ms=100, max_deadline_ms=200) as server:
        health = health_pb2_grpc.HealthStub(server.channel())
        watch = health.Watch(CHECK())
        assert next(watch).status == SERVING
        short = health.Watch(CHECK(), timeout=0.6)
        assert next(short).status == SERVING
        assert code_of(lambda: next(short)) == grpc.StatusCode.DEADLINE_EXCEEDED
        server.stub().SetServing(pb.SetServingRequest(serving=False))
        assert next(watch).status == NOT_SERVING
        watch.cancel()


def test_drain_tells_watchers_and_ends_them() -> None:
    with EchoServer() as server:
        watch = health_pb2_grpc.HealthStub(server.channel()).Watch(CHECK())
        assert next(watch).status == SERVING
        server.terminate()
        assert next(watch).status == NOT_SERVING
        with pytest.raises(grpc.RpcError) as caught:
            next(watch)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        assert server.stop(timeout_s=5) == 0


@pytest.mark.parametrize(
    "header",
    [None, "", TOKEN, f"Basic {TOKEN}", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer # bots"],
)
def test_without_a_right_token_nothing_is_told(guarded: EchoServer, header: str | None) -> None:
    channel = guarded.channel()
    metadata = [] if header is None else [("authorization", header)]
    for path in (f"/{SERVICE}/Echo", f"/{SERVICE}/Unbuilt", f"/{SERVICE}/Nothing", "/nowhere.Nothing/At"):
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(path)(b"\xff", timeout=5, metadata=metadata)
        assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
        assert caught.value.details() == "unauthenticated"


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"Bearer {OTHER}", f"bearer {TOKEN}"])
def test_every_token_of_the_file_opens(guarded: EchoServer, header: str) -> None:
    stub = guarded.stub()
    metadata = [("authorization", header)]
    assert stub.Echo(pb.EchoRequest(text="in"), metadata=metadata).text == "in"
    assert sum(1 for _ in stub.Count(pb.CountRequest(count=5), metadata=metadata)) == 5
    assert code_of(lambda: stub.Unbuilt(pb.UnbuiltRequest(), metadata=metadata)) == grpc.StatusCode.UNIMPLEMENTED


def test_health_needs_no_token(guarded: EchoServer) -> None:
    health = health_pb2_grpc.HealthStub(guarded.channel())
    assert health.Check(CHECK()).status == SERVING
    watch = health.Watch(CHECK())
    assert next(watch).status == SERVING
    watch.cancel()
