"""Forwarding: the operator's own bot gets what Telegram sent, and its answer becomes the gateway's."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from deploy.local.servers import Servers
from tests.support.gateway import BOT_ID, SECRET, Gateway, text_update, until
from tests.support.processes import free_port

MIB = 1 << 20


@dataclass
class Bot:
    """An aiohttp server on a thread of its own, which answers as `respond` says."""

    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_s: float = 0.0
    port: int = 0

    async def _take(self, request: web.Request) -> web.Response:
        self.requests.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        return web.Response(status=self.status, headers=self.headers, body=self.body)

    def run(self, started: threading.Event, ended: threading.Event) -> None:
        async def serve() -> None:
            app = web.Application(client_max_size=2 * MIB)
            app.router.add_post("/bot", self._take)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.port = runner.addresses[0][1]
            started.set()
            while not ended.is_set():
                await asyncio.sleep(0.02)
            await runner.cleanup()

        asyncio.run(serve())


@pytest.fixture
def bot() -> Iterator[Bot]:
    bot, started, ended = Bot(), threading.Event(), threading.Event()
    thread = threading.Thread(target=bot.run, args=(started, ended))
    thread.start()
    assert started.wait(10)
    yield bot
    ended.set()
    thread.join()


@pytest.fixture
def gateway(servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str, bot: Bot) -> Iterator[Gateway]:
    settings = {
        "GATEWAY_FORWARD_URL": f"http://127.0.0.1:{bot.port}/bot",
        "GATEWAY_FORWARD_TIMEOUT_MS": "1000",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
    }
    with Gateway(servers, binaries, work_dir, topic_prefix, settings) as gateway:
        yield gateway


def test_the_bot_gets_the_same_bytes_and_headers_and_its_answer_comes_back(gateway: Gateway, bot: Bot) -> None:
    bot.headers = {"Content-Type": "application/json; charset=utf-8", "X-Other": "stays"}
    bot.body = b'{"method":"sendMessage","chat_id":7,"text":"hi"}'
    body = b' {"update_id": 5,\n "poll": {"id": "1"}}'
    answer = gateway.post(body, {"X-Telegram-Extra": "1", "Cookie": "a=b", "User-Agent": "tg"})
    assert (answer.status, answer.body) == (200, bot.body)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert "x-other" not in answer.headers
    [(headers, forwarded)] = bot.requests
    assert forwarded == body
    assert headers["x-telegram-bot-api-secret-token"] == SECRET
    assert headers["x-telegram-extra"] == "1"
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "tg"
    assert headers["content-length"] == str(len(body))
    assert "cookie" not in headers
    assert "expect" not in headers


def test_the_bot_is_asked_within_the_updates_trace(gateway: Gateway, bot: Bot) -> None:
    trace_id, span_id = "a" * 32, "b" * 16
    sent = {"traceparent": f"00-{trace_id}-{span_id}-00", "tracestate": "a=1,b=2"}
    assert gateway.post(text_update(1, 70), sent).status == 200
    assert gateway.post(text_update(2, 70), {"traceparent": "nonsense", "tracestate": "a=1"}).status == 200
    (first, _), (second, _) = bot.requests
    version, trace, span, flags = first["traceparent"].split("-")
    assert (version, trace, flags, first["tracestate"]) == ("00", trace_id, "00", "a=1,b=2")
    assert len(span) == 16 and span != span_id
    known, begun = (dict(message.headers())["traceparent"].decode() for message in gateway.records("events"))
    assert known == sent["traceparent"]
    assert begun.split("-")[1] == second["traceparent"].split("-")[1] != trace_id
    assert "tracestate" not in second
    bot.delay_s = 2.0
    assert gateway.post(text_update(3, 70), sent).status == 503
    (line,) = [line for line in gateway.log().splitlines() if "code=bot_silent" in line]
    assert f"trace_id={trace_id}" in line


def test_the_update_is_durable_before_the_bot_sees_it(gateway: Gateway, bot: Bot) -> None:
    answer = gateway.post(text_update(1, 71))
    assert answer.status == 200
    assert answer.headers["telefact-position"]
    assert [message.key() for message in gateway.records("events")] == [f"{BOT_ID}:71".encode()]
    assert len(bot.requests) == 1


@pytest.mark.parametrize("status", [201, 302, 404, 500])
def test_any_status_of_the_bot_is_passed_on_and_no_redirect_followed(gateway: Gateway, bot: Bot, status: int) -> None:
    bot.status, bot.headers = status, {"Location": f"http://127.0.0.1:{bot.port}/bot", "Retry-After": "7"}
    answer = gateway.post(text_update(1, 72))
    assert answer.status == status
    assert "location" not in answer.headers
    assert len(bot.requests) == 1


def test_a_mib_goes_through_and_comes_back(gateway: Gateway, bot: Bot) -> None:
    bot.body = b"x" * MIB
    body = b'{"update_id": 6, "pad": "' + b"p" * (MIB - 27) + b'"}'
    assert len(body) == MIB
    answer = gateway.post(body)
    assert (answer.status, answer.body) == (200, bot.body)
    assert bot.requests[0][1] == body


def test_a_longer_answer_asks_telegram_to_send_again(gateway: Gateway, bot: Bot) -> None:
    bot.body = b"x" * (MIB + 1)
    answer = gateway.post(text_update(1, 73))
    assert (answer.status, answer.body) == (503, b"")
    assert 1 <= int(answer.headers["retry-after"]) <= 5


def test_a_slow_bot_asks_telegram_to_send_again_and_the_retry_has_no_second_effect(
    gateway: Gateway, bot: Bot
) -> None:
    bot.delay_s = 5
    began = time.monotonic()
    assert gateway.post(text_update(1, 74)).status == 503
    assert time.monotonic() - began < 2
    bot.delay_s = 0
    assert gateway.post(text_update(1, 74)).status == 200
    ids = [dict(message.headers())["ce_id"] for message in gateway.records("events")]
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_updates_that_the_bot_has_are_still_in_flight(
    servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str, bot: Bot
) -> None:
    settings = {"GATEWAY_FORWARD_URL": f"http://127.0.0.1:{bot.port}/bot", "GATEWAY_MAX_IN_FLIGHT": "2"}
    bot.delay_s = 1.0
    with Gateway(servers, binaries, work_dir, topic_prefix, settings) as gateway, ThreadPoolExecutor(2) as pool:
        slow = [pool.submit(gateway.post, text_update(number, number)) for number in (1, 2)]
        until(lambda: len(bot.requests) == 2, 5, "both updates at the bot")
        assert gateway.post(text_update(3, 3)).status == 503
        assert [future.result().status for future in slow] == [200, 200]
        assert gateway.post(text_update(3, 3)).status == 200


def test_no_bot_asks_telegram_to_send_again(
    servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str
) -> None:
    settings = {"GATEWAY_FORWARD_URL": f"http://127.0.0.1:{free_port()}/bot?key=canary-in-url"}
    with Gateway(servers, binaries, work_dir, topic_prefix, settings) as gateway:
        answer = gateway.post(text_update(1, 75))
        assert answer.status == 503
        assert gateway.metrics()["webhook_forward_failures_total"] == 1
        assert len(gateway.records("events")) == 1
        assert "canary-in-url" not in gateway.log()
        assert "canary-in-url" not in gateway.command("--check-config").stdout


def test_strangers_do_not_reach_the_bot(gateway: Gateway, bot: Bot) -> None:
    assert gateway.post(text_update(1, 76), {"X-Telegram-Bot-Api-Secret-Token": "no"}).status == 401
    assert bot.requests == []


def test_sigterm_waits_for_the_bots_answer(gateway: Gateway, bot: Bot) -> None:
    bot.delay_s, bot.body = 0.7, b"late"
    answers = []
    thread = threading.Thread(target=lambda: answers.append(gateway.post(text_update(1, 77))))
    thread.start()
    while not bot.requests:
        time.sleep(0.01)
    gateway.terminate()
    assert gateway.wait() == 0
    thread.join()
    assert (answers[0].status, answers[0].body) == (200, b"late")
