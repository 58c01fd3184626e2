"""The fake Telegram server keeps the real server's rules: queues, retries, lifetimes, limits."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.telegram import ACKED, FILTERED, LOST, PENDING, FakeTelegram, ManualClock, RealClock, read_ledger
from tests.support.webhook import Request, ScriptedWebhook, until

Answer = tuple[int, dict[str, str], bytes]


def asynchronous(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a coroutine as a test."""

    @wraps(test)
    def run(*args: Any, **more: Any) -> None:
        asyncio.run(test(*args, **more))

    return run


def message(update_id: int, chat: int, date: int = 1_760_000_000, text: str = "x") -> bytes:
    body = {"message_id": update_id, "chat": {"id": chat, "type": "private"}, "date": date, "text": text}
    return json.dumps({"update_id": update_id, "message": body}).encode()


def query(update_id: int, kind: str, user: int = 5) -> bytes:
    return json.dumps({"update_id": update_id, kind: {"id": str(update_id), "from": {"id": user}}}).encode()


def always(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Callable[[Request], Answer]:
    return lambda request: (status, headers or {}, body)


@asynccontextmanager
async def pair(**more: Any) -> AsyncIterator[tuple[FakeTelegram, ScriptedWebhook, ManualClock]]:
    """A fake server on a manual clock and its webhook."""
    clock = ManualClock()
    more.setdefault("ramp", False)
    async with ScriptedWebhook(clock.time) as hook:
        async with FakeTelegram(webhooks=[hook.url], secret="s3cret-A_1", clock=clock, **more) as telegram:
            yield telegram, hook, clock


@asynchronous
async def test_a_request_looks_like_telegrams() -> None:
    async with pair() as (telegram, hook, _):
        entry = telegram.enqueue(message(1, 10))
        assert await telegram.run_until_idle(5)
        request = hook.requests[0]
        assert request.target == "POST /hook?x=1 HTTP/1.1"
        assert request.headers["x-telegram-bot-api-secret-token"] == "s3cret-A_1"
        assert request.headers["content-type"] == "application/json"
        assert request.body == entry.body
        assert entry.outcome == ACKED


@asynchronous
async def test_one_update_of_a_queue_is_in_flight_and_order_holds() -> None:
    async with pair() as (telegram, hook, clock):
        hook.hold = True
        for update_id, chat in ((1, 10), (2, 10), (3, 11), (4, 10)):
            telegram.enqueue(message(update_id, chat))
        telegram.enqueue(query(5, "callback_query", user=10))
        await until(lambda: len(hook.requests) == 3)
        await clock.advance(1)
        assert sorted(json.loads(body)["update_id"] for body in hook.bodies) == [1, 3, 5]
        hook.release()
        assert await telegram.run_until_idle(5)
        ids = [json.loads(body)["update_id"] for body in hook.bodies]
        assert [number for number in ids if number in (1, 2, 4)] == [1, 2, 4]


@asynchronous
async def test_failures_are_retried_at_once_then_doubling_with_the_same_bytes() -> None:
    async with pair() as (telegram, hook, clock):
        start = clock.time()
        hook.answer = always(500)
        entry = telegram.enqueue(message(1, 10))
        await until(lambda: len(hook.requests) == 2)
        await clock.advance(200)
        times = [round(request.at - start) for request in hook.requests]
        assert times[:7] == [0, 0, 2, 6, 14, 30, 62]
        assert 60 <= times[7] - 62 <= 120
        assert set(hook.bodies) == {entry.body}
        assert [attempt.status for attempt in entry.attempts] == [500] * len(times)
        assert entry.outcome == PENDING


@asynchronous
async def test_retry_after_replaces_the_backoff_and_is_clamped() -> None:
    async with pair() as (telegram, hook, clock):
        start = clock.time()
        waits = iter(("5", "5", "5", "99999", "not a number"))
        hook.answer = lambda request: (503, {"Retry-After": next(waits, "7")}, b"")
        telegram.enqueue(message(1, 10))
        await until(lambda: len(hook.requests) == 1)
        await clock.advance(3_700)
        times = [round(request.at - start) for request in hook.requests]
        assert times[:6] == [0, 5, 10, 15, 3_615, 3_617]


@asynchronous
async def test_an_update_that_always_fails_blocks_only_its_own_queue() -> None:
    async with pair() as (telegram, hook, clock):
        hook.answer = lambda request: (500 if b"poison" in request.body else 200, {}, b"")
        poison = telegram.enqueue(message(1, 10, text="poison"))
        behind = telegram.enqueue(message(2, 10))
        others = [telegram.enqueue(message(3 + number, 11 + number)) for number in range(5)]
        await until(lambda: all(entry.outcome == ACKED for entry in others))
        await clock.advance(30)
        assert (poison.outcome, behind.outcome) == (PENDING, PENDING)
        hook.answer = always(200)
        await clock.advance(130)
        assert (poison.outcome, behind.outcome) == (ACKED, ACKED)


@asynchronous
async def test_each_kind_lives_as_long_as_telegram_keeps_it() -> None:
    lives = {"inline_query": 30, "callback_query": 150, "shipping_query": 150, "chosen_inline_result": 600}
    for kind, life in lives.items():
        async with pair() as (telegram, hook, clock):
            hook.answer = always(503)
            entry = telegram.enqueue(query(1, kind))
            await until(lambda hook=hook: len(hook.requests) == 2)
            await clock.advance(life + 1)
            assert entry.outcome == LOST, kind
            assert entry.attempts[-1].sent_at - entry.enqueued_at <= life
            assert entry.expires_at - entry.enqueued_at == life
            assert "503" in entry.reason


@asynchronous
async def test_a_message_lives_a_day_from_its_own_date() -> None:
    async with pair() as (telegram, hook, clock):
        hook.answer = always(503)
        now = int(clock.time())
        old = telegram.enqueue(message(1, 10, date=now - 86_400 + 10))
        fresh = telegram.enqueue(message(2, 11, date=now))
        edit = {"message_id": 3, "chat": {"id": 12}, "date": now - 90_000, "edit_date": now}
        edited = telegram.enqueue(json.dumps({"update_id": 3, "edited_message": edit}).encode())
        expired = telegram.enqueue(message(4, 13, date=now - 86_401))
        await until(lambda: len(hook.requests) == 6)
        await clock.advance(20)
        assert (old.outcome, fresh.outcome, edited.outcome) == (LOST, PENDING, PENDING)
        assert expired.outcome == LOST and not expired.attempts


@asynchronous
async def test_a_full_queue_loses_new_updates() -> None:
    async with FakeTelegram(clock=ManualClock()) as telegram:
        big = message(1, 10, text="x" * ((1 << 20) - 200))
        entries = [telegram.enqueue(big) for _ in range(130)]
        lost = [entry for entry in entries if entry.outcome == LOST]
        assert lost and lost[-1].reason == "queue is full"
        assert sum(len(entry.body) for entry in entries if entry.outcome == PENDING) <= 128 << 20


@asynchronous
async def test_connections_stay_within_max_connections() -> None:
    async with pair(max_connections=7) as (telegram, hook, _):
        hook.hold = True
        for number in range(50):
            telegram.enqueue(message(number, number))
        await until(lambda: hook.busy == 7)
        hook.release()
        assert await telegram.run_until_idle(5)
        assert hook.busy_max == 7
        assert hook.connections == 7


@asynchronous
async def test_connections_are_opened_slowly() -> None:
    async with pair(ramp=True) as (telegram, hook, clock):
        for number in range(100):
            telegram.enqueue(message(number, number))
        await until(lambda: len(hook.requests) == 100)
        assert hook.connections <= 11


@asynchronous
async def test_any_2xx_is_success_and_a_method_in_its_body_is_executed() -> None:
    bodies = {
        1: (200, b'{"method":"sendMessage","chat_id":1,"text":"hi"}', "application/json"),
        2: (201, b'{"method":"getMe"}', "application/json"),
        3: (204, b"", ""),
        4: (299, b"method=sendDice&chat_id=4", "application/x-www-form-urlencoded"),
        5: (200, b'{"method":"setWebhook","url":""}', "application/json"),
        6: (200, b"not json", "text/plain"),
    }

    def answer(request: Request) -> Answer:
        status, body, kind = bodies[json.loads(request.body)["update_id"]]
        return status, {"Content-Type": kind}, body

    async with pair() as (telegram, hook, _):
        hook.answer = answer
        for update_id in bodies:
            telegram.enqueue(message(update_id, update_id))
        assert await telegram.run_until_idle(5)
        assert telegram.ledger.counts[ACKED] == 6
        assert sorted(telegram.executed) == [
            (1, "sendMessage", {"chat_id": 1, "text": "hi"}),
            (4, "sendDice", {"chat_id": "4"}),
        ]


@asynchronous
async def test_410_for_23_hours_removes_the_webhook() -> None:
    async with pair() as (telegram, hook, clock):
        hook.answer = always(410, {"Retry-After": "3600"})
        telegram.enqueue(message(1, 10))
        await until(lambda: len(hook.requests) == 1)
        await clock.advance(22 * 3_600, settle_s=0.001)
        assert telegram.webhooks
        await clock.advance(2 * 3_600, settle_s=0.001)
        assert not telegram.webhooks


@asynchronous
async def test_a_silent_webhook_is_given_up_after_the_idle_limit() -> None:
    async with pair() as (telegram, hook, clock):
        hook.hold = True
        entry = telegram.enqueue(message(1, 10))
        await until(lambda: len(hook.requests) == 1)
        await clock.advance(55)
        assert not entry.attempts
        await clock.advance(10)
        assert entry.attempts[0].status == 0 and "idle" in entry.attempts[0].error
        await until(lambda: len(hook.requests) == 2)
        hook.release()
        assert await telegram.run_until_idle(5)
        assert entry.outcome == ACKED


@asynchronous
async def test_a_cut_connection_is_a_failed_attempt() -> None:
    async with pair() as (telegram, hook, _):
        hook.answer = lambda request: None if len(hook.requests) == 1 else (200, {}, b"")
        entry = telegram.enqueue(message(1, 10))
        assert await telegram.run_until_idle(5)
        assert [attempt.status for attempt in entry.attempts] == [0, 200]


@asynchronous
async def test_a_webhook_that_comes_back_gets_what_waited() -> None:
    async with pair() as (telegram, hook, clock):
        await hook.shut()
        entry = telegram.enqueue(message(1, 10))
        await clock.advance(10)
        assert entry.outcome == PENDING and not entry.attempts
        await hook.open()
        await clock.advance(2)
        assert await telegram.run_until_idle(5)
        assert entry.outcome == ACKED


@asynchronous
async def test_copies_are_chosen_by_seed_and_reach_both_addresses() -> None:
    clock = ManualClock()
    async with ScriptedWebhook(clock.time) as one, ScriptedWebhook(clock.time) as two:
        copies = []
        for _ in range(2):
            one.requests.clear()
            two.requests.clear()
            urls = [one.url, two.url]
            async with FakeTelegram(webhooks=urls, seed=3, duplicates=3, clock=clock, ramp=False) as telegram:
                entries = [telegram.enqueue(message(number, number % 20)) for number in range(200)]
                while not telegram.delivery.idle.is_set():
                    await clock.advance(1)
                delivered = one.bodies + two.bodies
                for entry in entries:
                    assert delivered.count(entry.body) == len(entry.attempts) == entry.copies
                    assert entry.outcome == ACKED
                copies.append([entry.copies for entry in entries])
                assert any(attempt.ignored for entry in entries for attempt in entry.attempts)
                assert any(attempt.copy for entry in entries for attempt in entry.attempts)
                assert len(one.requests) > 50 and len(two.requests) > 50
        assert copies[0] == copies[1]
        assert set(copies[0]) == {1, 2, 3}


@asynchronous
async def test_the_ledger_file_holds_every_update(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    async with pair(ledger_path=path) as (telegram, hook, _):
        hook.answer = lambda request: (500 if b"bad" in request.body else 200, {"telefact-position": "3:7"}, b"")
        good = telegram.enqueue(b"\xff not json")
        telegram.enqueue(message(2, 10, text="bad"))
        await until(lambda: good.outcome == ACKED)
    lines = {line["number"]: line for line in read_ledger(path)}
    assert lines[0]["body"] == b"\xff not json"
    assert (lines[0]["outcome"], lines[0]["position"], lines[0]["update_id"]) == (ACKED, "3:7", None)
    assert lines[1]["outcome"] == PENDING


@asynchronous
async def test_the_bot_api_sets_shows_and_deletes_the_webhook() -> None:
    async with ScriptedWebhook() as hook, FakeTelegram() as telegram, aiohttp.ClientSession() as http:

        async def call(method: str, token: str = telegram.token, **parameters: Any) -> dict[str, Any]:
            async with http.post(f"{telegram.api_url}/bot{token}/{method}", json=parameters) as answer:
                body: dict[str, Any] = await answer.json()
                assert answer.status == body.get("error_code", 200)
                return body

        assert (await call("getMe"))["result"]["id"] == telegram.bot_id
        assert (await call("getMe", token="1:wrong"))["error_code"] == 401
        assert (await call("noSuchMethod"))["error_code"] == 404
        assert (await call("setWebhook", url=hook.url, secret_token="no spaces!"))["error_code"] == 400
        telegram.enqueue(message(1, 10, date=int(telegram.clock.time())))
        assert (await call("getWebhookInfo"))["result"]["pending_update_count"] == 1
        assert (await call("setWebhook", url=hook.url, secret_token="s", max_connections=3))["ok"]
        assert (await call("setWebhook", url=hook.url))["parameters"] == {"retry_after": 1}
        assert await telegram.run_until_idle(5)
        assert hook.requests[0].headers["x-telegram-bot-api-secret-token"] == "s"
        info = (await call("getWebhookInfo"))["result"]
        assert (info["url"], info["max_connections"], info["pending_update_count"]) == (hook.url, 3, 0)
        assert telegram.enqueue(query(2, "chat_member")).outcome == FILTERED
        assert (await call("getUpdates"))["error_code"] == 409
        assert (await call("deleteWebhook"))["description"] == "Webhook was deleted"
        telegram.enqueue(query(3, "callback_query"))
        assert (await call("deleteWebhook", drop_pending_updates=True))["result"] is True
        assert telegram.delivery.pending == 0


@asynchronous
async def test_order_of_each_queue_holds_through_faults_and_copies() -> None:
    rng = random.Random(5)
    accepted: list[bytes] = []

    def answer(request: Request) -> Answer | None:
        fault = rng.random()
        if fault < 0.05:
            return None
        if fault < 0.15:
            return 503, {"Retry-After": "1"}, b""
        accepted.append(request.body)
        return None if fault < 0.2 else (200, {}, b"")

    async with ScriptedWebhook() as one, ScriptedWebhook() as two:
        one.answer = two.answer = answer
        clock = RealClock(speed=100, start=1_760_000_000)
        urls = [one.url, two.url]
        async with FakeTelegram(webhooks=urls, clock=clock, duplicates=3, ramp=False, seed=5) as telegram:
            bodies = (message(number, number * number % 37) for number in range(3_000))
            assert await telegram.feed(bodies, max_pending=500) == 3_000
            assert await telegram.run_until_idle(60)
            assert telegram.ledger.counts[ACKED] == 3_000
            assert telegram.progress().attempts == len(one.requests) + len(two.requests)
            first = {body: at for at, body in reversed(list(enumerate(accepted)))}
            last: dict[str, int] = {}
            for entry in telegram.ledger.entries:
                assert first[entry.body] > last.get(entry.queue, -1)
                last[entry.queue] = first[entry.body]
