"""What Kafka and the log's content can do to the store, row by row; the log is written by the test itself."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from deploy.local.servers import Servers
from tests.e2e.conftest import MakePlan, Run
from tests.e2e.kafka_tools import produce
from tests.e2e.poison import USER, poisons
from tests.faults.database import through
from tests.faults.stores import quick, wait_applied_to
from tests.integration.store_log import TIME_MS, Event, Log, applied, connected, key_of, rows, seen, wait_applied
from tests.integration.test_store_ingest import Bench, _check_counts, _many
from tests.support.oracle import DeadLetter, ids
from tests.support.pair import BOT_ID, Pair
from tests.support.proxy import Proxy
from tests.support.traffic import Traffic, TrafficPlan, until

POISONS = 200


@pytest.fixture
def bench(servers: Servers, topic_prefix: str, database_url: str, binaries: Path, work_dir: Path) -> Bench:
    return Bench(Log(servers.kafka_bootstrap, topic_prefix), database_url, binaries, work_dir)


def end_of(bench: Bench, partition: int) -> int:
    """Where the next record of a partition will stand."""
    consumer = Consumer({"bootstrap.servers": bench.log.bootstrap, "group.id": "telefact-watch", "log_level": 2})
    try:
        return int(consumer.get_watermark_offsets(TopicPartition(bench.log.topic, partition), timeout=10)[1])
    finally:
        consumer.close()


async def stopped_for(bench: Bench, service: object, reason: str, deadline_s: float = 60.0) -> None:
    """Wait for the alarm of a running store."""
    deadline = time.monotonic() + deadline_s
    while True:
        metrics = await service.metrics()  # type: ignore[attr-defined]
        if metrics[f'partition_stopped{{reason="{reason}"}}'] > 0:
            return
        assert time.monotonic() < deadline, f"no alarm {reason}\n{bench.log_text()[-3000:]}"
        await asyncio.sleep(0.1)


@pytest.mark.timeout(120)
def test_C04_a_deleted_group_moves_no_position(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        async with Pair(make_plan(gateways=1)) as pair, Traffic(pair, TrafficPlan(seed=221, rate=400)) as traffic:
            await traffic.acked(300, 20)
            await pair.store.stop()
            before = await asyncio.to_thread(pair.fences)
            assert sum(before.values()) > 0
            group = f"{pair.prefix}.store"
            admin = AdminClient({"bootstrap.servers": pair.bootstrap, "log_level": 2})
            await asyncio.to_thread(admin.delete_consumer_groups([group])[group].result, 20)
            listed = await asyncio.to_thread(admin.list_consumer_groups().result, 20)
            assert group not in [one.group_id for one in listed.valid], "the group is still there"
            await traffic.acked_more(200, 20)
            await pair.store.start()
            verdict = await traffic.settle_and_judge()
            assert verdict.is_green, verdict.report()

    run(body())


@pytest.mark.timeout(60)
def test_C06_a_gap_in_the_offsets_stops_the_partition(run: Run, bench: Bench) -> None:
    """A transaction's marker takes an offset that no consumer ever gets."""

    async def body() -> None:
        events = _many(200)
        bench.log.put(events)
        async with bench.running() as service:
            with connected(bench.url) as database:
                wait_applied(database, 200)
                at = dict(rows(database, "SELECT partition, next_offset FROM g1.fence"))
                event = _many(1, start=900)[0]
                producer = Producer({"bootstrap.servers": bench.log.bootstrap, "transactional.id": bench.log.prefix})
                producer.init_transactions(60)
                producer.begin_transaction()
                producer.produce(bench.log.topic, event.SerializeToString(), key_of(event), 0)
                producer.commit_transaction(60)
                await until(lambda: end_of(bench, 0) == at[0] + 2, 10, "the transaction's marker")
                late = _many(1, start=901)[0]
                bench.log.put_raw([(key_of(late), late.SerializeToString())], partition=0)
                await stopped_for(bench, service, "gap")
                after = dict(rows(database, "SELECT partition, next_offset FROM g1.fence"))
                assert after[0] == at[0] + 1, "it went on over the gap"
                assert not await service.is_ready()

    run(body())


