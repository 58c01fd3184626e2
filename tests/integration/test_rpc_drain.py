"""libs/rpc: connections end without losing a call, by drain and when idle."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from tests.support.rpc_echo_server import SERVICE, EchoServer, pb, until
from tests.support.rpc_echo_server.raw_client import ACK, GOAWAY, HEADERS, PING, RawClient, frame, message

ECHO = f"/{SERVICE}/Echo"
NOTICE_STREAM = (1 << 31) - 1


def last_stream(payload: bytes) -> int:
    return int.from_bytes(payload[:4], "big")


def test_calls_in_hand_finish_and_the_process_ends() -> None:
    with EchoServer() as server:
        stub = server.stub()
        sleeper = stub.Sleep.future(pb.SleepRequest(ms=1_000))
        stream = stub.Count(pb.CountRequest(count=50_000, padding=500), timeout=20)
        assert next(stream).number == 0
        until(lambda: stub.Stats(pb.StatsRequest()).calls == 3)
        server.terminate()
        assert sleeper.result().slept
        assert [answer.number for answer in stream] == list(range(1, 50_000))
        assert server.stop(timeout_s=5) == 0


def test_new_connections_are_refused_while_draining() -> None:
    with EchoServer() as server:
        sleeper = server.stub().Sleep.future(pb.SleepRequest(ms=1_500))
        until(lambda: server.stub().Stats(pb.StatsRequest()).calls == 2)
        server.terminate()
        time.sleep(0.2)
        with pytest.raises(grpc.RpcError) as caught:
            server.stub().Echo(pb.EchoRequest(), timeout=1)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        assert sleeper.result().slept


def test_no_call_is_lost_to_a_drain_under_load() -> None:
    """A call either gets its answer, or the client knows that it never started and may retry it."""
    with EchoServer() as server:
        began = threading.Event()
        answered = []
        errors = []

        def run(number: int) -> None:
            stub = server.stub()
            while True:
                try:
                    stub.Echo(pb.EchoRequest(text=str(number)), timeout=5)
                    answered.append(number)
                    began.set()
                except grpc.RpcError as error:
                    errors.append((error.code(), error.details()))
                    return

        with ThreadPoolExecutor(8) as pool:
            for number in range(8):
                pool.submit(run, number)
            assert began.wait(10)
            time.sleep(0.5)
            server.terminate()
        assert len(errors) == 8
        # A connection that broke in the middle of a call would be "Socket closed" or "Stream removed".
        assert {code for code, _ in errors} == {grpc.StatusCode.UNAVAILABLE}
        assert all("onnect" in text or "GOAWAY" in text for _, text in errors), errors
        assert server.stop(timeout_s=5) == 0


def test_goaway_comes_in_two_steps() -> None:
    with EchoServer() as server, RawClient(server.port) as client:
        client.send(client.request(1, ECHO, message(b"")))
        assert client.answer(1)["grpc-status"] == "0"
        server.terminate()
        assert last_stream(client.read_until(GOAWAY).payload) == NOTICE_STREAM
        client.send(client.request(3, ECHO, message(b"")))  # was on its way
        ping = client.read_until(PING)
        client.send(frame(PING, ACK, 0, ping.payload))
        frames = client.read_to_end()
        kinds = [got.kind for got in frames]
        assert kinds.count(HEADERS) == 2
        final = next(got for got in frames if got.kind == GOAWAY)
        assert last_stream(final.payload) == 3
        assert int.from_bytes(final.payload[4:8], "big") == 0


def test_drain_does_not_wait_for_a_client_that_never_acknowledges() -> None:
    with EchoServer() as server, RawClient(server.port) as client:
        client.send(client.request(1, ECHO, message(b"")))
        client.answer(1)
        began = time.monotonic()
        server.terminate()
        assert server.stop(timeout_s=5) == 0
        assert time.monotonic() - began < 4


def test_idle_connections_are_closed() -> None:
    with EchoServer(idle_ms=300) as server, RawClient(server.port) as client:
        client.send(client.request(1, ECHO, message(b"")))
        assert client.answer(1)["grpc-status"] == "0"
        assert last_stream(client.read_until(GOAWAY).payload) == NOTICE_STREAM
        ping = client.read_until(PING)
        client.send(frame(PING, ACK, 0, ping.payload))
        assert GOAWAY in [got.kind for got in client.read_to_end()]


def test_a_call_survives_the_idle_limit() -> None:
    with EchoServer(idle_ms=200) as server:
        stub = server.stub()
        for _ in range(3):
            assert stub.Sleep(pb.SleepRequest(ms=600), timeout=5).slept
            time.sleep(0.4)


def test_the_connection_cap_closes_the_idlest() -> None:
    with EchoServer(max_connections=20) as server:
        clients = [RawClient(server.port) for _ in range(20)]
        for client in clients:
            client.send(client.request(1, ECHO, message(b"")))
            assert client.answer(1)["grpc-status"] == "0"
        for _ in range(30):
            assert server.stub().Echo(pb.EchoRequest(text="in"), timeout=5).text == "in"
        for client in clients:
            client.read_to_end()


def test_busy_connections_are_not_closed_for_newcomers() -> None:
    with EchoServer(max_connections=2) as server:
        busy = [server.stub() for _ in range(2)]
        calls = [stub.Sleep.future(pb.SleepRequest(ms=1_500), timeout=10) for stub in busy]
        until(lambda: busy[0].Stats(pb.StatsRequest()).calls == 3)
        with pytest.raises(grpc.RpcError):
            server.stub().Echo(pb.EchoRequest(), timeout=0.5)
        assert all(call.result().slept for call in calls)
