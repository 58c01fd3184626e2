"""Fixtures of the end-to-end tests: the real pair on real servers, judged by the oracle."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local.servers import Servers
from tests.support.pair import PairPlan
from tests.support.processes import Service

Run = Callable[[Coroutine[Any, Any, None]], None]
MakePlan = Callable[..., PairPlan]


@pytest.fixture
def run() -> Run:
    """Runs the asynchronous body of a test."""
    return asyncio.run


@pytest.fixture
def make_plan(servers: Servers, binaries: Path, work_dir: Path, name: str) -> MakePlan:
    """Plans of pairs on the shared servers; each one has topics and a database of its own."""
    return _plans(servers, binaries, work_dir, name)


@pytest.fixture(scope="module")
def hurt_servers() -> Iterator[Servers]:
    """Servers for the tests of one module that stop and kill them."""
    from tests.conftest import running_servers

    with running_servers("hurt") as servers:
        yield servers


@pytest.fixture
def make_hurt_plan(hurt_servers: Servers, binaries: Path, work_dir: Path, name: str) -> MakePlan:
    """As make_plan, on the servers that may be hurt."""
    return _plans(hurt_servers, binaries, work_dir, name)


def _plans(servers: Servers, binaries: Path, work_dir: Path, name: str) -> MakePlan:
    numbers = itertools.count(1)

    def make(**options: Any) -> PairPlan:
        number = next(numbers)
        return PairPlan(servers, binaries, work_dir / str(number), f"{name}_{number}", **options)

    return make


def fault_points(binary: Path) -> list[str]:
    """The names of a test build's crash points."""
    return _printed(binary, "--print-fault-points")


def planted_bugs(binary: Path) -> list[str]:
    """The names of the bugs that a test build can switch on."""
    return _printed(binary, "--print-planted-bugs")


def _printed(binary: Path, option: str) -> list[str]:
    printed = subprocess.run([binary, option], capture_output=True, text=True, check=True, timeout=10).stdout
    return printed.split()


async def wait_not_ready(service: Service, deadline_s: float) -> None:
    """Wait until /readyz stops answering 200."""
    deadline = time.monotonic() + deadline_s
    while await service.is_ready():
        assert time.monotonic() < deadline, f"{service.name} stays ready"
        await asyncio.sleep(0.1)