@pytest.mark.timeout(90)
def test_C07_copies_at_other_offsets_count_once(run: Run, bench: Bench) -> None:
    async def body() -> None:
        events = _many(1_500)
        chance = random.Random(7)
        copies = [event for event in events for _ in range(chance.randrange(3))]
        chance.shuffle(copies)
        bench.log.put(events)
        async with bench.running() as service:
            with connected(bench.url) as database:
                wait_applied(database, len(events))
                bench.log.put(copies)
                wait_applied(database, len(events) + len(copies))
                _check_counts(database, events)
                assert (await service.metrics())["duplicates_total"] > len(copies) / 2
        async with bench.running() as service:  # nothing of the first life is remembered
            bench.log.put(copies)
            with connected(bench.url) as database:
                wait_applied(database, len(events) + 2 * len(copies))
                _check_counts(database, events)

    run(body())


@pytest.mark.timeout(90)
def test_C07_a_copy_in_another_partition_is_set_aside(run: Run, bench: Bench) -> None:
    async def body() -> None:
        events = _many(400)
        places = bench.log.put(events)
        partition = (places[0][0] + 1) % 4
        bench.log.put_raw([(key_of(events[0]), events[0].SerializeToString())], partition=partition)
        async with bench.running():
            with connected(bench.url) as database:
                wait_applied(database, len(events) + 1)
                _check_counts(database, events)
                assert rows(database, "SELECT cause FROM telefact.dead_letters") == [("wrong_partition",)]

    run(body())


# All rows in full, but for what the log's order decides: a row's place in the log, and which mode was set last.
ROWS_IN_ANY_ORDER = [
    "SELECT user_id, registered_at, lang, link, ad_count, is_stub, is_lang_set, is_blocked, first_ms, first_update, "
    "first_event, videos, images, music FROM g1.users ORDER BY 1",
    "SELECT * FROM g1.profiles ORDER BY id",
    "SELECT event_id, user_id, downloaded_at, video_link, is_images, is_processed, is_inline FROM g1.videos ORDER BY 1",
    "SELECT event_id, user_id, downloaded_at, video_id FROM g1.music ORDER BY 1",
    "SELECT * FROM g1.applied ORDER BY 1",
    "SELECT partition, chat_class, chats, videos, images, video_users, image_users, music, music_users FROM g1.totals "
    "ORDER BY 1, 2",  # (file_modes follow the order of the log, as file_mode does)
    "SELECT * FROM g1.buckets ORDER BY 1, 2, 3, 4",
    "SELECT * FROM g1.langs ORDER BY 1, 2",
    "SELECT * FROM g1.referrals ORDER BY 1",
    "SELECT * FROM g1.top_users ORDER BY 1, 2",
]


def starts(count: int) -> list[Event]:
    """People who press /start again and again, with other names, languages and links; some at the same time."""
    chance = random.Random(count)
    events = []
    for number in range(count):
        start = seen(
            chance.randrange(1, 40),
            f"start{number}",
            source=1,
            lang=chance.choice(["en", "ru", "uk"]),
            link=f"link{number}",
            time_ms=TIME_MS + chance.randrange(20) * 1000,
        )
        start.user_seen.personal.clear.username = f"name{number}"
        start.user_seen.personal.clear.first_name = f"First {number}"
        events.append(start)
    return events


