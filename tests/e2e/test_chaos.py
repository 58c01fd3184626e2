"""A short round of ./dev chaos with faults of its own choice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from deploy.local.servers import Servers
from tests.chaos.bench import ACTS
from tests.chaos.play import Round, play
from tests.chaos.schedule import BOTH, KINDS, Fault, Shape, family_of, schedule, shape_of

SHORT_S = 14.0
SHAPE = Shape(gateways=2, stores=2, partitions=4, rate=150.0, intake=BOTH)
FAULTS = [
    Fault(1.5, "kill", "gateway0", 0.5),
    Fault(2.0, "cut commit", "network.postgres", 3.0, "down 3"),
    Fault(3.0, "poison", "log", 2.0),
    Fault(4.0, "switch", "telegram", 0.1, "Telegram first"),
    Fault(5.0, "stop", "kafka0", 2.0),
    Fault(6.0, "crash", "store1", 5.0, "store.fenced"),
    Fault(7.0, "end sessions", "postgres", 0.0),
    Fault(8.0, "answer", "telegram", 1.0, "truncated 1"),
    Fault(8.5, "hold", "network.kafka0", 1.5, "down"),
    Fault(9.0, "terminate", "gateway1", 0.3),
    Fault(11.0, "kill", "postgres", 1.0),
    Fault(12.0, "switch", "telegram", 0.1, "Telegram first"),
]


@pytest.mark.timeout(240)
def test_a_short_round_of_chaos_shows_no_difference(binaries: Path, work_dir: Path) -> None:
    said: list[str] = []
    result = asyncio.run(play(Round(7, SHAPE, FAULTS, SHORT_S), binaries, work_dir, said.append))
    Servers(work_dir / "servers").stop()
    assert (result.trouble, result.wrong) == ("", [])
    happened = {
        "gateway kill",
        "gateway terminate",
        "kafka stop",
        "postgres kill",
        "network.kafka hold",
        "log poison",
        "telegram switch",
        "telegram answer",
    }
    assert happened <= result.done.keys(), said
    assert result.acked > 500


def test_a_schedule_follows_from_its_seed_alone() -> None:
    shape = shape_of(5)
    assert schedule(5, 60, shape) == schedule(5, 60, shape)
    assert schedule(5, 60, shape) != schedule(6, 60, shape)


def test_every_kind_of_fault_comes_up_and_can_be_done() -> None:
    assert {family: acts.keys() for family, acts in ACTS.items()} == KINDS
    drawn = {
        (family_of(fault.target), fault.kind)
        for seed in range(300)
        for fault in schedule(seed, 60, shape_of(seed))
    }
    assert drawn == {(family, kind) for family, kinds in KINDS.items() for kind in kinds}
