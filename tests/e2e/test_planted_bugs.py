"""The oracle must be able to fail: each planted bug, switched on in a run that provokes it, turns it red.

Every provocation also runs without a bug and must then be green, so that it is the bug that is seen. With a bug the
differences must be those that this bug makes, and the run must end within the same deadline.
"""

from __future__ import annotations

import asyncio
import random
import re
import string
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.e2e.conftest import MakePlan, Run, planted_bugs
from tests.e2e.crashes import Crashes, join_anew
from tests.e2e.kafka_tools import delete_records, set_topic_config, stalled
from tests.e2e.poison import put_poisons
from tests.e2e.test_polling import POLLING_BUG
from tests.property.bugs import BUGS as STATISTICS_BUGS
from tests.support.bot import PlannedEvent
from tests.support.oracle import DeadLetter, Stopped, Verdict
from tests.support.pair import Pair
from tests.support.traffic import Traffic, TrafficPlan, until

STALL_S = 2.5
SETTLE_S = 60.0
LOST_FACT = "(videos|music|applied): missing row"
# Rows that follow from an event alone; a wrong time or count moves the others to other keys.
_OWN = "(?!buckets|langs|referrals|top_users).*"
LOST_ROW = f"{_OWN}: missing row"


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
    await until(lambda: refused() >= 2, 20, "refusals by Kafka")
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
    await traffic.acked_more(200, 20)  # what follows moves every partition on, also past what was skipped
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
class Symptoms:
    """What a bug does to the differences.

    must   kinds of difference, as regular expressions, each of which must be there.
    never  kinds that would show another fault than the planted one.
    stops  the store, which is right, must refuse to go on with what the gateway wrote.
    """

    must: tuple[str, ...]
    never: tuple[str, ...] = ()
    stops: bool = False


@dataclass(frozen=True)
class Provocation:
    """One kind of run."""

    act: Provoke
    bugs: Mapping[str, Symptoms]
    gateway_settings: Mapping[str, str] = field(default_factory=dict)
    store_settings: Mapping[str, str] = field(default_factory=dict)
    rate: float = 500.0
    is_slow: bool = False


LOG = ("log: .*", "raw: .*", "publish: .*", "position token")
PROVOCATIONS: dict[str, Provocation] = {
    "plain": Provocation(
        plain,
        {
            "gateway.fresh_event_id": Symptoms(("log: unexpected event", "log: lost", "users: unexpected row")),
            "gateway.drop_unparsable": Symptoms(("raw: lost",), never=("log: .*", ".* row")),
            "gateway.key_without_bot": Symptoms(
                ("log: key", "dead_letters: unexpected row", "fence"), never=("log: lost", "raw: .*"), stops=True
            ),
            "gateway.clock_for_date": Symptoms(
                ("log: event", "users: wrong row", "profiles: wrong row"), never=("log: lost", "raw: .*", LOST_ROW)
            ),
            "store.no_dedup": Symptoms(
                ("users: wrong row", "totals: wrong row"), never=(*LOG, LOST_ROW, f"{_OWN}: unexpected row")
            ),
            "store.clock_at_apply": Symptoms(
                ("users: wrong row", "videos: wrong row", "music: wrong row"), never=(*LOG, LOST_ROW)
            ),
        },
    ),
    "gateway_killed": Provocation(
        kill_gateway,
        {"gateway.ack_before_delivery": Symptoms(("log: lost",), never=("log: unexpected event", LOST_ROW))},
        gateway_settings={"GATEWAY_KAFKA_LINGER_MS": "60"},
        rate=200.0,
        is_slow=True,
    ),
    "kafka_stalled": Provocation(
        stall_kafka,
        {"gateway.ack_failed_delivery": Symptoms(("log: lost",), never=("log: unexpected event", LOST_ROW))},
        gateway_settings={"GATEWAY_DELIVERY_TIMEOUT_MS": "1000"},
        is_slow=True,
    ),
    "one_refused": Provocation(
        refuse_one_of_a_row,
        {"gateway.no_key_gate": Symptoms(("log: order",), never=("log: lost", "raw: .*", ".* row"))},
        gateway_settings={"GATEWAY_KAFKA_BATCH_NUM_MESSAGES": "1"},
        is_slow=True,
    ),
    "store_killed": Provocation(
        kill_store_before_commit,
        {
            "store.no_fence": Symptoms((LOST_FACT, "users: (missing|wrong) row", "totals: wrong row"), never=LOG),
            "store.counter_outside_tx": Symptoms(
                ("users: (missing|wrong) row", "totals: wrong row"), never=(*LOG, LOST_FACT)
            ),
        },
    ),
    "database_cut": Provocation(
        cut_database_sessions,
        {"store.stale_position": Symptoms((LOST_FACT, "totals: wrong row"), never=LOG)},
        is_slow=True,
    ),
    "poison": Provocation(
        poison,
        {
            "store.skip_poison_silently": Symptoms(
                ("dead_letters: missing row",), never=(*LOG, "(users|videos|music|applied|totals): .*", "fence")
            )
        },
    ),
    "records_lost": Provocation(
        lose_records,
        {"store.ignore_gap": Symptoms(("fence", "users: unexpected row"), never=(*LOG, LOST_ROW))},
        is_slow=True,
    ),
}


