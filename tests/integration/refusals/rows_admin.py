"""What the admin listener of both services refuses."""

from __future__ import annotations

from tests.integration.refusals.rows_webhook import send
from tests.integration.refusals.table import Row


class AdminBench:
    """The listener of a running service."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, *lines: str, first: str = "GET /livez HTTP/1.1", host: str = "x") -> str:
        """A request; how it was answered."""
        return send(self.port, "\r\n".join((first, f"Host: {host}", *lines, "", "")).encode())

    def good(self) -> None:
        """What is right is still answered."""
        assert self.ask() == "HTTP 200"


ADMIN = [
    Row("admin", "malformed_request", "a blank before a colon", "HTTP 400", lambda b: b.ask("X : 1")),
    Row("admin", "unknown_path", "none", "HTTP 404", lambda b: b.ask(first="GET /none HTTP/1.1")),
    Row("admin", "wrong_method", "POST", "HTTP 405", lambda b: b.ask(first="POST /metrics HTTP/1.1")),
    Row("admin", "large_body", "a byte", "HTTP 413", lambda b: b.ask("Content-Length: 1")),
    Row("admin", "unknown_expectation", "200-ok", "HTTP 417", lambda b: b.ask("Expect: 200-ok")),
    Row("admin", "large_head", "10000 bytes", "HTTP 431", lambda b: b.ask("X: " + "x" * 10_000)),
    Row("admin", "unknown_coding", "gzip", "HTTP 501", lambda b: b.ask("Transfer-Encoding: gzip, chunked")),
    Row("admin", "unknown_version", "HTTP/2.0", "HTTP 505", lambda b: b.ask(first="GET /livez HTTP/2.0")),
]
SHOWN_ELSEWHERE = {
    ("admin", "late_request"): "every_status_has_a_code_a_line_and_a_count",
    ("admin", "unread_answer"): "every_status_has_a_code_a_line_and_a_count",
}
"""They take the listener's five seconds each."""
