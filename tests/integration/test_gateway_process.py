"""The gateway as a process: its command line, its settings, how it leaves, and what it never tells."""

from __future__ import annotations

import re
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.local.servers import Servers
from tests.support.canary import NAME, SECRET, TEXT, TOKEN
from tests.support.gateway import Gateway, text_update, until
from tests.support.protos import event_pb2



@pytest.fixture
def idle(servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str) -> Gateway:
    """A gateway that was not started."""
    return Gateway(servers, binaries, work_dir, topic_prefix)


def test_help_and_version_go_to_stdout(idle: Gateway) -> None:
    idle.environment = {}
    helped = idle.command("--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "topics create" in helped.stdout
    versioned = idle.command("--version")
    assert (versioned.returncode, versioned.stderr) == (0, "")
    assert re.fullmatch(r"telefact-gateway \d+\.\d+\.\d+\n", versioned.stdout)


@pytest.mark.parametrize("arguments", [("--nope",), ("nope",), ("topics",), ("topics", "drop"), ("run", "now")])
def test_wrong_usage_is_64(idle: Gateway, arguments: tuple[str, ...]) -> None:
    wrong = idle.command(*arguments)
    assert wrong.returncode == 64
    assert "usage: telefact-gateway" in wrong.stderr


def test_all_faults_of_the_settings_are_told_together(idle: Gateway) -> None:
    idle.environment |= {
        "GATEWAY_TYPO": "1",
        "GATEWAY_MODE": "sideways",
        "GATEWAY_MAX_IN_FLIGHT": "many",
        "GATEWAY_KAFKA_ACKS": "0",
        "GATEWAY_KAFKA_ENABLE_IDEMPOTENCE": "false",
    }
    refused = idle.command()
    assert refused.returncode == 78
    for name in ("GATEWAY_TYPO", "GATEWAY_MODE", "GATEWAY_MAX_IN_FLIGHT", "GATEWAY_KAFKA_ACKS",
                 "GATEWAY_KAFKA_ENABLE_IDEMPOTENCE"):
        assert f"{name}: " in refused.stderr, refused.stderr


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"GATEWAY_MODE": "polling", "GATEWAY_BOT_TOKEN": "", "GATEWAY_BOT_ID": "5"}, "GATEWAY_BOT_TOKEN: missing"),
        ({"GATEWAY_MODE": "polling", "GATEWAY_FORWARD_URL": "http://127.0.0.1:1/bot"}, "only in mode webhook"),
        ({"GATEWAY_ROLES": "ingest,worker"}, "GATEWAY_ROLES: worker is not built yet"),
        ({"GATEWAY_WEBHOOK_SECRET": ""}, "GATEWAY_WEBHOOK_SECRET: missing"),
        ({"GATEWAY_WEBHOOK_SECRET": "with blank"}, "GATEWAY_WEBHOOK_SECRET: only"),
        ({"GATEWAY_WEBHOOK_SECRET_PREVIOUS": "a/b"}, "GATEWAY_WEBHOOK_SECRET_PREVIOUS: only"),
        ({"GATEWAY_WEBHOOK_PATH": "hook"}, "GATEWAY_WEBHOOK_PATH: must start with /"),
        ({"GATEWAY_WEBHOOK_PATH": f"/{TOKEN}"}, "GATEWAY_WEBHOOK_PATH: holds a colon"),
        ({"GATEWAY_BOT_TOKEN": ""}, "GATEWAY_BOT_TOKEN: missing"),
        ({"GATEWAY_BOT_TOKEN": "nonsense"}, "GATEWAY_BOT_TOKEN: not of the form"),
        ({"GATEWAY_BOT_ID": "5"}, "GATEWAY_BOT_ID: is not the bot of GATEWAY_BOT_TOKEN"),
        ({"GATEWAY_FORWARD_URL": "ftp://x/"}, "GATEWAY_FORWARD_URL: must start with http"),
        (
            {"GATEWAY_FORWARD_URL": "http://127.0.0.1:1/", "GATEWAY_DELIVERY_TIMEOUT_MS": "40000"},
            "GATEWAY_DELIVERY_TIMEOUT_MS: with GATEWAY_FORWARD_TIMEOUT_MS more than 55000",
        ),
        ({"GATEWAY_TOPIC_PREFIX": "a b"}, "GATEWAY_TOPIC_PREFIX: 1 to 200"),
        ({"GATEWAY_RPC_TOKENS_FILE": "/does/not/exist"}, "GATEWAY_RPC_TOKENS_FILE: "),
        ({"GATEWAY_KAFKA_NO_SUCH_PROPERTY": "1"}, "no.such.property"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_at_start(idle: Gateway, settings: dict[str, str], told: str) -> None:
    idle.environment |= settings
    for arguments in ((), ("--check-config",)):
        refused = idle.command(*arguments)
        assert refused.returncode == 78, refused.stderr
        assert told in refused.stderr
        assert TOKEN not in refused.stderr


def test_check_config_shows_what_counts_and_no_secret(idle: Gateway, work_dir: Path) -> None:
    secret_file = work_dir / "secret"
    secret_file.write_text(SECRET + "\n")
    idle.environment["GATEWAY_WEBHOOK_SECRET_FILE"] = str(secret_file)
    del idle.environment["GATEWAY_WEBHOOK_SECRET"]
    idle.environment["GATEWAY_KAFKA_SASL_PASSWORD"] = "canary-password"
    shown = idle.command("--check-config")
    assert shown.returncode == 0, shown.stderr
    assert "GATEWAY_MAX_IN_FLIGHT=4096\n" in shown.stdout
    assert "GATEWAY_WEBHOOK_SECRET=***\n" in shown.stdout
    for secret in (TOKEN, SECRET, "canary-password"):
        assert secret not in shown.stdout + shown.stderr


def test_a_gateway_without_updates_only_publishes(idle: Gateway) -> None:
    for name in ("GATEWAY_BOT_TOKEN", "GATEWAY_WEBHOOK_SECRET"):
        del idle.environment[name]
    idle.environment |= {"GATEWAY_BOT_ID": "42", "GATEWAY_MODE": "none"}
    with idle as gateway:
        with pytest.raises(OSError):
            gateway.post(text_update(1, 1))
        gateway.terminate()
        assert gateway.wait() == 0
        # A call, two deliveries, an answer on its way, and slack.
        assert "msg=draining in_flight=0 at_most_ms=85000" in gateway.log_path.read_text()


class Sender(threading.Thread):
    """Posts updates one after the other, each of a chat of its own, until nobody listens."""

    def __init__(self, gateway: Gateway, number: int) -> None:
        super().__init__()
        self.acked: list[int] = []
        self._gateway, self._number = gateway, number

    def run(self) -> None:
        for count in range(1_000_000):
            update_id = self._number * 1_000_000 + count + 1
            try:
                answer = self._gateway.post(text_update(update_id, 10_000 + self._number))
            except OSError:
                return
            if answer.status == 200:
                self.acked.append(update_id)


def test_sigterm_under_load_loses_nothing_that_was_answered(
    servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str
) -> None:
    with Gateway(servers, binaries, work_dir, topic_prefix) as gateway:
        acked: list[int] = []
        for round_number in range(3):
            senders = [Sender(gateway, 10 * round_number + number) for number in range(10)]
            for sender in senders:
                sender.start()
            until(lambda senders=senders: sum(len(s.acked) for s in senders) > 200, 20, "200 answers")
            gateway.terminate()
            assert gateway.wait() == 0, gateway.log()
            for sender in senders:
                sender.join(30)
                acked += sender.acked
            gateway.start()
        stored = [event_pb2.Event.FromString(message.value()).update_id for message in gateway.records("events")]
    assert set(acked) <= set(stored)
    assert "drained" in gateway.log()


@pytest.mark.slow
def test_sigterm_without_kafka_answers_all_and_leaves_well(
    own_servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str
) -> None:
    """Three updates of a chat: one is at Kafka until its time is over, the others wait for it and are told at once."""
    settings = {"GATEWAY_DELIVERY_TIMEOUT_MS": "5000", "GATEWAY_REQUEST_DEADLINE_MS": "2000"}
    with Gateway(own_servers, binaries, work_dir, topic_prefix, settings) as gateway, ThreadPoolExecutor(3) as pool:
        assert gateway.post(text_update(1, 1)).status == 200
        own_servers.stop_kafka()
        began = time.monotonic()
        first = pool.submit(gateway.post, text_update(2, 7))
        until(lambda: gateway.metrics()["in_flight_updates"] == 1, 5, "an update in flight")
        later = [pool.submit(gateway.post, text_update(number, 7)) for number in (3, 4)]
        until(lambda: gateway.metrics()["key_waiting_events"] == 2, 5, "the others to wait")
        gateway.terminate()
        assert [future.result(1).status for future in later] == [503, 503]
        assert first.result(10).status == 503
        assert gateway.wait(15) == 0, gateway.log()
        assert time.monotonic() - began < 12
    assert "drained" in gateway.log()


@pytest.mark.slow
def test_a_second_sigterm_ends_it_at_once(
    own_servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str
) -> None:
    with Gateway(own_servers, binaries, work_dir, topic_prefix) as gateway:
        assert gateway.post(text_update(1, 1)).status == 200
        own_servers.stop_kafka()

        def post() -> None:
            with pytest.raises(OSError):
                gateway.post(text_update(2, 2))

        thread = threading.Thread(target=post)
        thread.start()
        until(lambda: gateway.metrics()["in_flight_updates"] == 1, 5, "an update in flight")
        gateway.terminate()
        until(lambda: gateway.probe("/readyz") == 503, 5, "the drain")
        assert gateway.process is not None
        assert gateway.process.poll() is None
        began = time.monotonic()
        gateway.terminate()
        assert gateway.wait(5) == 1
        assert time.monotonic() - began < 1
        thread.join()


def test_the_secret_things_stand_nowhere(
    servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str
) -> None:
    """Token, secrets, texts and names, in every kind of request, with the log at its loudest."""
    settings = {"GATEWAY_LOG_LEVEL": "debug", "GATEWAY_MAX_IN_FLIGHT": "1", "GATEWAY_KAFKA_LINGER_MS": "200"}
    with Gateway(servers, binaries, work_dir, topic_prefix, settings) as gateway:
        update = text_update(1, 1, TEXT, caption=TEXT)
        update["message"]["from"]["first_name"] = NAME
        bodies = [update, f'{{"update_id": 1, "message": "{TEXT}"'.encode(), {"update_id": 2, "x": TEXT}]
        answers = []
        for body in bodies:
            for headers in ({}, {"X-Telegram-Bot-Api-Secret-Token": TOKEN}, {"traceparent": TEXT}):
                answers.append(gateway.post(body, headers))
        threads = [threading.Thread(target=lambda: answers.append(gateway.post(update))) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {answer.status for answer in answers} == {200, 401, 503}
        told = [gateway.get_admin(path).body.decode() for path in ("/metrics", "/readyz?verbose", "/livez?verbose")]
        told += [repr(answer) for answer in answers]
        limits = Path(f"/proc/{gateway.process.pid}/limits").read_text() if gateway.process else ""
        assert re.search(r"Max core file size\s+0\s+0", limits)
        gateway.terminate()
        assert gateway.wait() == 0
        told.append(gateway.log())
        told.append(gateway.command("--check-config").stdout)
    for canary in (TOKEN, TOKEN.split(":")[1], SECRET, TEXT, NAME):
        assert not [text for text in told if canary in text], canary
    for kind in ("events", "raw"):
        for message in gateway.records(kind):
            everything = message.key() + (message.value() if kind == "events" else b"") + repr(message.headers()).encode()
            assert TOKEN.encode() not in everything
            assert SECRET.encode() not in everything
            assert TEXT.encode() not in everything


def test_sigpipe_stops_nothing(
    servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str
) -> None:
    with Gateway(servers, binaries, work_dir, topic_prefix) as gateway:
        assert gateway.process is not None
        gateway.process.send_signal(signal.SIGPIPE)
        assert gateway.post(text_update(1, 1)).status == 200
