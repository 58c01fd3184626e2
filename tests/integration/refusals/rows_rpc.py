"""What the gRPC server refuses before a handler sees it; the same in both services."""

from __future__ import annotations

import socket
import struct
import urllib.parse
from dataclasses import dataclass

import grpc

from tests.integration.refusals.table import Row
from tests.support.rpc_echo_server.raw_client import (
    DATA,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    RST_STREAM,
    RawClient,
    frame,
    message,
)

MIB = 1 << 20
CALLS_MAX = 100  # of a connection
CONNECTIONS_MAX = 1000
HALF_RECEIVED = 64  # messages of almost a MiB: what the server bears, but for some bytes
PATIENT = ("grpc-timeout", "30S")
_STATUS = {str(code.value[0]): code.name for code in grpc.StatusCode}


@dataclass(frozen=True, slots=True)
class RpcBench:
    """Where a service listens, the token it asks for, and one of its unary methods."""

    port: int
    token: str
    path: str

    def headers(self, *extra: tuple[str, str]) -> list[tuple[str, str]]:
        return [("authorization", f"Bearer {self.token}"), *extra]


def said(headers: dict[str, str]) -> str:
    message_text = urllib.parse.unquote(headers.get("grpc-message", ""))
    return f"{_STATUS[headers['grpc-status']]} {message_text}"


def ask(
    bench: RpcBench, body: bytes | None, *extra: tuple[str, str], path: str = "", token: bool = True, end: bool = True
) -> str:
    """One call by hand; how it was answered."""
    given = bench.headers(*extra) if token else list(extra)
    with RawClient(bench.port) as client:
        client.send(client.request(1, path or bench.path, body, end=end, extra=given))
        return said(client.answer(1))


def _http(bench: RpcBench, **changed: str) -> str:
    with RawClient(bench.port) as client:
        client.send(client.request(1, bench.path, b"{", end=False, extra=bench.headers(), **changed))
        return f"HTTP {client.read_until(HEADERS, 1).headers[':status']}"


def _flood(bench: RpcBench) -> str:
    with RawClient(bench.port) as client:
        client.set_timeout(5)
        try:
            for _ in range(200):
                client.send(frame(PING, 0, 0, b"12345678") * 1000)
        except OSError:
            pass
        kinds = {got.kind for got in client.read_to_end()}
    return "GOAWAY" if GOAWAY in kinds else "nothing"


def _not_http2(bench: RpcBench) -> str:
    with socket.create_connection(("127.0.0.1", bench.port), timeout=5) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            while plain.recv(65536):
                pass
        except ConnectionResetError:
            pass
    return "closed"


def _too_many_streams(bench: RpcBench) -> str:
    with RawClient(bench.port) as client:
        for stream in range(1, 2 * CALLS_MAX + 2, 2):
            client.send(client.request(stream, bench.path, end=False, extra=bench.headers(PATIENT)))
        return f"RST_STREAM {client.read_until(RST_STREAM).payload[-1]}"


def _too_many_connections(bench: RpcBench) -> str:
    busy = []
    try:
        for _ in range(CONNECTIONS_MAX):
            client = RawClient(bench.port)
            busy.append(client)
            client.send(client.request(1, bench.path, end=False, extra=bench.headers(PATIENT)))
        for client in busy:
            client.send(frame(PING, 0, 0, b"are here"))
            client.read_until(PING, flags=1)  # so its call has been seen
        with socket.create_connection(("127.0.0.1", bench.port), timeout=5) as late:
            try:
                return "closed" if late.recv(1) == b"" else "taken"
            except ConnectionResetError:
                return "closed"
    finally:
        for client in busy:
            client.__exit__()


def _too_much_at_once(bench: RpcBench) -> str:
    """Many requests that are whole but for some bytes; the one with which they are too much is refused."""
    part = message(bytes(MIB))[: MIB - 8]
    with RawClient(bench.port, timeout_s=30) as client:
        for stream in range(1, 2 * HALF_RECEIVED, 2):
            client.send(client.request(stream, bench.path, part, end=False, extra=bench.headers(PATIENT)))
        client.send(client.request(2 * HALF_RECEIVED + 1, bench.path, part[:4096], end=False, extra=bench.headers(PATIENT)))
        return said(client.answer(2 * HALF_RECEIVED + 1))