@pytest.mark.timeout(90)
def test_C08_a_shuffled_log_gives_the_same_rows(
    run: Run, bench: Bench, servers: Servers, binaries: Path, work_dir: Path, name: str
) -> None:
    async def body() -> None:
        events = _many(2_000) + starts(300)
        shuffled = list(events)
        random.Random(8).shuffle(shuffled)
        assert shuffled != events
        other = Bench(
            Log(servers.kafka_bootstrap, f"t.{name}.shuffled"),
            servers.create_database(f"t_{name}_shuffled"),
            binaries,
            work_dir / "shuffled",
        )
        found = []
        for one, written in ((bench, events), (other, shuffled)):
            one.log.put(written)
            async with one.running():
                with connected(one.url) as database:
                    wait_applied(database, len(events))
                    _check_counts(database, events)
                    found.append([rows(database, sql) for sql in ROWS_IN_ANY_ORDER])
        for table, (in_order, in_disorder) in enumerate(zip(*found, strict=True)):
            assert in_order, ROWS_IN_ANY_ORDER[table]
            assert in_order == in_disorder, ROWS_IN_ANY_ORDER[table]

    run(body())


@pytest.mark.timeout(120)
def test_C09_two_hundred_poisons_are_set_aside(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        plan = make_plan(gateways=1, store_settings={"STORE_DEAD_LETTERS_PER_1000": "1000"})
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=222, rate=400)) as traffic:
            await traffic.acked(100, 20)
            partition = ids.partition_of(ids.record_key(BOT_ID, USER), pair.plan.partitions)
            chance = random.Random(9)
            wanted = []
            while len(wanted) < POISONS:
                garbage = ("malformed", poisons()[0][1], b"\xff\xff\xff\xff" + chance.randbytes(chance.randrange(300)))
                wanted += [garbage, *poisons()[1:]]
            letters = []
            for start in range(0, len(wanted), 10):
                part = wanted[start : start + 10]
                places = await asyncio.to_thread(
                    produce, pair.bootstrap, pair.events_topic, [(partition, key, value) for _, key, value in part]
                )
                letters += [
                    DeadLetter(place.partition, place.offset, cause, key, value)
                    for place, (cause, key, value) in zip(places, part, strict=True)
                ]
                await traffic.acked_more(10, 20)
            verdict = await traffic.settle_and_judge(letters)
            assert verdict.is_green, verdict.report()
            assert verdict.rows["dead_letters"] == len(letters) >= POISONS

    run(body())


@pytest.mark.timeout(120)
def test_C11_a_database_slower_than_the_poll_interval_costs_the_membership_only(run: Run, make_plan: MakePlan) -> None:
    async def body() -> None:
        settings = quick(
            STORE_KAFKA_MAX_POLL_INTERVAL_MS="6000", STORE_LOCK_TIMEOUT_MS="50000", STORE_STATEMENT_TIMEOUT_MS="60000"
        )
        async with (
            Pair(make_plan(gateways=1, store_settings=settings)) as pair,
            Traffic(pair, TrafficPlan(seed=223, rate=300)) as traffic,
        ):
            await traffic.acked(200, 20)
            revoked = pair.store.log_path.read_text().count("partitions revoked")
            with await asyncio.to_thread(psycopg.connect, pair.database_url) as other:
                other.execute("LOCK TABLE g1.fence")
                await asyncio.sleep(10)
                await traffic.acked_more(100, 20)
            await traffic.acked_more(100, 20)
            end = await asyncio.to_thread(pair.log_end)
            await wait_applied_to(pair, end, 40)
            assert pair.store.log_path.read_text().count("partitions revoked") > revoked, "it was never too slow"
            verdict = await traffic.settle_and_judge()
            assert verdict.is_green, verdict.report()

    run(body())


@pytest.mark.timeout(240)
def test_C11_a_slow_database_within_the_poll_interval_keeps_the_membership(run: Run, make_plan: MakePlan) -> None:
    """Every answer of PostgreSQL takes a second, so a batch takes many; meanwhile the log grows."""

    async def body() -> None:
        plan = make_plan(gateways=1)
        postgres = plan.servers.postgres
        with Proxy(("127.0.0.1", postgres.state["port"])) as proxy:
            url = through(postgres.url(f"t_{plan.name}"), proxy)
            plan.store_settings = quick(STORE_DATABASE_URL=url, STORE_LOCK_TIMEOUT_MS="5000")
            async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=225, rate=300)) as traffic:
                await traffic.acked(200, 60)
                revoked = pair.store.log_path.read_text().count("partitions revoked")
                proxy.delay(0.5)
                at = sum((await asyncio.to_thread(pair.fences)).values())
                await wait_applied_in(pair, at + 1_000)
                proxy.heal()
                assert pair.store.log_path.read_text().count("partitions revoked") == revoked
                verdict = await traffic.settle_and_judge(deadline_s=90)
                assert verdict.is_green, verdict.report()

    run(body())


