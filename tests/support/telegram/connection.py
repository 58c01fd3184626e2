"""One keep-alive connection to a webhook: a small HTTP/1.1 client made for rate, not for features."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

_HEAD_BYTES_MAX = 64 << 10


class Address(NamedTuple):
    """A webhook address, taken apart once."""

    url: str
    host: str
    port: int
    head: bytes
    """Request head up to the value of Content-Length."""


def make_address(url: str, secret: str) -> Address:
    """Take an http:// address apart and prepare its request head."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"not an http address: {url}")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"POST {target} HTTP/1.1", f"Host: {parts.netloc}"]
    if secret:
        lines.append(f"X-Telegram-Bot-Api-Secret-Token: {secret}")
    lines += [
        "Content-Type: application/json",
        "Connection: keep-alive",
        "Accept-Encoding: gzip, deflate",
        "Content-Length: ",
    ]
    return Address(url, parts.hostname, parts.port or 80, "\r\n".join(lines).encode("ascii"))


class Answer(NamedTuple):
    """How a POST ended. status 0: no complete answer came, `error` says why."""

    status: int
    error: str = ""
    headers: dict[str, str] = {}
    body: bytes = b""
    keep_alive: bool = False

    @property
    def retry_after(self) -> int:
        """Seconds, 0 when absent or unreadable."""
        value = self.headers.get("retry-after", "")
        return int(value) if value.isdecimal() and len(value) < 10 else 0


class WebhookConnection(asyncio.Protocol):
    """Sends one request at a time; `on_answer` is called exactly once for each.

    `on_idle_close` is called when the peer closes while nothing is under way.
    """

    def __init__(
        self,
        address: Address,
        on_answer: Callable[[WebhookConnection, Answer], None],
        on_idle_close: Callable[[WebhookConnection], None],
    ) -> None:
        self.address = address
        self.context: object = None
        """Whatever the owner wants to find again in on_answer."""
        self.active_at = 0.0
        """When the owner last used it; for the owner's idle limit."""
        self._on_answer = on_answer
        self._on_idle_close = on_idle_close
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._busy = False
        self._closed = False

    @property
    def busy(self) -> bool:
        """A request is under way."""
        return self._busy

    def send(self, body: bytes) -> None:
        """POST one update."""
        assert self._transport is not None and not self._busy
        self._busy = True
        self._transport.write(b"%b%d\r\n\r\n%b" % (self.address.head, len(body), body))

    def close(self, error: str = "closed by us") -> None:
        """Close; a request under way ends with `error`."""
        if self._closed:
            return
        self._closed = True
        if self._transport is not None:
            self._transport.abort()
        if self._busy:
            self._finish(Answer(0, error))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._closed:
            return
        self._buffer += data
        if not self._busy:
            self.close()
            self._on_idle_close(self)
            return
        try:
            answer = _parse(self._buffer, at_end=False)
        except (ValueError, IndexError, zlib.error) as error:
            self.close(f"malformed answer: {error}")
            return
        if answer is not None:
            self._finish(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._closed:
            return
        self._closed = True
        if not self._busy:
            self._on_idle_close(self)
            return
        answer = None
        with contextlib.suppress(ValueError, IndexError, zlib.error):
            answer = _parse(self._buffer, at_end=True)
        self._finish(answer or Answer(0, f"connection closed: {exc or 'end of stream'}"))

    def _finish(self, answer: Answer) -> None:
        self._busy = False
        self._buffer.clear()
        if not answer.keep_alive and not self._closed:
            self._closed = True
            if self._transport is not None:
                self._transport.close()
        self._on_answer(self, answer)


def _parse(buffer: bytearray, at_end: bool) -> Answer | None:
    """The answer in `buffer`, None while it is incomplete, ValueError when it is no HTTP."""
    while True:
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(buffer) > _HEAD_BYTES_MAX:
                raise ValueError("head too large")
            return None
        lines = buffer[:end].decode("latin-1").split("\r\n")
        version, _, rest = lines[0].partition(" ")
        status = int(rest[:3])
        if not version.startswith("HTTP/1."):
            raise ValueError("not HTTP/1")
        if status >= 200:
            break
        del buffer[: end + 4]
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = _body(buffer[end + 4 :], status, headers, at_end)
    if body is None:
        return None
    if headers.get("content-encoding") in ("gzip", "deflate"):
        body = zlib.decompress(body, wbits=47)
    connection = headers.get("connection", "").lower()
    framed = status == 204 or "content-length" in headers or "transfer-encoding" in headers
    keep_alive = (
        not at_end and framed and connection != "close" and (version == "HTTP/1.1" or connection == "keep-alive")
    )
    return Answer(status, "", headers, bytes(body), keep_alive)


def _body(data: bytearray, status: int, headers: dict[str, str], at_end: bool) -> bytes | None:
    if status in (204, 304):
        return b""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _chunked(data)
    if "content-length" in headers:
        length = int(headers["content-length"])
        if length > len(data):
            return None
        return bytes(data[:length])
    return bytes(data) if at_end else None


def _chunked(data: bytearray) -> bytes | None:
    parts: list[bytes] = []
    at = 0
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            return None
        size = int(bytes(data[at:end]).split(b";")[0], 16)
        if len(data) < end + 2 + size + 2:
            return None
        if size == 0:
            return b"".join(parts)
        parts.append(bytes(data[end + 2 : end + 2 + size]))
        at = end + 2 + size + 2
