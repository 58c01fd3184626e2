"""The fake Telegram's getUpdates keeps the real server's rules."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from tests.support.telegram import ACKED, DROPPED, FILTERED, LOST, POLLED, FakeTelegram, ManualClock, script
from tests.support.webhook import ScriptedWebhook, until

_SETTLE_S = 0.05
_SEED_OF_A_COPY = 1


def _message(update_id: int, chat: int = 1, date: int = 1_760_000_000) -> bytes:
    return b'{"update_id":%d,"message":{"message_id":1,"date":%d,"chat":{"id":%d},"text":"x"}}' % (
        update_id,
        date,
        chat,
    )


class Bench:
    """A fake server with its own clock, and calls to it."""

    def __init__(self, telegram: FakeTelegram, clock: ManualClock, http: aiohttp.ClientSession) -> None:
        self.telegram = telegram
        self.clock = clock
        self._http = http

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        async with self._http.post(f"{self.telegram.api_url}/bot{self.telegram.token}/{method}", json=parameters) as at:
            answer: dict[str, Any] = await at.json()
            return answer

    async def ids(self, **parameters: Any) -> list[int]:
        """Ids that getUpdates lists now."""
        await self.clock.advance(10, settle_s=0)  # no re-poll within 3 s
        return [update["update_id"] for update in (await self.call("getUpdates", **parameters))["result"]]

    def start(self, **parameters: Any) -> asyncio.Task[dict[str, Any]]:
        """A getUpdates that may wait."""
        return asyncio.create_task(self.call("getUpdates", **parameters))

    def fill(self, *update_ids: int) -> None:
        for update_id in update_ids:
            self.telegram.enqueue(_message(update_id))


def _bench(test: Callable[[Bench], Awaitable[None]]) -> Callable[[], None]:
    async def run() -> None:
        clock = ManualClock()
        async with FakeTelegram(clock=clock) as telegram, aiohttp.ClientSession() as http:
            await test(Bench(telegram, clock, http))

    def wrapper() -> None:
        asyncio.run(run())

    wrapper.__name__ = test.__name__
    return wrapper


@_bench
async def test_an_offset_confirms_what_lies_before_it(bench: Bench) -> None:
    bench.fill(*range(5, 155))
    assert await bench.ids() == list(range(5, 105))
    assert await bench.ids(limit=3) == [5, 6, 7]
    assert await bench.ids(offset=0, limit=1000) == list(range(5, 105))
    assert bench.telegram.ledger.counts[ACKED] == 0
    assert await bench.ids(offset=100, limit=2) == [100, 101]
    assert bench.telegram.ledger.counts[ACKED] == 95
    assert await bench.ids(offset=104) == list(range(104, 155))
    assert await bench.ids(offset=155) == []
    entries = bench.telegram.ledger.entries
    assert all(entry.outcome == ACKED and entry.was_answered_2xx for entry in entries)
    assert [each.status for each in entries[0].attempts] == [0, 0, 0, 200]
    assert {each.gateway for each in entries[0].attempts} == {POLLED}


@_bench
async def test_an_offset_from_the_future_starts_at_the_head(bench: Bench) -> None:
    bench.fill(1000, 1001)
    assert await bench.ids(offset=1013) == [1000, 1001]
    assert await bench.ids(offset=999_999) == [1000, 1001]
    assert bench.telegram.ledger.counts[ACKED] == 0
    assert await bench.ids(offset=1012) == []


@_bench
async def test_a_negative_offset_forgets_all_but_the_last(bench: Bench) -> None:
    bench.fill(*range(1, 11))
    assert await bench.ids(offset=-2) == [9, 10]
    assert bench.telegram.ledger.counts[DROPPED] == 8
    assert await bench.ids(offset=-5) == [9, 10]


@_bench
async def test_ids_may_begin_anew(bench: Bench) -> None:
    bench.fill(900_000_000)
    assert await bench.ids() == [900_000_000]
    assert await bench.ids(offset=900_000_001) == []
    bench.fill(5_000_000)
    assert await bench.ids(offset=900_000_001) == [5_000_000]
    assert await bench.ids(offset=5_000_001) == []


@_bench
async def test_a_call_waits_for_an_update_or_its_timeout(bench: Bench) -> None:
    call = bench.start(timeout=50)
    await asyncio.sleep(_SETTLE_S)
    bench.fill(1, 2, 3)
    assert len((await call)["result"]) == 3
    call = bench.start(offset=4, timeout=9_999)
    await asyncio.sleep(_SETTLE_S)
    await bench.clock.advance(49)
    assert not call.done()
    await bench.clock.advance(2)
    assert (await call)["result"] == []


@_bench
async def test_a_later_call_ends_the_waiting_one_with_409(bench: Bench) -> None:
    first = bench.start(timeout=50)
    await asyncio.sleep(_SETTLE_S)
    second = bench.start(timeout=50)
    assert (await first)["error_code"] == 409
    assert "terminated by other getUpdates request" in (await first)["description"]
    third = bench.start(timeout=50)
    await asyncio.sleep(_SETTLE_S)
    assert not second.done(), "conflicts are told 3 s apart"
    await bench.clock.advance(3.1)
    assert (await second)["error_code"] == 409
    bench.fill(1)
    assert len((await third)["result"]) == 1


@_bench
async def test_quick_repolls_are_throttled(bench: Bench) -> None:
    bench.fill(1, 2, 3)
    assert await bench.ids(offset=0) == [1, 2, 3]
    assert len((await bench.call("getUpdates", offset=0))["result"]) == 1, "limit 1 within half a second"
    await bench.clock.advance(1)
    assert len((await bench.call("getUpdates", offset=0))["result"]) == 3
    assert await bench.ids(offset=4) == []
    call = bench.start(offset=4)
    await asyncio.sleep(_SETTLE_S)
    assert not call.done(), "timeout 3 within three seconds"
    await bench.clock.advance(3.1)
    assert (await call)["result"] == []


@_bench
async def test_a_webhook_and_getupdates_exclude_each_other(bench: Bench) -> None:
    waiting = bench.start(timeout=50)
    await asyncio.sleep(_SETTLE_S)
    async with ScriptedWebhook() as hook:
        hook.hold = True
        assert (await bench.call("setWebhook", url=hook.url))["ok"]
        assert "terminated by setWebhook" in (await waiting)["description"]
        await bench.clock.advance(4)
        refused = await bench.call("getUpdates")
        assert (refused["error_code"], "while webhook is active" in refused["description"]) == (409, True)
        bench.fill(1, 2, 3)
        await until(lambda: len(hook.requests) == 1)
        assert (await bench.call("deleteWebhook"))["ok"]
        assert await bench.ids() == [1, 2, 3], "what was on its way waits too"
        hook.release()
        await until(lambda: bench.telegram.ledger.counts[ACKED] == 1)
        assert await bench.ids() == [2, 3], "a late 2xx counts"
        assert await bench.ids(offset=3) == [3]
        await bench.call("setWebhook", url=hook.url)
        await until(lambda: bench.telegram.ledger.counts[ACKED] == 3)
    assert [request.body for request in hook.requests] == [_message(1), _message(3)]


def test_extra_copies_go_with_the_webhook() -> None:
    async def run() -> None:
        async with ScriptedWebhook() as hook:
            hook.hold = True
            options: dict[str, Any] = {"webhooks": [hook.url], "max_connections": 1, "duplicates": 3, "ramp": False}
            async with FakeTelegram(seed=_SEED_OF_A_COPY, clock=ManualClock(), **options) as telegram:
                entry = telegram.enqueue(_message(1))
                await until(lambda: hook.busy == 1)
                assert telegram.delivery._copies, "a copy waits for the only connection"
                telegram.set_webhooks([])
                await telegram.polling.get_updates(0, 100, 0)
                await telegram.polling.get_updates(2, 100, 0)
                hook.release()
                assert await telegram.run_until_idle(5)
                assert entry.outcome == ACKED

    asyncio.run(run())


@_bench
async def test_lifetimes_and_kinds_hold_for_polling(bench: Bench) -> None:
    now = int(bench.clock.time())
    bench.telegram.enqueue(b'{"update_id":1,"inline_query":{"id":"q","from":{"id":5}}}')
    bench.telegram.enqueue(_message(2, date=now))
    assert await bench.ids() == [1, 2]
    await bench.clock.advance(31)
    assert await bench.ids(allowed_updates=["message"]) == [2]
    assert bench.telegram.ledger.counts[LOST] == 1
    assert bench.telegram.enqueue(b'{"update_id":3,"poll":{"id":"p"}}').outcome == FILTERED
    assert await bench.ids(allowed_updates=[]) == [2]
    assert bench.telegram.enqueue(b'{"update_id":4,"chat_member":{}}').outcome == FILTERED
    bench.telegram.enqueue(b'{"update_id":5,"poll":{"id":"p"}}')
    bench.telegram.enqueue(b"\xff")
    assert await bench.ids() == [2, 5], "what no server could list is set aside"
    await bench.clock.advance(86_400, settle_s=0)
    assert await bench.ids() == []


@_bench
async def test_scripted_answers_come_instead_of_the_true_ones(bench: Bench) -> None:
    bench.fill(1, 2)
    bench.telegram.script += [script.too_many_requests(7, "getUpdates"), script.not_ok("getUpdates")]
    assert (await bench.call("getMe"))["ok"]
    limited = await bench.call("getUpdates")
    assert (limited["error_code"], limited["parameters"]) == (429, {"retry_after": 7})
    assert not (await bench.call("getUpdates"))["ok"]
    assert await bench.ids() == [1, 2]
    for damaged in (script.truncated(), script.truncated(after=0), script.wrong_length(by=5)):
        bench.telegram.script.append(damaged)
        try:
            await bench.call("getUpdates", offset=2)
        except (aiohttp.ClientError, ValueError):
            continue
        raise AssertionError("a damaged answer was taken for a whole one")
    assert bench.telegram.ledger.counts[ACKED] == 1, "the call itself was carried out"
    assert [call.status for call in bench.telegram.calls_of("getUpdates")] == [429, 200, 200, 0, 0, 0]