async def wait_applied_in(pair: Pair, applied_min: int, deadline_s: float = 90.0) -> None:
    """Wait until so many records are applied."""
    deadline = time.monotonic() + deadline_s
    while sum((await asyncio.to_thread(pair.fences)).values()) < applied_min:
        assert time.monotonic() < deadline, f"not {applied_min} applied\n{pair.store.log_end()}"
        await asyncio.sleep(0.2)


@pytest.mark.timeout(120)
def test_C12_a_flipped_byte_in_a_segment_is_never_applied(
    run: Run, own_servers: Servers, topic_prefix: str, binaries: Path, work_dir: Path
) -> None:
    async def body() -> None:
        log = Log(own_servers.kafka_bootstrap, topic_prefix, partitions=1)
        bench = Bench(log, own_servers.create_database("flipped"), binaries, work_dir)
        events = _many(300)
        log.put(events[:100])
        async with bench.running(STORE_POSITION_CHECK_MS="500") as service:
            with connected(bench.url) as database:
                wait_applied(database, 100)
        log.put(events[100:])
        (segment,) = own_servers.folder.glob(f"kafka/node*/data/{log.topic}-0/*0.log")
        place = segment.stat().st_size - 50
        flip(segment, place)
        async with bench.running(STORE_POSITION_CHECK_MS="500") as service:
            with connected(bench.url) as database:
                await stopped_for(bench, service, "unreadable", 60)
                assert applied(database) < len(events), "damaged records were applied"
                assert not await service.is_ready()
        flip(segment, place)
        async with bench.running():
            with connected(bench.url) as database:
                wait_applied(database, len(events))
                _check_counts(database, events)

    run(body())


def flip(file: Path, place: int) -> None:
    """Turn one bit over, or back."""
    with file.open("r+b") as stream:
        stream.seek(place)
        byte = stream.read(1)[0]
        stream.seek(place)
        stream.write(bytes([byte ^ 0x10]))


@pytest.mark.timeout(120)
def test_C14_a_skewed_and_jumping_clock_decides_nothing(run: Run, make_plan: MakePlan, work_dir: Path) -> None:
    """One hour ahead, then one hour behind, while they work; the other gateway's and store's clocks are right."""
    clock = work_dir / "clock"

    async def body() -> None:
        clock.write_text("3600000")
        plan = make_plan(gateways=2, stores=2, store_settings=quick())
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=224, rate=300)) as traffic:
            skewed = [pair.gateways[1], pair.stores[1]]
            for service in skewed:
                await service.stop()
                service.environment["TELEFACT_CLOCK_FILE"] = str(clock)
                await service.start()
            await traffic.acked(200, 20)
            clock.write_text("-3600000")
            await traffic.acked_more(300, 20)
            for service in skewed:
                await service.stop()
                await service.start()
            await pair.stores[0].stop()  # the skewed one has all partitions
            await traffic.acked_more(200, 20)
            await pair.stores[0].start()
            for service in skewed:
                hours = {line[3:16] for line in service.log_path.read_text().splitlines() if line.startswith("ts=")}
                assert len(hours) >= 3, f"the clock of {service.name} did not jump: {hours}"
            verdict = await traffic.settle_and_judge()
            # A button press carries no date: its time is the gateway's clock, by the contract. Nothing else may differ.
            assert set(verdict.differences.counts) == {"log: time of receipt"}, verdict.report()

    run(body())
