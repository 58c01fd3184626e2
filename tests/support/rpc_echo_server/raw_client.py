"""An HTTP/2 client that sends exactly the frames it is told to, also wrong and hostile ones."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

import hpack

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
ENHANCE_YOUR_CALM = 11
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
INITIAL_WINDOW_SIZE = 4


@dataclass(slots=True)
class Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes
    headers: dict[str, str] = field(default_factory=dict)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def message(payload: bytes, flag: int = 0) -> bytes:
    """One gRPC message with its prefix."""
    return struct.pack("!BI", flag, len(payload)) + payload


class RawClient:
    def __init__(self, port: int, settings: dict[int, int] | None = None, timeout_s: float = 10.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self._encoder = hpack.Encoder()
        self._decoder = hpack.Decoder()
        self._received = b""
        payload = b"".join(struct.pack("!HI", key, value) for key, value in (settings or {}).items())
        self.send(PREFACE + frame(SETTINGS, 0, 0, payload))

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def set_timeout(self, seconds: float) -> None:
        self._socket.settimeout(seconds)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def encode(self, headers: Iterable[tuple[str, str]]) -> bytes:
        return self._encoder.encode(list(headers))

    def request(
        self,
        stream: int,
        path: str,
        body: bytes | None = None,
        end: bool = True,
        extra: Iterable[tuple[str, str]] = (),
        method: str = "POST",
        content_type: str = "application/grpc",
    ) -> bytes:
        """The frames of a call; nothing is sent."""
        block = self.encode(
            [
                (":method", method),
                (":scheme", "http"),
                (":path", path),
                (":authority", "localhost"),
                ("content-type", content_type),
                ("te", "trailers"),
                *extra,
            ]
        )
        last = END_STREAM if end and body is None else 0
        frames = frame(HEADERS, END_HEADERS | last, stream, block)
        if body is not None:
            pieces = [body[at : at + 16384] for at in range(0, len(body), 16384)] or [b""]
            for piece in pieces[:-1]:
                frames += frame(DATA, 0, stream, piece)
            frames += frame(DATA, END_STREAM if end else 0, stream, pieces[-1])
        return frames

    def read_frame(self) -> Frame | None:
        """The next frame; None when the server closed the connection."""
        header = self._read(9)
        if header is None:
            return None
        length = int.from_bytes(header[:3], "big")
        payload = self._read(length)
        if payload is None:
            return None
        got = Frame(header[3], header[4], int.from_bytes(header[5:9], "big"), payload)
        if got.kind == HEADERS:
            got.headers = dict(self._decoder.decode(payload))
        return got

    def read_until(self, kind: int, stream: int | None = None, flags: int = 0) -> Frame:
        """Skip to the next frame of this kind (of this stream, with these flags)."""
        while True:
            got = self.read_frame()
            if got is None:
                raise ConnectionError(f"closed before a frame of kind {kind}")
            if got.kind == kind and stream in (None, got.stream) and got.flags & flags == flags:
                return got

    def answer(self, stream: int) -> dict[str, str]:
        """The headers that end this stream."""
        return self.read_until(HEADERS, stream, END_STREAM).headers

    def read_to_end(self) -> list[Frame]:
        """All frames until the server closes the connection."""
        frames = []
        try:
            while (got := self.read_frame()) is not None:
                frames.append(got)
        except (ConnectionResetError, BrokenPipeError):
            pass
        return frames

    def _read(self, count: int) -> bytes | None:
        while len(self._received) < count:
            piece = self._socket.recv(65536)
            if not piece:
                return None
            self._received += piece
        data, self._received = self._received[:count], self._received[count:]
        return data
