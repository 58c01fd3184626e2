"""A short round of ./dev chaos with a fixed seed."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from deploy.local.servers import Servers
from tests.chaos.bench import behind_proxies
from tests.chaos.play import Stage, play
from tests.chaos.schedule import Fault, Shape, schedule, shape_of

SHORT_S = 13.0
SHAPE = Shape(gateways=2, stores=2, partitions=4, rate=150.0)
FAULTS = [
    Fault(1.5, "kill", "gateway0", 0.5),
    Fault(2.0, "cut commit", "network.postgres", 3.0, "down 3"),
    Fault(3.0, "poison", "log", 0.0),
    Fault(4.0, "stop", "kafka", 2.0),
    Fault(6.0, "crash", "store1", 5.0, "store.fenced"),
    Fault(7.0, "end sessions", "postgres", 0.0),
    Fault(8.5, "hold", "network.kafka", 1.5, "down"),
    Fault(9.0, "terminate", "gateway1", 0.3),
    Fault(11.0, "kill", "postgres", 1.0),
]


@pytest.mark.timeout(150)
def test_a_short_round_of_chaos_shows_no_difference(binaries: Path, work_dir: Path) -> None:
    said: list[str] = []
    servers = Servers(work_dir / "servers")
    with contextlib.ExitStack() as stack:
        stack.callback(servers.stop)
        stack.callback(servers.kill_postgres)
        stack.callback(servers.kill_kafka)
        proxies = stack.enter_context(behind_proxies(servers))
        stage = Stage(servers, proxies, binaries, work_dir)
        result = asyncio.run(play(stage, 7, SHAPE, FAULTS, SHORT_S, said.append))
    assert result.wrong == []
    assert len(said) == len(FAULTS)
    assert {
        "gateway kill",
        "kafka stop",
        "postgres kill",
        "network.kafka hold",
        "log poison",
    } <= result.done.keys()
    assert result.acked > 500


def test_a_schedule_follows_from_its_seed_alone() -> None:
    shape = shape_of(5)
    assert schedule(5, 60, shape) == schedule(5, 60, shape)
    assert schedule(5, 60, shape) != schedule(6, 60, shape)
    kinds = {
        (fault.target.rstrip("012"), fault.kind)
        for seed in range(200)
        for fault in schedule(seed, 60, SHAPE)
    }
    assert len(kinds) == 25, "every kind of fault comes up"
