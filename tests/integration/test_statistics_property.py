"""Random histories through a real store: every statistic is what a recount, a scan and a second model say.

A few dozen of them; `./dev property` plays as many as there is time for.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.servers import Servers
from tests.property.bench import Bench, Outcome
from tests.property.bugs import BUGS
from tests.property.histories import show

HISTORIES = 24
PROVOCATIONS_MAX = 60


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for the processes of all tests here."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def bench(
    servers: Servers, binaries: Path, tmp_path_factory: pytest.TempPathFactory, runner: asyncio.Runner
) -> Iterator[Bench]:
    """A log, a database and a store, through which all histories go."""
    bench = Bench(servers.kafka_bootstrap, servers.create_database("t_statistics_property"), "statistics_property")
    runner.run(bench.open(binaries, tmp_path_factory.mktemp("statistics")))
    yield bench
    runner.run(bench.close())


def report(outcome: Outcome) -> str:
    """What differs, and the history it takes."""
    replay = f"replay: ./dev property --only {outcome.seed}"
    return "\n".join((*outcome.differences.lines(), *show(outcome.events), replay))


def test_every_statistic_of_random_histories_is_exact(bench: Bench, runner: asyncio.Runner) -> None:
    async def play() -> tuple[int, int]:
        questions = kills = 0
        for number in range(HISTORIES):
            if number in (0, HISTORIES // 2):
                await bench.restart(random.Random(number))
            outcome = await bench.play(f"7:{number}")
            assert not outcome.differences, report(outcome)
            questions, kills = questions + outcome.questions, kills + outcome.kills
        return questions, kills

    questions, kills = runner.run(play())
    assert questions > 100 * HISTORIES
    assert kills > 0


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_seen(bench: Bench, runner: asyncio.Runner, bug: str) -> None:
    async def play() -> set[str]:
        """Kinds of difference, until those of the bug are among them."""
        await bench.restart(random.Random(bug), planted=bug)
        found: set[str] = set()
        for number in range(BUGS[bug].first, BUGS[bug].first + PROVOCATIONS_MAX):
            outcome = await bench.play(f"{bug}:{number}")
            found |= set(outcome.differences.counts)
            if not missed(found):
                break
        return found

    def missed(found: set[str]) -> list[str]:
        return [kind for kind in BUGS[bug].kinds if not any(re.fullmatch(kind, each) for each in found)]

    found = runner.run(play())
    assert not missed(found), f"{bug} made no difference of the kinds {missed(found)}, but {sorted(found)}"
