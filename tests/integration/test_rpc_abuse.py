"""libs/rpc against clients that break rules or want to cost more than they pay. Afterwards it must still serve."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator

import grpc
import pytest

from tests.support.rpc_echo_server import SERVICE, EchoServer, pb, until
from tests.support.rpc_echo_server.raw_client import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    GOAWAY,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    PADDED,
    PING,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    RawClient,
    frame,
    message,
)

MIB = 1 << 20
ECHO = f"/{SERVICE}/Echo"
CANCEL = struct.pack("!I", 8)


@pytest.fixture
def server() -> Iterator[EchoServer]:
    with EchoServer(write_deadline_ms=1_000, default_deadline_ms=1_500, max_deadline_ms=3_000) as server:
        server.stub().Echo(pb.EchoRequest(text="warm"))
        server.before = server.rss_bytes()
        yield server
        assert server.stub().Echo(pb.EchoRequest(text="alive"), timeout=5).text == "alive"
        until(lambda: server.stub().Stats(pb.StatsRequest()).calls == 1)
        assert server.rss_bytes() - server.before < 24 * MIB * server.rss_factor()


def flood(client: RawClient, data: bytes, times: int) -> list[object]:
    """Send until it is too much for the server; the frames that it sent."""
    client.set_timeout(5)
    try:
        for _ in range(times):
            client.send(data)
    except OSError:
        pass
    return client.read_to_end()


def was_told_to_calm_down(frames: list[object]) -> bool:
    return any(
        got.kind == GOAWAY and int.from_bytes(got.payload[4:8], "big") == ENHANCE_YOUR_CALM for got in frames
    )


def test_a_message_over_the_limit_is_refused_before_it_is_read(server: EchoServer) -> None:
    with RawClient(server.port) as client:
        client.send(client.request(1, ECHO, struct.pack("!BI", 0, MIB + 1), end=False))
        headers = client.answer(1)
        assert headers["grpc-status"] == str(grpc.StatusCode.RESOURCE_EXHAUSTED.value[0])
        assert "1048576" in headers["grpc-message"]
        assert client.read_until(RST_STREAM, 1).payload == struct.pack("!I", 0)


def test_grpcio_gets_resource_exhausted_for_a_large_message(server: EchoServer) -> None:
    for size in (MIB, 8 * MIB):
        with pytest.raises(grpc.RpcError) as caught:
            server.stub().Echo(pb.EchoRequest(raw=bytes(size)), timeout=5)
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_promised_length_costs_nothing(server: EchoServer) -> None:
    clients = [RawClient(server.port) for _ in range(50)]
    for client in clients:
        for stream in range(1, 200, 2):
            client.send(client.request(stream, ECHO, struct.pack("!BI", 0, MIB), end=False))
    until(lambda: server.stub().Stats(pb.StatsRequest()).calls > 4_000)
    assert server.rss_bytes() - server.before < 40 * MIB * server.rss_factor()
    for client in clients:
        client.__exit__()


def test_half_received_requests_are_bounded(server: EchoServer) -> None:
    """2,000 streams with almost a MiB each would be 2 GiB."""
    part = message(bytes(MIB))[: MIB - 1000]
    statuses: set[str] = set()
    clients = [RawClient(server.port, timeout_s=3) for _ in range(4)]
    for client in clients:
        try:
            for stream in range(1, 80, 2):
                client.send(client.request(stream, ECHO, part[:200_000], end=False))
        except OSError:
            pass
    assert server.rss_bytes() - server.before < 200 * MIB
    for client in clients:
        frames = []
        try:
            while len(frames) < 40:
                frames.append(client.read_until(HEADERS))
        except OSError:
            pass
        statuses |= {got.headers["grpc-status"] for got in frames}
        client.__exit__()
    assert statuses <= {"4", "8"}


@pytest.mark.parametrize("size", [7_000, 9_000, 30_000])
def test_headers_over_the_limit_are_refused(server: EchoServer, size: int) -> None:
    with RawClient(server.port) as client:
        client.send(client.request(1, ECHO, message(b""), extra=[("x-large", "a" * size)]) if size < 16_000 else b"")
        if size >= 16_000:
            block = client.encode(
                [(":method", "POST"), (":scheme", "http"), (":path", ECHO), (":authority", "localhost")]
                + [("content-type", "application/grpc")]
                + [(f"x-{number}", "ab" * 500) for number in range(size // 1000)]
            )
            client.send(frame(HEADERS, 0, 1, block[:16_000]))
            client.send(frame(CONTINUATION, END_HEADERS, 1, block[16_000:]))
            client.send(frame(DATA, END_STREAM, 1, message(b"")))
        assert client.answer(1)["grpc-status"] == ("0" if size < 8_000 else "8")


def test_grpcio_gets_resource_exhausted_for_large_headers(server: EchoServer) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        server.stub().Echo(pb.EchoRequest(), timeout=5, metadata=[("x-large", "a" * 9_000)])
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("method", "content_type", "status"),
    [("GET", "application/grpc", "405"), ("POST", "application/json", "415"), ("POST", "application/grpc-web", "415")],
)
def test_what_is_not_grpc_gets_an_http_status(server: EchoServer, method: str, content_type: str, status: str) -> None:
    with RawClient(server.port) as client:
        client.send(client.request(1, ECHO, b"{", end=False, method=method, content_type=content_type))
        assert client.read_until(HEADERS, 1).headers[":status"] == status
        assert client.read_until(DATA, 1, END_STREAM).payload == b"This server speaks gRPC.\n"
        assert client.read_until(RST_STREAM, 1).payload == struct.pack("!I", 0)


@pytest.mark.parametrize("content_type", ["application/grpc+proto", "application/grpc;charset=utf-8"])
def test_content_types_of_grpc_are_taken(server: EchoServer, content_type: str) -> None:
    with RawClient(server.port) as client:
        client.send(client.request(1, ECHO, message(b""), content_type=content_type))
        assert client.answer(1)["grpc-status"] == "0"


@pytest.mark.parametrize("timeout", ["", "S", "1", "1x", "-1S", "123456789S", "1 S"])
def test_a_malformed_timeout_is_an_invalid_argument(server: EchoServer, timeout: str) -> None:
    with RawClient(server.port) as client:
        client.send(client.request(1, ECHO, message(b""), extra=[("grpc-timeout", timeout)]))
        assert client.answer(1)["grpc-status"] == "3"


@pytest.mark.parametrize(
    ("timeout", "status"), [("1H", "0"), ("1M", "0"), ("2S", "0"), ("900m", "0"), ("1n", "4"), ("0S", "4")]
)
def test_all_units_of_timeouts_are_understood(server: EchoServer, timeout: str, status: str) -> None:
    with RawClient(server.port) as client:
        request = pb.SleepRequest(ms=50).SerializeToString()
        client.send(client.request(1, f"/{SERVICE}/Sleep", message(request), extra=[("grpc-timeout", timeout)]))
        assert client.answer(1)["grpc-status"] == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", "12"),
        (b"\0\0\0", "13"),
        (b"\0\0\0\0\5ab", "13"),
        (b"\2\0\0\0\0", "13"),
        (b"\1\0\0\0\0", "13"),
        (message(b"") + message(b""), "12"),
        (message(b"") + b"x", "12"),
    ],
)
def test_broken_framing_is_refused(server: EchoServer, body: bytes, status: str) -> None:
    with RawClient(server.port) as client:
        client.send(client.request(1, ECHO, body))
        assert client.answer(1)["grpc-status"] == status


def test_a_request_may_come_byte_by_byte(server: EchoServer) -> None:
    with RawClient(server.port) as client:
        body = message(pb.EchoRequest(text="slow").SerializeToString())
        client.send(client.request(1, ECHO))
        whole = client.request(3, ECHO, end=False)
        for at in range(len(whole)):
            client.send(whole[at : at + 1])
        for at in range(len(body)):
            client.send(frame(DATA, END_STREAM if at == len(body) - 1 else 0, 3, body[at : at + 1]))
        assert client.answer(3)["grpc-status"] == "0"


def test_a_request_that_never_ends_meets_its_deadline(server: EchoServer) -> None:
    with RawClient(server.port) as client:
        client.send(client.request(1, ECHO, b"\0\0", end=False))
        client.send(frame(HEADERS, 0, 3, client.encode([(":method", "POST")])))
        assert client.answer(1)["grpc-status"] == "4"


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 1000, b"\x16\x03\x01" + b"a" * 500])
def test_what_is_not_http2_is_closed(server: EchoServer, garbage: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as plain:
        plain.sendall(garbage)
        try:
            while plain.recv(65536):
                pass
        except ConnectionResetError:
            pass


def test_rapid_resets_end_the_connection(server: EchoServer) -> None:
    with RawClient(server.port) as client:
        client.set_timeout(5)
        try:
            for stream in range(1, 100_001, 2):
                client.send(client.request(stream, f"/{SERVICE}/Sleep", message(b"\x08\xff\x7f")))
                client.send(frame(RST_STREAM, 0, stream, CANCEL))
        except OSError:
            pass
        assert GOAWAY in [got.kind for got in client.read_to_end()]
    assert server.stub().Stats(pb.StatsRequest()).ended < 5_000


@pytest.mark.parametrize(
    "abuse",
    [
        frame(PING, 0, 0, b"12345678"),
        frame(SETTINGS, 0, 0),
        frame(SETTINGS, 0, 0, struct.pack("!HI", INITIAL_WINDOW_SIZE, 65_535) * 30),
        frame(PRIORITY, 0, 1, b"\0\0\0\0\1"),
        frame(WINDOW_UPDATE, 0, 0, struct.pack("!I", 1)),
    ],
    ids=["ping", "settings", "long-settings", "priority", "window-update"],
)
def test_floods_of_frames_without_use_end_the_connection(server: EchoServer, abuse: bytes) -> None:
    with RawClient(server.port) as client:
        began = time.monotonic()
        assert was_told_to_calm_down(flood(client, abuse * 1_000, 200))
        assert time.monotonic() - began < 5


def test_unknown_frames_are_ignored(server: EchoServer) -> None:
    with RawClient(server.port) as client:
        client.send(frame(0x77, 0, 0, b"unknown") * 1_000)
        client.send(client.request(1, ECHO, message(b"")))
        assert client.answer(1)["grpc-status"] == "0"


@pytest.mark.parametrize(("flags", "payload"), [(0, b""), (PADDED, b"\x0f" + bytes(15))], ids=["empty", "padding"])
def test_floods_of_empty_data_end_the_connection(server: EchoServer, flags: int, payload: bytes) -> None:
    with RawClient(server.port) as client:
        client.send(client.request(1, ECHO, end=False))
        assert was_told_to_calm_down(flood(client, frame(DATA, flags, 1, payload) * 1_000, 200))


def test_a_flood_of_continuations_ends_the_connection(server: EchoServer) -> None:
    with RawClient(server.port) as client:
        client.send(frame(HEADERS, 0, 1, client.encode([(":method", "POST")])))
        flood(client, frame(CONTINUATION, 0, 1, b"") * 100, 1_000)


def test_a_ping_flood_that_reads_nothing_is_cut(server: EchoServer) -> None:
    with RawClient(server.port) as client:
        client.set_timeout(1)
        try:
            for _ in range(20_000):
                client.send(frame(PING, 0, 0, b"12345678") * 500)
        except OSError:
            pass


def test_a_window_that_never_opens_holds_little(server: EchoServer) -> None:
    """Answers wait for the window until their deadline, new calls are refused, and then all is given back."""
    with RawClient(server.port, settings={INITIAL_WINDOW_SIZE: 0}) as client:
        request = message(pb.EchoRequest(raw=bytes(60_000)).SerializeToString())
        refused = 0
        for stream in range(1, 160, 2):
            client.send(client.request(stream, ECHO, request))
        for _ in range(80):
            headers = client.read_until(HEADERS).headers
            refused += headers.get("grpc-status") == "8"
        assert 30 < refused < 60
        resets = {client.read_until(RST_STREAM).stream for _ in range(80 - refused)}
        assert len(resets) == 80 - refused


def test_a_stream_that_is_never_read_meets_its_deadline(server: EchoServer) -> None:
    with RawClient(server.port, settings={INITIAL_WINDOW_SIZE: 10}) as client:
        request = pb.CountRequest(count=1_000_000, padding=1000).SerializeToString()
        client.send(client.request(1, f"/{SERVICE}/Count", message(request)))
        client.read_until(DATA, 1)
        assert client.read_until(RST_STREAM, 1).payload == CANCEL
    until(lambda: server.stub().Stats(pb.StatsRequest()).cancelled == 1)


def test_a_socket_that_is_never_read_is_closed(server: EchoServer) -> None:
    with RawClient(server.port, settings={INITIAL_WINDOW_SIZE: (1 << 31) - 1}) as client:
        client.send(frame(WINDOW_UPDATE, 0, 0, struct.pack("!I", (1 << 31) - 65_536)))
        request = pb.CountRequest(count=10_000_000, padding=1000).SerializeToString()
        client.send(client.request(1, f"/{SERVICE}/Count", message(request), extra=[("grpc-timeout", "1H")]))
        until(lambda: server.stub().Stats(pb.StatsRequest()).cancelled == 1)
        assert server.rss_bytes() - server.before < 24 * MIB * server.rss_factor()


def test_streams_over_the_limit_are_refused(server: EchoServer) -> None:
    with RawClient(server.port) as client:
        sleep = message(pb.SleepRequest(ms=500).SerializeToString())
        for stream in range(1, 240, 2):
            client.send(client.request(stream, f"/{SERVICE}/Sleep", sleep))
        refused = [client.read_until(RST_STREAM) for _ in range(20)]
        assert all(got.payload == struct.pack("!I", 7) for got in refused)


def test_silent_sockets_do_not_keep_others_out() -> None:
    with EchoServer(max_connections=50) as server:
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(300)]
        assert server.stub().Echo(pb.EchoRequest(text="in"), timeout=5).text == "in"
        for plain in silent:
            plain.close()
