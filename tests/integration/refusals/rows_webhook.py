"""What the webhook refuses, and what the gateway refuses of an update behind it."""

from __future__ import annotations

import json
import random
import socket
import time
from typing import Any

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from tests.integration.refusals.table import Row
from tests.integration.test_gateway_forward import Bot
from tests.support.gateway import PATH, SECRET, Gateway, text_update, until

MIB = 1 << 20
EVENTS_MAX = 5  # in flight


def send(port: int, *parts: bytes) -> str:
    """Bytes as they are; how they were answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        answer = b""
        try:
            for part in parts:
                connection.sendall(part)
        except OSError:
            pass  # refused before all of it was sent
        while b"\r\n" not in answer and (more := connection.recv(65536)):
            answer += more
    return f"HTTP {answer.split()[1].decode()}" if answer else "closed"


class GatewayBench:
    """A gateway with a bot behind it, and what its rows do to both."""

    def __init__(self, gateway: Gateway, bot: Bot, token: str) -> None:
        self.gateway, self.bot, self.token = gateway, bot, token
        self._numbers = iter(range(1, 1_000_000))
        self._admin = AdminClient({"bootstrap.servers": gateway.bootstrap, "log_level": 2})

    def update(self) -> dict[str, Any]:
        """A good one that nobody sent before, in a chat of its own."""
        number = next(self._numbers)
        return text_update(number, 50_000 + number)

    def good(self) -> None:
        """What is right is still taken."""
        answer = self.gateway.post(self.update())
        assert answer.status == 200, self.gateway.log()

    def post(self, body: object, **more: Any) -> str:
        return f"HTTP {self.gateway.post(body, **more).status}"

    def send(self, *parts: bytes) -> str:
        return send(self.gateway.hook, *parts)

    def configure(self, kind: str, name: str, value: str | None) -> None:
        """Change a setting of the gateway's topic; None: back to what it was made with."""
        operation = AlterConfigOpType.SET if value is not None else AlterConfigOpType.DELETE
        entry = ConfigEntry(name, value or "", incremental_operation=operation)
        topic = ConfigResource(ResourceType.TOPIC, f"{self.gateway.prefix}.{kind}.v1", incremental_configs=[entry])
        self._admin.incremental_alter_configs([topic])[topic].result(20)


def head(*lines: str, first: str = f"POST {PATH} HTTP/1.1", secret: str = SECRET) -> bytes:
    """A request head with the secret."""
    return "\r\n".join((first, "Host: x", f"X-Telegram-Bot-Api-Secret-Token: {secret}", *lines, "", "")).encode()


def _silent_bot(bench: GatewayBench) -> str:
    bench.bot.delay_s = 1.0
    try:
        return bench.post(bench.update())
    finally:
        bench.bot.delay_s = 0.0


def _unread_answers(bench: GatewayBench) -> str:
    """Large answers, which the client that waits for them does not read."""
    bench.bot.body = b"x" * (MIB - 1)
    sample = 'refusals_total{where="webhook",code="unread_answer"}'
    refused = bench.gateway.metrics()[sample]
    try:
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", bench.gateway.hook))
            for _ in range(8):
                body = json.dumps(bench.update()).encode()
                connection.sendall(head(f"Content-Length: {len(body)}") + body)
            until(lambda: bench.gateway.metrics()[sample] > refused, 20, "the end of patience")
        return "closed"
    finally:
        bench.bot.body = b""


def _larger_than_its_topic(bench: GatewayBench) -> str:
    """Kept but for its end, so the sender need not know."""
    bench.configure("raw", "max.message.bytes", "100000")
    try:
        deadline = time.monotonic() + 20
        while True:  # the broker takes a moment
            refused = bench.gateway.metrics()['raw_updates_total{reason="too_large"}']
            answer = bench.post({"update_id": 1, "unknown_kind": random.randbytes(150_000).hex()})
            if bench.gateway.metrics()['raw_updates_total{reason="too_large"}'] > refused:
                return answer
            assert time.monotonic() < deadline
    finally:
        bench.configure("raw", "max.message.bytes", str(2 * MIB))


WEBHOOK = [
    Row("webhook", "malformed_request", "signed length", "HTTP 400", lambda b: b.send(head("Content-Length: +4"))),
    Row("webhook", "malformed_request", "a chunk of zz bytes", "HTTP 400",
        lambda b: b.send(head("Transfer-Encoding: chunked") + b"zz\r\n")),
    Row("webhook", "malformed_request", "TLS", "HTTP 400", lambda b: b.send(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")),
    Row("webhook", "wrong_secret", "none", "HTTP 401",
        lambda b: b.post(b.update(), headers={"X-Telegram-Bot-Api-Secret-Token": ""})),
    Row("webhook", "wrong_secret", "another", "HTTP 401",
        lambda b: b.post(b.update(), headers={"X-Telegram-Bot-Api-Secret-Token": SECRET + "x"})),
    Row("webhook", "unknown_path", "another", "HTTP 404", lambda b: b.post(b.update(), path="/other")),
    Row("webhook", "wrong_method", "GET", "HTTP 405", lambda b: b.send(head(first=f"GET {PATH} HTTP/1.1"))),
    Row("webhook", "late_request", "half a body", "HTTP 408", lambda b: b.send(head("Content-Length: 4") + b"{}")),
    Row("webhook", "large_body", "declared", "HTTP 413", lambda b: b.send(head("Content-Length: 2147483648"))),
    Row("webhook", "large_body", "in chunks", "HTTP 413",
        lambda b: b.send(head("Transfer-Encoding: chunked"), *[b"10000\r\n" + b"x" * 65536 + b"\r\n"] * 17)),
    Row("webhook", "unknown_expectation", "200-ok", "HTTP 417",
        lambda b: b.send(head("Content-Length: 4", "Expect: 200-ok"))),
    Row("webhook", "large_head", "10000 bytes", "HTTP 431", lambda b: b.send(head("X: " + "x" * 10_000))),
    Row("webhook", "unknown_coding", "gzip", "HTTP 501", lambda b: b.send(head("Transfer-Encoding: gzip, chunked"))),
    Row("webhook", "unknown_version", "HTTP/2.0", "HTTP 505",
        lambda b: b.send(head("Content-Length: 0", first=f"POST {PATH} HTTP/2.0"))),
    Row("webhook", "unread_answer", "eight large ones", "closed", _unread_answers),
    Row("webhook", "bot_silent", "a bot that is slow", "HTTP 503", _silent_bot),
]

UPDATE = [
    Row("update", "unparsable", "cut", "HTTP 200", lambda b: b.post(b'{"update_id": 31, "message"')),
    Row("update", "unparsable", "no UTF-8", "HTTP 200", lambda b: b.post(b"\xff\xfe")),
    Row("update", "unparsable", "empty", "HTTP 200", lambda b: b.post(b"")),
    Row("update", "too_deep", "10000 levels", "HTTP 200",
        lambda b: b.post(b'{"update_id": 33, "x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}")),
    Row("update", "large_update", "larger than its topic takes", "HTTP 200", _larger_than_its_topic),
]

UPDATE_WITHOUT_KAFKA = [
    Row("update", "in_flight_full", "a sixth in flight", "HTTP 503", lambda b: b.post(b.update())),
    Row("update", "not_acknowledged", "a broker that stands still", "HTTP 503", lambda b: b.post(b.update())),
]
