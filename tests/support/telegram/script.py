"""Answers of the Bot API that are made up: errors, and answers that are damaged on the way.

telegram.script.append(too_many_requests(2, "getUpdates"))
telegram.script.append(truncated("getUpdates"))

Each stands for one call of its method (empty: of any), in the order they were appended.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Scripted:
    """What one call gets instead of, or made of, its true answer."""

    method: str = ""
    status: int = 200
    body: bytes | None = None
    """None: the method is carried out and its answer is the body."""
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: float = 1.0
    """Part of the body that is sent before the connection is closed; 0 sends no answer at all."""
    length_error: int = 0
    """Added to what Content-Length should say."""

    @property
    def is_damaged(self) -> bool:
        """Whether the answer breaks HTTP's rules."""
        return self.cut_after < 1.0 or self.length_error != 0

    def raw_answer(self, body: bytes) -> bytes:
        """All bytes of a damaged answer."""
        if self.cut_after == 0:
            return b""
        head = f"HTTP/1.1 {self.status} Reason\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body) + self.length_error}\r\n\r\n"
        return head.encode() + body[: int(len(body) * self.cut_after)]


@dataclass(slots=True)
class Call:
    """A call of a method as it came."""

    at: float
    method: str
    parameters: dict[str, Any]
    status: int = 0
    """0: not answered yet, or cut."""
    ended_at: float = 0.0
    is_scripted: bool = False


class Script(list[Scripted]):
    """What is to be answered next."""

    def take(self, method: str) -> Scripted | None:
        """Remove and return what this call gets."""
        for index, scripted in enumerate(self):
            if scripted.method.lower() in ("", method):
                return self.pop(index)
        return None


def error(status: int, description: str, method: str = "", **parameters: int) -> Scripted:
    """The Bot API's own form of an error."""
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    if parameters:
        body["parameters"] = parameters
    return Scripted(method, status, json.dumps(body).encode())


def too_many_requests(retry_after: int, method: str = "") -> Scripted:
    """429 with the time to wait."""
    return error(429, f"Too Many Requests: retry after {retry_after}", method, retry_after=retry_after)


def unauthorized(method: str = "") -> Scripted:
    """401, as after the token was revoked."""
    return error(401, "Unauthorized", method)


def not_found(method: str = "") -> Scripted:
    """404, as for a token that never was one."""
    return error(404, "Not Found", method)


def bad_gateway(method: str = "", status: int = 502) -> Scripted:
    """A 5xx with a page of HTML, as of a proxy in front of the server."""
    page = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
    return Scripted(method, status, page, {"Content-Type": "text/html"})


def not_ok(method: str = "") -> Scripted:
    """ok:false under status 200."""
    return Scripted(method, 200, b'{"ok":false,"error_code":500,"description":"Internal Server Error"}')


def malformed(method: str = "", body: bytes = b'{"ok":true,"result":[{"update_id":') -> Scripted:
    """Status 200 and a body that is no JSON."""
    return Scripted(method, 200, body)


def truncated(method: str = "", after: float = 0.5) -> Scripted:
    """The true answer, cut; 0: the connection is closed without an answer."""
    return Scripted(method, cut_after=after)


def wrong_length(method: str = "", by: int = -7) -> Scripted:
    """The true answer under a wrong Content-Length; when that says too much, the connection is closed."""
    return Scripted(method, length_error=by)


def every_fault(method: str) -> Iterable[Scripted]:
    """One of each that must be answered by trying again."""
    yield from (bad_gateway(method), bad_gateway(method, 500), not_ok(method), malformed(method))
    yield from (malformed(method, b""), malformed(method, b'{"ok":true}'), malformed(method, b"[]"))
    yield from (truncated(method), truncated(method, 0.0), wrong_length(method), wrong_length(method, 9))