async def stands_still(pair: Pair, traffic: Traffic) -> None:
    """Everything is delivered, and the store stopped at what it must not apply."""
    await traffic.end(SETTLE_S)
    deadline = time.monotonic() + SETTLE_S
    while not await is_stopped(pair):
        assert time.monotonic() < deadline, pair.store.log_end()
        await asyncio.sleep(0.05)
    assert await asyncio.to_thread(pair.lag) > 0


def check_symptoms(bug: str, symptoms: Symptoms, verdict: Verdict) -> None:
    """Red for the right reason."""
    found = set(verdict.differences.counts)
    missed = [kind for kind in symptoms.must if not any(re.fullmatch(kind, each) for each in found)]
    assert not missed, f"{bug} made no difference of the kinds {missed}\n{verdict.report()}"
    never = (*symptoms.never, "process", ".*: repeated key")
    other = [each for each in found if any(re.fullmatch(kind, each) for kind in never)]
    assert not other, f"{bug} does not explain {other}\n{verdict.report()}"


def cases() -> list[Any]:
    """Each provocation without a bug, then with each of its bugs."""
    return [
        pytest.param(name, bug, marks=pytest.mark.slow if provocation.is_slow else ())
        for name, provocation in PROVOCATIONS.items()
        for bug in ("", *provocation.bugs)
    ]


def test_every_planted_bug_is_provoked(binaries: Path) -> None:
    built = planted_bugs(binaries / "telefact-gateway")
    built += planted_bugs(binaries / "telefact-store")
    provoked = [bug for provocation in PROVOCATIONS.values() for bug in provocation.bugs]
    assert sorted(built) == sorted([*provoked, POLLING_BUG, *STATISTICS_BUGS])
    assert len(built) >= 10


@pytest.mark.parametrize(("name_of", "bug"), cases(), ids=lambda value: value or "no_bug")
def test_the_oracle_is_red_with_the_bug_and_green_without(
    run: Run, make_plan: MakePlan, name_of: str, bug: str
) -> None:
    provocation = PROVOCATIONS[name_of]
    symptoms = provocation.bugs.get(bug)
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
                if symptoms is not None and symptoms.stops:
                    await stands_still(pair, traffic)
                elif outcome.stopped is None:
                    await traffic.settle(SETTLE_S)
                verdict = await traffic.judge(outcome.dead_letters, outcome.stopped)
        if symptoms is not None:
            check_symptoms(bug, symptoms, verdict)
            print(f"{bug}: {verdict.report()}")
        else:
            assert verdict.is_green, verdict.report()

    run(body())


def test_a_repeated_key_is_a_difference(run: Run, make_plan: MakePlan) -> None:
    """The tables' keys forbid it; the oracle must not rely on that."""
    tables = {
        "users": "users_pkey",
        "videos": "videos_pkey",
        "applied": "applied_pkey",
        "totals": "totals_pkey",
    }

    async def body() -> None:
        async with Pair(make_plan(gateways=1)) as pair, Traffic(pair, TrafficPlan(seed=53, count=300)) as traffic:
            await traffic.settle()
            with psycopg.connect(pair.database_url) as connection:
                for table, key in tables.items():
                    connection.execute(f"ALTER TABLE g1.{table} DROP CONSTRAINT {key}")
                    connection.execute(f"INSERT INTO g1.{table} SELECT * FROM g1.{table} LIMIT 1")
            verdict = await traffic.judge()
            repeated = {kind for kind in verdict.differences.counts if kind.endswith(": repeated key")}
            assert repeated >= {f"{table}: repeated key" for table in tables}, verdict.report()

    run(body())
