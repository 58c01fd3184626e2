"""What the status page of a store refuses."""

from __future__ import annotations

import select
import socket

import psycopg

from tests.integration.refusals.rows_admin import AdminBench
from tests.integration.refusals.rows_log import LogBench
from tests.integration.refusals.rows_read import ReadBench
from tests.integration.refusals.table import Row

PAGE_TOKEN = "a-token-of-the-status-page"
BEARER = f"Authorization: Bearer {PAGE_TOKEN}"
CALLS_MAX = 16
_TOTALS = "GET /api/v1/bot-stats.json HTTP/1.1"
_PATIENCE_S = 20


def good(admin: AdminBench) -> None:
    """What is right is still answered."""
    assert admin.ask(BEARER, first=_TOTALS) == "HTTP 200"


def _status(client: socket.socket) -> str:
    return f"HTTP {int(client.recv(65536).split(b' ')[1])}"


def _too_many(bench: ReadBench) -> str:
    """As many as may be open wait for a lock, and one more."""
    request = f"{_TOTALS}\r\nHost: x\r\n{BEARER}\r\n\r\n".encode()
    clients = [socket.create_connection(("127.0.0.1", bench.admin.port), _PATIENCE_S) for _ in range(CALLS_MAX + 1)]
    try:
        with psycopg.connect(bench.url) as locker:
            locker.execute("LOCK TABLE g1.totals IN ACCESS EXCLUSIVE MODE")
            for client in clients:
                client.sendall(request)
            answered, _, _ = select.select(clients, [], [], _PATIENCE_S)
            told = [_status(client) for client in answered]
        others = {_status(client) for client in clients if client not in answered}
        assert others == {"HTTP 200"}, others
        return " ".join(told)
    finally:
        for client in clients:
            client.close()


def _unavailable(bench: ReadBench) -> str:
    with bench.no_database():
        return bench.admin.ask(BEARER, first=_TOTALS)


def _log_admin(bench: LogBench) -> AdminBench:
    return AdminBench(bench.admin)


AT_READS = [
    Row("page", "wrong_argument", "negative seconds", "HTTP 400",
        lambda b: b.admin.ask(BEARER, first="GET /api/v1/bot-stats.json?seconds=-1 HTTP/1.1")),
    Row("page", "wrong_argument", "an escape", "HTTP 400",
        lambda b: b.admin.ask(BEARER, first="GET /api/v1/bot-stats.json?class=al%6C HTTP/1.1")),
    Row("page", "unauthenticated", "no token", "HTTP 401", lambda b: b.admin.ask(first=_TOTALS)),
    Row("page", "unauthenticated", "another token", "HTTP 401", lambda b: b.admin.ask(BEARER + "x", first=_TOTALS)),
    Row("page", "too_many", "17 requests", "HTTP 503", _too_many),
    Row("page", "unavailable", "a database that is away", "HTTP 503", _unavailable),
]
AT_LOG = [
    Row("page", "foreign_host", "another name", "HTTP 403",
        lambda b: _log_admin(b).ask(first="GET /api/v1/status.json HTTP/1.1")),
    Row("page", "not_served", "figures of a store that only writes", "HTTP 404",
        lambda b: _log_admin(b).ask(first=_TOTALS, host="localhost")),
]
