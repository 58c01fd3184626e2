"""The oracle must be able to fail: each planted bug, switched on in a run that provokes it, turns it red.

Every provocation also runs without a bug and must then be green, so that it is the bug that is seen.
"""

from __future__ import annotations

import asyncio
import random
import string
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
import pytest

from tests.e2e.conftest import MakePlan, Run, planted_bugs
from tests.e2e.crashes import Crashes, join_anew
from tests.e2e.kafka_tools import delete_records, set_topic_config, stalled
from tests.e2e.poison import put_poisons
from tests.support.bot import PlannedEvent
from tests.support.oracle import DeadLetter, Stopped
from tests.support.pair import Pair
from tests.support.traffic import Traffic, TrafficPlan, until

STALL_S = 2.5
HANG_S = 6.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the oracle must be told of a provocation."""

    dead_letters: Sequence[DeadLetter] = ()
    stopped: Stopped | None = None


Provoke = Callable[[Pair, Traffic], Awaitable[Outcome]]


async def plain(pair: Pair, traffic: Traffic) -> Outcome:
    """Nothing goes wrong but repeated deliveries."""
    await traffic.acked(500, 20)
    return Outcome()


async def kill_gateway(pair: Pair, traffic: Traffic) -> Outcome:
    """SIGKILL while requests are in flight."""
    for gateway in pair.gateways:
        await traffic.acked_more(200, 20)
        await gateway.kill()
        await gateway.start()
        traffic.telegram.set_webhooks(pair.webhooks)
    return Outcome()


async def stall_kafka(pair: Pair, traffic: Traffic) -> Outcome:
    """The broker stands still for longer than the gateway waits for it."""
    await traffic.acked(200, 20)
    with stalled(pair.plan.servers):
        began = time.monotonic()
        await until(lambda: time.monotonic() - began > STALL_S, 2 * STALL_S, "the gateway's patience to end")
    return Outcome()


async def refuse_one_of_a_row(pair: Pair, traffic: Traffic) -> Outcome:
    """Kafka refuses the first event of a subject and takes the next one, for a while."""
    await traffic.acked(100, 20)
    rng = random.Random("links")
    await asyncio.to_thread(set_topic_config, pair.bootstrap, pair.events_topic, "max.message.bytes", "1000")
    records = []
    for user_id in range(6_200_000_001, 6_200_000_021):
        noise = "".join(rng.choices(string.ascii_letters + string.digits, k=1_900))
        for number, link in enumerate((f"https://example.org/{noise}", "https://example.org/short")):
            fields = {"user_id": user_id, "video_link": link}
            event = PlannedEvent(f"row-{number}", "video_downloaded", user_id, fields, 1_760_000_000_000)
            records.append(traffic.bot.publish(event))
    # A lane of the bot stays with its first batch as long as that is refused.
    refused = lambda: sum(len(record.attempts) >= 2 for record in records[::2])  # noqa: E731
    await until(lambda: refused() >= 4, 20, "refusals by Kafka")
    await asyncio.to_thread(set_topic_config, pair.bootstrap, pair.events_topic, "max.message.bytes", "2097152")
    return Outcome()


async def kill_store_before_commit(pair: Pair, traffic: Traffic) -> Outcome:
    """SIGKILL with a transaction under way, twice."""
    crashes = Crashes(pair.plan.work_dir / "crashes.log")
    await traffic.acked(200, 20)
    await pair.store.kill()
    for point in ("store.facts_written", "store.before_commit"):
        await traffic.acked_more(200, 20)
        join_anew(pair)
        await crashes.one(pair.store, point, 50)
    join_anew(pair)
    await pair.store.start()
    return Outcome()


async def cut_database_sessions(pair: Pair, traffic: Traffic) -> Outcome:
    """The server ends the store's sessions again and again."""
    end = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    for _ in range(5):
        await traffic.acked_more(100, 20)
        with psycopg.connect(pair.database_url, autocommit=True) as connection:
            connection.execute(end)
    return Outcome()


async def poison(pair: Pair, traffic: Traffic) -> Outcome:
    """Records that cannot be applied, among good ones."""
    await traffic.acked(200, 20)
    return Outcome(dead_letters=await put_poisons(pair, traffic))


