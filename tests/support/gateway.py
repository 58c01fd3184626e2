"""One gateway process for synchronous tests, with plain sockets to talk to it and confluent-kafka as the judge.

    with Gateway(servers, binaries, work_dir, topic_prefix) as gateway:
        answer = gateway.post(update)
        assert answer.status == 200
        records = gateway.records("events")
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from confluent_kafka import Consumer, Message, TopicPartition

from deploy.local.servers import Servers
from tests.support import canaries
from tests.support.canary import BOT_ID, NAME, SECRET, TEXT, TOKEN
from tests.support.processes import free_port, parse_metrics
from tests.support.protos import publish_grpc

__all__ = ["BOT_ID", "PATH", "SECRET", "TOKEN", "Answer", "Gateway", "text_update", "until"]
PATH = "/telegram"
PARTITIONS = 4
READY_S = 15.0
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Answer:
    """Of one HTTP request."""

    status: int
    headers: dict[str, str]
    body: bytes


def until(condition: Callable[[], bool], deadline_s: float, what: str) -> None:
    """Wait for a condition; AssertionError when it does not come true in time."""
    deadline = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {deadline_s:g} s"
        time.sleep(_POLL_S)


def text_update(update_id: int, chat_id: int, text: str = TEXT, **more: Any) -> dict[str, Any]:
    """A private text message as Telegram sends it."""
    person = {"id": chat_id, "is_bot": False, "first_name": NAME, "language_code": "ru"}
    message = {
        "message_id": update_id,
        "from": person,
        "chat": {"id": chat_id, "first_name": NAME, "type": "private"},
        "date": 1_760_000_000,
        "text": text,
        **more,
    }
    return {"update_id": update_id, "message": message}


class Gateway:
    """Use it as a context manager: topics are there and it is ready inside."""

    def __init__(
        self,
        servers: Servers,
        binaries: Path,
        work_dir: Path,
        prefix: str,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.binary = binaries / "telefact-gateway"
        self.prefix = prefix
        self.bootstrap = servers.kafka_bootstrap
        self.hook, self.rpc, self.admin = (free_port() for _ in range(3))
        self.log_path = work_dir / "gateway.log"
        self.environment = {
            "GATEWAY_BOT_TOKEN": TOKEN,
            "GATEWAY_WEBHOOK_CHECK_S": "0",
            "GATEWAY_WEBHOOK_LISTEN": f"127.0.0.1:{self.hook}",
            "GATEWAY_WEBHOOK_PATH": PATH,
            "GATEWAY_WEBHOOK_SECRET": SECRET,
            "GATEWAY_RPC_LISTEN": f"127.0.0.1:{self.rpc}",
            "GATEWAY_ADMIN_LISTEN": f"127.0.0.1:{self.admin}",
            "GATEWAY_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "GATEWAY_TOPIC_PREFIX": prefix,
            "GATEWAY_TOPIC_PARTITIONS": str(PARTITIONS),
            "GATEWAY_TOPIC_REPLICATION_FACTOR": "1",
            **(settings or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Gateway:
        created = self.command("topics", "create")
        assert created.returncode == 0, created.stderr
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):  # it may stand still
                self._ask(self.admin, "GET", "/metrics", None, {}, 1.0)
            self.process.kill()
            self.process.wait()

    def _environ(self) -> dict[str, str]:
        names = ("PATH", "HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS")
        return {name: os.environ[name] for name in names if name in os.environ} | self.environment

    def command(self, *arguments: str, timeout_s: float = 30.0) -> subprocess.CompletedProcess[str]:
        """Run a subcommand to its end."""
        ended = subprocess.run(
            [self.binary, *arguments], env=self._environ(), capture_output=True, text=True, timeout=timeout_s
        )
        canaries.look("output", ended.stdout + ended.stderr, f"of {arguments}")
        return ended

    def spawn(self) -> None:
        """Start it without waiting."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen([self.binary], env=self._environ(), stdout=log, stderr=log)

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.spawn()
        until(self._is_ready_or_dead, READY_S, "the gateway to become ready")
        assert self.is_ready(), self.log()

    def _is_ready_or_dead(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None or self.is_ready()

    def is_ready(self) -> bool:
        """Whether /readyz answers 200 now."""
        return self.probe("/readyz") == 200

    def probe(self, path: str) -> int:
        """Status of a probe; 0: nobody listens."""
        try:
            return self.get_admin(path).status
        except OSError:
            return 0

    def get_admin(self, path: str) -> Answer:
        """Ask the admin listener."""
        return self._ask(self.admin, "GET", path, None, {})

    def metrics(self) -> dict[str, float]:
        """/metrics as {sample with labels as printed: value}."""
        return parse_metrics(self.get_admin("/metrics").body.decode())

    def terminate(self) -> None:
        """Send SIGTERM."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def wait(self, timeout_s: float = 30.0) -> int:
        """Wait for its end; returns the exit status."""
        assert self.process is not None
        return self.process.wait(timeout_s)

    def log(self) -> str:
        """All it wrote."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def connect(self, timeout_s: float = 30.0) -> http.client.HTTPConnection:
        """A keep-alive connection to the webhook."""
        return http.client.HTTPConnection("127.0.0.1", self.hook, timeout=timeout_s)

    def post(
        self,
        update: object,
        headers: Mapping[str, str] | None = None,
        path: str = PATH,
        connection: http.client.HTTPConnection | None = None,
    ) -> Answer:
        """POST an update (bytes: as they are) with the secret."""
        body = update if isinstance(update, bytes) else json.dumps(update).encode()
        sent = {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": SECRET, **(headers or {})}
        if connection is not None:
            return _exchange(connection, "POST", path, body, sent)
        return self._ask(self.hook, "POST", path, body, sent)

    def _ask(
        self, port: int, method: str, path: str, body: bytes | None, headers: dict[str, str], timeout_s: float = 30.0
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
        try:
            return _exchange(connection, method, path, body, headers)
        finally:
            connection.close()

    def publisher(self) -> publish_grpc.PublishServiceStub:
        """A PublishService client."""
        return publish_grpc.PublishServiceStub(grpc.insecure_channel(f"127.0.0.1:{self.rpc}"))

    def records(self, kind: str) -> list[Message]:
        """Everything in the topic "events" or "raw", by partition and offset."""
        topic = f"{self.prefix}.{kind}.v1"
        settings = {"bootstrap.servers": self.bootstrap, "group.id": "judge", "enable.partition.eof": True}
        consumer = Consumer({**settings, "enable.auto.commit": False, "log_level": 2})
        try:
            consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
            found: list[Message] = []
            ended = 0
            while ended < PARTITIONS:
                message = consumer.poll(10)
                assert message is not None, f"{topic} cannot be read"
                if message.error() is None:
                    found.append(message)
                else:
                    ended += 1
        finally:
            consumer.close()
        return sorted(found, key=lambda message: (message.partition(), message.offset()))


def _exchange(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
) -> Answer:
    connection.request(method, path, body, dict(headers))
    response = connection.getresponse()
    fields = {name.lower(): value for name, value in response.getheaders()}
    answer = Answer(response.status, fields, response.read())
    canaries.look("reply", repr(answer))
    return answer
