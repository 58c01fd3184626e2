"""The scripted bot publishes everything once per key, in order per subject, whatever the gateway answers."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc

from tests.support.bot import PlannedEvent, Planner, ScriptedBot, read_publish_log
from tests.support.protos import publish_grpc, publish_pb2
from tests.support.updates import generate

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class FaultyGateway(publish_grpc.PublishServiceServicer):  # type: ignore[misc]
    """Keeps what a Kafka topic would hold; fails by seed before, after or in the middle of a batch."""

    def __init__(self, seed: int, fault_rate: float) -> None:
        self.topic: list[tuple[str, str, int]] = []
        """(key, kind, subject) of every record, copies included."""
        self.requests = 0
        self.tokens: set[str] = set()
        self._rng = random.Random(seed)
        self._fault_rate = fault_rate

    async def Publish(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.requests += 1
        self.tokens.update(value for name, value in context.invocation_metadata() if name == "authorization")
        fault = self._rng.choice(("refuse", "lose answer", "partial")) if self._rng.random() < self._fault_rate else ""
        if fault == "refuse":
            await context.abort(grpc.StatusCode.UNAVAILABLE, "no broker")
        response = publish_pb2.PublishResponse()
        failed: set[int] = set()
        for item in request.events:
            kind = item.event.WhichOneof("payload")
            subject = getattr(item.event, kind).user_id
            result = response.results.add()
            if subject in failed:
                result.error.code = publish_pb2.PUBLISH_ERROR_CODE_EARLIER_FAILED
                continue
            if fault == "partial" and self._rng.random() < 0.3:
                failed.add(subject)
                result.error.code = publish_pb2.PUBLISH_ERROR_CODE_NOT_ACKNOWLEDGED
                if self._rng.random() < 0.5:
                    continue
            result.event_id = bytes(16)
            result.offset = len(self.topic)
            result.deduplicated = True
            self.topic.append((item.idempotency_key, kind, subject))
        if fault == "lose answer":
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "too late")
        return response


@asynccontextmanager
async def gateway(seed: int, fault_rate: float) -> AsyncIterator[tuple[FaultyGateway, str]]:
    """A faulty gateway on a port of its own."""
    service = FaultyGateway(seed, fault_rate)
    server = grpc.aio.server()
    publish_grpc.add_PublishServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield service, f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


def first_copies(topic: list[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    return list(dict.fromkeys(topic))


def plan_all(seed: int, count: int) -> list[PlannedEvent]:
    planner = Planner(seed)
    return [event for body in generate(seed, count) for event in planner.plan(body)]


def test_the_same_seed_plans_the_same() -> None:
    assert plan_all(4, 2_000) == plan_all(4, 2_000)


def test_the_plan_covers_what_a_bot_does() -> None:
    events = plan_all(1, 20_000)
    kinds = Counter(event.kind for event in events)
    wanted = {"video_downloaded", "music_extracted", "ad_shown", "ad_counted", "user_mode_changed", "user_lang_changed"}
    assert set(kinds) == wanted
    videos = [event for event in events if event.kind == "video_downloaded"]
    assert any(len(event.fields["video_link"].encode()) > 2_048 for event in videos)
    assert any(event.subject_id < 0 for event in videos)
    assert any(event.occurred_at_ms == 0 for event in videos)
    assert any(event.fields.get("is_inline") for event in videos)
    assert {True, False} == {bool(UUID7.fullmatch(event.key)) for event in events}
    for event in events:
        if event.kind in ("user_mode_changed", "user_lang_changed"):
            assert event.subject_id < 0, "order against the gateway's own events would be open"
        if event.kind in ("ad_shown", "ad_counted"):
            assert event.subject_id > 0
        assert 1 <= len(event.key.encode()) <= 128
    keys = Counter((event.key, event.kind, event.subject_id) for event in events)
    assert keys.most_common(1)[0][1] == 1


def test_everything_is_published_in_order_through_faults(tmp_path: Path) -> None:
    path = tmp_path / "publish.jsonl"

    async def run() -> None:
        async with gateway(2, fault_rate=0.4) as (one, first), gateway(3, fault_rate=0.4) as (two, second):
            two.topic = one.topic
            async with ScriptedBot([first, second], seed=2, bearer="t0ken", republish=0.1, log_path=path) as bot:
                for body in generate(2, 3_000):
                    bot.take(body)
                assert await bot.drain(60)
                assert bot.retries > 0
            check(bot, one.topic)
            assert one.tokens == {"Bearer t0ken"}

    def check(bot: ScriptedBot, topic: list[tuple[str, str, int]]) -> None:
        records = bot.log.records
        assert all(record.done and not record.refused for record in records)
        originals = [record for record in records if record.repeat_of is None]
        repeats = [record for record in records if record.repeat_of is not None]
        assert len(repeats) > len(originals) // 30
        for record in repeats:
            original = records[record.repeat_of or 0]
            assert (record.key, record.kind, record.subject_id) == (original.key, original.kind, original.subject_id)
        assert len(topic) > len(records), "no fault led to a copy"
        wanted: dict[int, list[tuple[str, str, int]]] = defaultdict(list)
        for record in originals:
            wanted[record.subject_id].append((record.key, record.kind, record.subject_id))
        found: dict[int, list[tuple[str, str, int]]] = defaultdict(list)
        for entry in first_copies(topic):
            found[entry[2]].append(entry)
        assert found == wanted

    asyncio.run(run())
    lines = sorted(read_publish_log(path), key=lambda record: record.index)
    assert [line.index for line in lines] == list(range(len(lines)))
    assert all(line.done and line.attempts[-1] == "OK" and line.event_id == bytes(16) for line in lines)
    assert any("UNAVAILABLE" in line.attempts for line in lines)
    assert any("RESULT:PUBLISH_ERROR_CODE_EARLIER_FAILED" in line.attempts for line in lines)


def test_a_refused_event_is_given_up_and_named() -> None:
    class Refusing(FaultyGateway):
        async def Publish(self, request: Any, context: Any) -> Any:  # noqa: N802
            if any(item.idempotency_key == "bad" for item in request.events):
                await context.abort(
                    grpc.StatusCode.INVALID_ARGUMENT, "events[1].music_extracted.user_id: must not be 0"
                )
            return await super().Publish(request, context)

    async def run() -> None:
        server = grpc.aio.server()
        service = Refusing(1, 0.0)
        publish_grpc.add_PublishServiceServicer_to_server(service, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with ScriptedBot([f"127.0.0.1:{port}"], lanes=1, republish=0.0) as bot:
            for key in ("good 1", "bad", "good 2"):
                bot.publish(PlannedEvent(key, "music_extracted", 5, {"user_id": 5, "video_id": 1}, 1))
            assert await bot.drain(20)
        await server.stop(None)
        assert [record.done for record in bot.log.records] == [True, False, True]
        assert "must not be 0" in bot.log.records[1].refused
        assert [key for key, _, _ in service.topic] == ["good 1", "good 2"]

    asyncio.run(run())


def test_unreadable_updates_lead_to_nothing() -> None:
    planner = Planner(1)
    assert planner.plan(b"") == planner.plan(b"[]") == planner.plan(b"\xff") == planner.plan(b'{"update_id":1}') == []
    assert planner.plan(json.dumps({"update_id": 1, "message": {"text": 5, "chat": [], "date": 1}}).encode()) == []