async def lose_records(pair: Pair, traffic: Traffic) -> Outcome:
    """The log no longer holds what the store has not applied yet."""
    await traffic.acked(300, 20)
    assert await pair.store.stop() == 0
    applied = await asyncio.to_thread(pair.fences)
    await traffic.acked_more(300, 20)
    await traffic.end()
    log = await asyncio.to_thread(pair.read_log)
    gone = {partition: end for partition, end in log.end.items() if end > applied.get(partition, 0)}
    assert gone
    await asyncio.to_thread(delete_records, pair.bootstrap, pair.events_topic, gone)
    async with Traffic(pair, TrafficPlan(seed=52, count=100, publishes=False)) as further:
        await further.end()
        further_entries = further.telegram.ledger.entries
    traffic.telegram.ledger.entries.extend(further_entries)
    log = replace(log, records=log.records + (await asyncio.to_thread(pair.read_log)).records)
    await pair.store.spawn()
    deadline = time.monotonic() + 20.0
    while not await is_stopped(pair) and await asyncio.to_thread(pair.fences) == applied:
        assert time.monotonic() < deadline, pair.store.log_end()
        await asyncio.sleep(0.05)
    return Outcome(stopped=Stopped(log, applied))


async def is_stopped(pair: Pair) -> bool:
    """Whether the store says that partitions stand still."""
    try:
        metrics = await pair.store.metrics()
    except OSError:
        return False
    return any("stopped" in name and value > 0 for name, value in metrics.items())


@dataclass(frozen=True)
class Provocation:
    """One kind of run."""

    act: Provoke
    bugs: tuple[str, ...]
    gateway_settings: Mapping[str, str] = field(default_factory=dict)
    store_settings: Mapping[str, str] = field(default_factory=dict)
    rate: float = 500.0


PROVOCATIONS: dict[str, Provocation] = {
    "plain": Provocation(
        plain,
        (
            "gateway.fresh_event_id",
            "gateway.drop_unparsable",
            "gateway.key_without_bot",
            "gateway.clock_for_date",
            "store.no_dedup",
            "store.clock_at_apply",
        ),
    ),
    "gateway_killed": Provocation(
        kill_gateway,
        ("gateway.ack_before_delivery",),
        gateway_settings={"GATEWAY_KAFKA_LINGER_MS": "60"},
        rate=200.0,
    ),
    "kafka_stalled": Provocation(
        stall_kafka, ("gateway.ack_failed_delivery",), gateway_settings={"GATEWAY_DELIVERY_TIMEOUT_MS": "1000"}
    ),
    "one_refused": Provocation(
        refuse_one_of_a_row, ("gateway.no_key_gate",), gateway_settings={"GATEWAY_KAFKA_BATCH_NUM_MESSAGES": "1"}
    ),
    "store_killed": Provocation(kill_store_before_commit, ("store.no_fence", "store.counter_outside_tx")),
    "database_cut": Provocation(cut_database_sessions, ("store.stale_position",)),
    "poison": Provocation(poison, ("store.skip_poison_silently",)),
    "records_lost": Provocation(lose_records, ("store.ignore_gap",)),
}


async def settle(traffic: Traffic, *, may_hang: bool) -> None:
    """A bug may also keep the store from ever catching up; the oracle then says so."""
    try:
        await traffic.settle(HANG_S if may_hang else 60.0)
    except TimeoutError:
        if not may_hang:
            raise


def cases() -> list[tuple[str, str]]:
    """Each provocation without a bug, then with each of its bugs."""
    return [(name, bug) for name, provocation in PROVOCATIONS.items() for bug in ("", *provocation.bugs)]


def test_every_planted_bug_is_provoked(binaries: Path) -> None:
    built = planted_bugs(binaries / "telefact-gateway")
    built += planted_bugs(binaries / "telefact-store")
    provoked = [bug for provocation in PROVOCATIONS.values() for bug in provocation.bugs]
    assert sorted(built) == sorted(provoked)
    assert len(built) >= 10


@pytest.mark.parametrize(("name_of", "bug"), cases(), ids=lambda value: value or "no_bug")
def test_the_oracle_is_red_with_the_bug_and_green_without(
    run: Run, make_plan: MakePlan, name_of: str, bug: str
) -> None:
    provocation = PROVOCATIONS[name_of]
    planted = {"TELEFACT_PLANT": bug} if bug else {}
    in_gateway = planted if bug.startswith("gateway.") else {}
    in_store = planted if bug.startswith("store.") else {}

    async def body() -> None:
        plan = make_plan(
            gateways=2,
            gateway_settings={**provocation.gateway_settings, **in_gateway},
            store_settings={**provocation.store_settings, **in_store},
        )
        async with Pair(plan) as pair:
            async with Traffic(pair, TrafficPlan(seed=51, rate=provocation.rate, odd=0.03)) as traffic:
                outcome = await provocation.act(pair, traffic)
                if outcome.stopped is None:
                    await settle(traffic, may_hang=bool(bug))
                verdict = await traffic.judge(outcome.dead_letters, outcome.stopped)
        if bug:
            assert not verdict.is_green, f"{bug} was not noticed"
            print(f"{bug}: {verdict.report()}")
        else:
            assert verdict.is_green, verdict.report()

    run(body())
