"""A log that holds what it must not, or is not the log it was: set aside with its cause, or stopped with an alarm."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.e2e.conftest import MakePlan, Run
from tests.e2e.kafka_tools import delete_records, produce, recreate_topic
from tests.e2e.poison import USER, put_poisons
from tests.support.oracle import Stopped, ids
from tests.support.oracle.translate import translate
from tests.support.pair import BOT_ID, Pair
from tests.support.processes import http_get
from tests.support.protos import event_pb2
from tests.support.traffic import Traffic, TrafficPlan

STOP_DEADLINE_S = 20.0


def test_C09_poison_among_good_records_is_set_aside(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        async with (
            Pair(make_plan(gateways=1)) as pair,
            Traffic(pair, TrafficPlan(seed=41, rate=400)) as traffic,
        ):
            await traffic.acked(300, 20)
            letters = await put_poisons(pair, traffic)
            verdict = await traffic.settle_and_judge(letters)
            assert verdict.is_green, verdict.report()
            assert verdict.rows["dead_letters"] == len(letters)

    run(body())


def test_C10_a_payload_of_a_newer_version_stops_its_partition_alone(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        async with Pair(make_plan(gateways=1)) as pair, Traffic(pair, TrafficPlan(seed=42, rate=300)) as traffic:
            await traffic.acked(300, 20)
            key = ids.record_key(BOT_ID, USER)
            partition = ids.partition_of(key, pair.plan.partitions)
            message = event_pb2.Event(event_id=b"n" * 16, bot_id=BOT_ID, producer="newer/2")
            newer = message.SerializeToString() + b"\x92\x3f\x02\x08\x01"  # field 1010, length-delimited
            (place,) = await asyncio.to_thread(produce, pair.bootstrap, pair.events_topic, [(partition, key, newer)])
            await stays_stopped(pair, traffic, {partition: place.offset})
            await traffic.end()
            log = await asyncio.to_thread(pair.read_log)
            log.records = [record for record in log.records if record.place[:2] != place[:2]]
            applied = {**log.end, partition: place.offset}
            await wait_stopped(pair, applied)
            verdict = await traffic.judge(stopped=Stopped(log, applied))
            assert verdict.is_green, verdict.report()

    run(body())


async def wait_stopped(pair: Pair, at: dict[int, int]) -> None:
    """Wait until the store is not ready and the partitions stand exactly there."""
    deadline = time.monotonic() + STOP_DEADLINE_S
    while True:
        fences = await asyncio.to_thread(pair.fences)
        if not await pair.store.is_ready() and all(fences.get(partition, 0) == at[partition] for partition in at):
            return
        assert time.monotonic() < deadline, f"not stopped at {at}: {fences}\n{pair.store.log_end()}"
        await asyncio.sleep(0.1)


async def stays_stopped(pair: Pair, traffic: Traffic, at: dict[int, int]) -> None:
    """The store raises an alarm, and further load does not move the partitions."""
    await wait_stopped(pair, at)
    await traffic.acked_more(200, 20)
    await wait_stopped(pair, at)
    status, _ = await http_get(pair.store.admin, "/livez")
    assert status == 200, "an alarm is no reason to be restarted"
    stopped = {name: value for name, value in (await pair.store.metrics()).items() if "stopped" in name and value > 0}
    assert stopped, "no metric says that a partition is stopped"
    assert "level=error" in pair.store.log_path.read_text()


@pytest.mark.timeout(120)
def test_C05_a_log_that_starts_behind_the_position_stops_the_store(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        async with Pair(make_plan(gateways=1)) as pair, Traffic(pair, TrafficPlan(seed=43, rate=300)) as traffic:
            await traffic.acked(300, 20)
            await pair.store.stop()
            fences = await asyncio.to_thread(pair.fences)
            await traffic.acked_more(300, 20)
            end = await asyncio.to_thread(pair.log_end)
            gone = {partition: end[partition] for partition in fences if end[partition] > fences[partition]}
            assert gone, "nothing was written while the store was away"
            before = await asyncio.to_thread(pair.read_log)
            gone = {partition: min(end, before.end[partition]) for partition, end in gone.items()}
            await asyncio.to_thread(delete_records, pair.bootstrap, pair.events_topic, gone)
            await pair.store.spawn()
            await stays_stopped(pair, traffic, {partition: fences[partition] for partition in gone})
            await traffic.end()
            log = await asyncio.to_thread(pair.read_log)
            known = {record.place: record for record in before.records + log.records}
            log.records = [known[place] for place in sorted(known)]
            applied = {**log.end, **{partition: fences[partition] for partition in gone}}
            await wait_stopped(pair, applied)
            verdict = await traffic.judge(stopped=Stopped(log, applied))
            assert verdict.is_green, verdict.report()

    run(body())


@pytest.mark.timeout(120)
def test_C05_a_log_that_starts_exactly_at_the_position_is_fine(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        async with Pair(make_plan(gateways=1)) as pair, Traffic(pair, TrafficPlan(seed=44, count=600)) as traffic:
            await traffic.settle()
            await pair.store.stop()
            before = await asyncio.to_thread(pair.read_log)
            assert before.end == await asyncio.to_thread(pair.fences)
            await asyncio.to_thread(delete_records, pair.bootstrap, pair.events_topic, before.end)
            await pair.store.start()
            async with Traffic(pair, TrafficPlan(seed=45, count=300)) as more:
                await more.settle()
            assert await pair.store.is_ready()
            log = await asyncio.to_thread(pair.read_log)
            assert log.first == before.end
            log.records = before.records + log.records
            traffic.telegram.ledger.entries.extend(more.telegram.ledger.entries)
            traffic.bot.log.records.extend(more.bot.log.records)
            # A whole log after all: nothing stopped.
            verdict = await traffic.judge(stopped=Stopped(log, log.end))
            assert verdict.is_green, verdict.report()
            assert verdict.rows["users"] > 0

    run(body())


@pytest.mark.timeout(120)
@pytest.mark.parametrize("is_running", [False, True], ids=["store_away", "store_running"])
def test_C05_a_log_rewritten_behind_the_fence_stops_the_store(run: Run, make_plan: MakePlan, is_running: bool) -> None:
    """The topic is made anew and holds more records than before, but others."""

    async def body() -> None:
        plan = make_plan(gateways=1, store_settings={"STORE_POSITION_CHECK_MS": "500"})
        async with Pair(plan) as pair:
            async with Traffic(pair, TrafficPlan(seed=46, count=500)) as traffic:
                await traffic.settle()
                log = await asyncio.to_thread(pair.read_log)
            if not is_running:
                await pair.store.stop()
            await pair.gateways[0].stop()
            fences = await asyncio.to_thread(pair.fences)
            await asyncio.to_thread(recreate_topic, pair.bootstrap, pair.events_topic, plan.partitions)
            again = [(record.place.partition, record.key, record.value) for record in reversed(log.records)]
            await asyncio.to_thread(produce, pair.bootstrap, pair.events_topic, again)
            await pair.gateways[0].start()
            async with Traffic(pair, TrafficPlan(seed=47, rate=300)) as load:
                await load.acked(200, 30)
                if not is_running:
                    await pair.store.spawn()
                await stays_stopped(pair, load, {partition: offset for partition, offset in fences.items() if offset})
            # Of the second load only the raw topic, which is whole, must show anything.
            raw = [entry for entry in load.telegram.ledger.entries if not translate(entry.body, BOT_ID).events]
            traffic.telegram.ledger.entries.extend(raw)
            verdict = await traffic.judge(stopped=Stopped(log, fences))
            assert verdict.is_green, verdict.report()

    run(body())
