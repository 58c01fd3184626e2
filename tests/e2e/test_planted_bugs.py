"""The oracle must be able to fail: each planted bug, switched on in a run that provokes it, turns it red.

Every provocation also runs without a bug and must then be green, so that it is the bug that is seen.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import string
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.conftest import MakePlan, Run, fault_names
from tests.e2e.kafka_tools import set_topic_config
from tests.support.bot import PlannedEvent
from tests.support.pair import Pair
from tests.support.traffic import Traffic, TrafficPlan, until

STALL_S = 2.5
Provoke = Callable[[Pair, Traffic], Awaitable[None]]


async def plain(pair: Pair, traffic: Traffic) -> None:
    """Nothing goes wrong but repeated deliveries."""
    await traffic.acked(500, 20)


async def kill_gateway(pair: Pair, traffic: Traffic) -> None:
    """SIGKILL while requests are in flight."""
    for gateway in pair.gateways:
        await traffic.acked_more(200, 20)
        await gateway.kill()
        await gateway.start()


async def stall_kafka(pair: Pair, traffic: Traffic) -> None:
    """The broker stands still for longer than the gateway waits for it."""
    await traffic.acked(200, 20)
    broker = pair.plan.servers.kafka.state["nodes"][0]["process"]["pid"]
    os.kill(broker, signal.SIGSTOP)
    began = time.monotonic()
    try:
        await until(lambda: time.monotonic() - began > STALL_S, 2 * STALL_S, "the gateway's patience to end")
    finally:
        os.kill(broker, signal.SIGCONT)


async def refuse_one_of_a_row(pair: Pair, traffic: Traffic) -> None:
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
    await until(lambda: all(len(record.attempts) >= 2 for record in records[::2]), 20, "refusals by Kafka")
    await asyncio.to_thread(set_topic_config, pair.bootstrap, pair.events_topic, "max.message.bytes", "2097152")


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
        ),
    ),
    "gateway_killed": Provocation(
        kill_gateway, ("gateway.ack_before_delivery",), gateway_settings={"GATEWAY_KAFKA_LINGER_MS": "60"}
    ),
    "kafka_stalled": Provocation(
        stall_kafka, ("gateway.ack_failed_delivery",), gateway_settings={"GATEWAY_DELIVERY_TIMEOUT_MS": "1000"}
    ),
    "one_refused": Provocation(
        refuse_one_of_a_row, ("gateway.no_key_gate",), gateway_settings={"GATEWAY_KAFKA_BATCH_NUM_MESSAGES": "1"}
    ),
}


def cases() -> list[tuple[str, str]]:
    """Each provocation without a bug, then with each of its bugs."""
    return [(name, bug) for name, provocation in PROVOCATIONS.items() for bug in ("", *provocation.bugs)]


def test_every_planted_bug_is_provoked(binaries: Path) -> None:
    built = fault_names(binaries / "telefact-gateway", "--print-planted-bugs")
    built += fault_names(binaries / "telefact-store", "--print-planted-bugs")
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
                await provocation.act(pair, traffic)
                verdict = await traffic.settle_and_judge()
        if bug:
            assert not verdict.is_green, f"{bug} was not noticed"
        else:
            assert verdict.is_green, verdict.report()

    run(body())
