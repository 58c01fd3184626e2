"""The pair without faults: every kind of update, repeated deliveries, reads of one's own writes, drains."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import Any

import grpc

from tests.e2e.conftest import MakePlan, Run, wait_not_ready
from tests.e2e.kafka_tools import stalled
from tests.support.bot import PlannedEvent
from tests.support.oracle import ids
from tests.support.pair import Pair
from tests.support.protos import read_grpc, read_pb2
from tests.support.traffic import Traffic, TrafficPlan
from tests.support.updates import hostile

FROM_UPDATES = {"user_seen", "user_lang_changed", "user_mode_changed", "user_blocked", "chat_migrated"}
PUBLISHED = {"video_downloaded", "music_extracted", "ad_shown", "ad_counted"}


def test_every_kind_of_update_is_counted_exactly_once(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        async with Pair(make_plan(gateways=2, answer_sample=120)) as pair:
            plan = TrafficPlan(seed=11, count=4_000, odd=0.03, big=True)
            async with Traffic(pair, plan) as traffic:
                verdict = await traffic.settle_and_judge()
            assert verdict.is_green, verdict.report()
            assert set(verdict.events_by_kind) == FROM_UPDATES | PUBLISHED
            assert verdict.duplicates > 500, "too few repeated deliveries to prove anything"
            assert verdict.raw_updates > 100
            assert verdict.rows["aliases"] > 0
            assert not traffic.telegram.executed, "a webhook answer carried a method"

    run(body())


def test_hostile_updates_are_kept_or_translated_and_never_refused(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        async with Pair(make_plan(gateways=1)) as pair, Traffic(pair, TrafficPlan(seed=12, rate=300)) as traffic:
            await traffic.acked(200, 20)
            for _, update in hostile(12, int(time.time()), first_update_id=5_000):
                traffic.telegram.enqueue(update)
            verdict = await traffic.settle_and_judge()
            assert verdict.is_green, verdict.report()
            refused = [
                (attempt.status, entry.body[:100])
                for entry in traffic.telegram.ledger.entries
                for attempt in entry.attempts
                if not 200 <= attempt.status <= 299
            ]
            assert refused == []

    run(body())


def test_a_date_ahead_of_the_clock_is_held_to_the_records_time(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        async with Pair(make_plan(gateways=2)) as pair, Traffic(pair, TrafficPlan(seed=18, rate=300)) as traffic:
            await traffic.acked(100, 20)
            for number in range(60):
                date = int(time.time()) + 250 + number * 10
                traffic.telegram.enqueue(start_of(6_300_000_000 + number % 20, 7_000_000 + number, date))
            verdict = await traffic.settle_and_judge()
            assert verdict.is_green, verdict.report()

    run(body())


def start_of(user_id: int, number: int, date: int) -> bytes:
    """A private /start."""
    sender = {"id": user_id, "is_bot": False, "first_name": f"Name {number}"}
    chat = {"id": user_id, "type": "private", "first_name": sender["first_name"]}
    message = {"message_id": number, "from": sender, "chat": chat, "date": date, "text": f"/start ref{number}"}
    return json.dumps({"update_id": number, "message": message}).encode()


def test_a_reader_with_the_position_of_a_publish_sees_it(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        async with (
            Pair(make_plan(gateways=1)) as pair,
            Traffic(pair, TrafficPlan(seed=13, rate=400)) as traffic,
            grpc.aio.insecure_channel(pair.store_rpc) as channel,
        ):
            await traffic.acked(200, 20)
            reads = read_grpc.ReadServiceStub(channel)
            user_id = 6_000_000_001
            for number in range(1, 31):
                fields = {"user_id": user_id, "video_link": f"https://example.org/{number}"}
                event = PlannedEvent(f"own-{number}", "video_downloaded", user_id, fields, 1_760_000_000_000)
                record = traffic.bot.publish(event)
                while not record.done:
                    await asyncio.sleep(0.001)
                stats = await reads.GetUserStats(
                    read_pb2.GetUserStatsRequest(user_id=user_id),
                    metadata=(("telefact-min-position", record.position),),
                    timeout=5,
                )
                assert (stats.found, stats.videos_count) == (False, number)
                applied = await reads.WaitApplied(read_pb2.WaitAppliedRequest(position=record.position), timeout=5)
                assert applied.applied
            verdict = await traffic.settle_and_judge()
            assert verdict.is_green, verdict.report()

    run(body())


def test_a_position_that_never_comes_ends_at_the_deadline(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        async with Pair(make_plan(gateways=1)) as pair, grpc.aio.insecure_channel(pair.store_rpc) as channel:
            reads = read_grpc.ReadServiceStub(channel)
            request = read_pb2.GetUserRequest(user_id=1)

            async def status(position: str) -> Any:
                try:
                    await reads.GetUser(request, metadata=(("telefact-min-position", position),), timeout=0.5)
                except grpc.aio.AioRpcError as error:
                    return error.code()
                return grpc.StatusCode.OK

            assert await status("0:1000000") == grpc.StatusCode.DEADLINE_EXCEEDED
            assert await status("nonsense") == grpc.StatusCode.INVALID_ARGUMENT
            assert await status("0:0") == grpc.StatusCode.OK

    run(body())


def test_answers_say_how_far_they_reach(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        async with (
            Pair(make_plan(gateways=1)) as pair,
            Traffic(pair, TrafficPlan(seed=14, count=600)) as traffic,
            grpc.aio.insecure_channel(pair.store_rpc) as channel,
        ):
            await traffic.settle()
            reads = read_grpc.ReadServiceStub(channel)
            deadline = time.monotonic() + 5.0
            lag_ms = ""
            while lag_ms != "0" and time.monotonic() < deadline:  # it is measured every second
                call = reads.GetBotStats(read_pb2.GetBotStatsRequest(), timeout=5)
                await call
                metadata = dict(await call.initial_metadata()) | dict(await call.trailing_metadata())
                lag_ms = metadata["telefact-lag-ms"]
            end = await asyncio.to_thread(pair.log_end)
            assert ids.parse_position(metadata["telefact-position"]) == {p: o for p, o in end.items() if o}
            assert metadata["telefact-generation"] == "1"
            assert lag_ms == "0"

    run(body())


def test_sigterm_under_load_loses_nothing_and_exits_cleanly(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        async with Pair(make_plan(gateways=2)) as pair, Traffic(pair, TrafficPlan(seed=15, rate=500)) as traffic:
            await traffic.acked(300, 20)
            for service in (pair.gateways[0], pair.store, pair.gateways[1], pair.store):
                assert await service.stop() == 0, service.log_end()
                await service.start()
                await traffic.acked_more(100, 20)
            verdict = await traffic.settle_and_judge()
            assert verdict.is_green, verdict.report()

    run(body())


def test_a_second_sigterm_ends_a_drain_at_once(run: Run, make_plan: MakePlan) -> None:
    """While Kafka stands still, the first one must wait for what is in flight."""

    async def body() -> None:
        async with Pair(make_plan(gateways=1)) as pair, Traffic(pair, TrafficPlan(seed=17, rate=300)) as traffic:
            await traffic.acked(200, 20)
            gateway = pair.gateways[0]
            with stalled(pair.plan.servers):
                acked = traffic.telegram.progress().acked
                await traffic.sent_more(50, 10)
                gateway.signal(signal.SIGTERM)
                await wait_not_ready(gateway, 5)
                assert gateway.is_running, "it did not wait for what is in flight"
                # Some answers were under way when the brokers were stopped.
                assert traffic.telegram.progress().acked - acked < 50, "it acknowledged what is not durable"
                gateway.signal(signal.SIGTERM)
                assert await gateway.wait(2) == 1
            await gateway.start()
            traffic.telegram.set_webhooks(pair.webhooks)
            verdict = await traffic.settle_and_judge()
            assert verdict.is_green, verdict.report()

    run(body())