def _late(bench: RpcBench) -> str:
    return ask(bench, None, ("grpc-timeout", "50m"), end=False)


def _cut_off(bench: RpcBench) -> str:
    with RawClient(bench.port) as client:
        client.send(client.request(1, bench.path, end=False, extra=bench.headers()))
        client.send(frame(DATA, END_STREAM, 1, b"\0\0\0\0\5ab"))
        return said(client.answer(1))


RPC = [
    Row("rpc", "large_headers", "9000 bytes of headers", "RESOURCE_EXHAUSTED request headers are larger than 8192",
        lambda bench: ask(bench, message(b""), ("x-large", "a" * 9000))),
    Row("rpc", "wrong_method", "GET", "HTTP 405", lambda bench: _http(bench, method="GET")),
    Row("rpc", "not_grpc", "JSON", "HTTP 415", lambda bench: _http(bench, content_type="application/json")),
    Row("rpc", "unauthenticated", "no token", "UNAUTHENTICATED unauthenticated",
        lambda bench: ask(bench, message(b""), token=False)),
    Row("rpc", "unauthenticated", "wrong token", "UNAUTHENTICATED unauthenticated",
        lambda bench: ask(bench, message(b""), ("authorization", f"Bearer {bench.token}x"), token=False)),
    Row("rpc", "unauthenticated", "another scheme", "UNAUTHENTICATED unauthenticated",
        lambda bench: ask(bench, message(b""), ("authorization", f"Basic {bench.token}"), token=False)),
    Row("rpc", "unimplemented", "unknown method", "UNIMPLEMENTED unknown method: /a.b.C/D",
        lambda bench: ask(bench, message(b""), path="/a.b.C/D")),
    Row("rpc", "too_much_at_once", "64 MiB half received", "RESOURCE_EXHAUSTED too many large requests",
        _too_much_at_once),
    Row("rpc", "malformed_timeout", "unit x", "INVALID_ARGUMENT grpc-timeout is malformed",
        lambda bench: ask(bench, message(b""), ("grpc-timeout", "1x"))),
    Row("rpc", "large_message", "a MiB and a byte", "RESOURCE_EXHAUSTED request message is larger than 1048576",
        lambda bench: ask(bench, struct.pack("!BI", 0, MIB + 1), end=False)),
    Row("rpc", "unknown_coding", "gzip", "UNIMPLEMENTED grpc-encoding gzip is not supported",
        lambda bench: ask(bench, message(b"x", flag=1), ("grpc-encoding", "gzip"))),
    Row("rpc", "malformed_framing", "compressed by nothing", "INTERNAL compressed message without grpc-encoding",
        lambda bench: ask(bench, message(b"x", flag=1))),
    Row("rpc", "malformed_framing", "flag 2", "INTERNAL unknown flag of a message",
        lambda bench: ask(bench, message(b"", flag=2))),
    Row("rpc", "malformed_framing", "cut off", "INTERNAL request message is cut off", _cut_off),
    Row("rpc", "not_one_message", "none", "UNIMPLEMENTED this method takes exactly one", lambda bench: ask(bench, b"")),
    Row("rpc", "not_one_message", "two", "UNIMPLEMENTED this method takes exactly one",
        lambda bench: ask(bench, message(b"") + message(b""))),
    Row("rpc", "malformed_message", "no protobuf", "INVALID_ARGUMENT ", lambda bench: ask(bench, message(b"\xff\xff\xff"))),
    Row("rpc", "deadline_exceeded", "a request that never ends", "DEADLINE_EXCEEDED", _late),
    Row("rpc", "malformed_http2", "HTTP/1.1", "closed", _not_http2),
    Row("rpc", "flood", "pings", "GOAWAY", _flood),
    Row("rpc", "too_many_streams", "101 calls on a connection", "RST_STREAM 7", _too_many_streams),
    Row("rpc", "too_many_connections", "1001 busy connections", "closed", _too_many_connections),
]
