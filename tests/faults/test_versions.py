"""S7: the build before and this one side by side, on one topic and one database."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.e2e.conftest import MakePlan, Run
from tests.faults.stores import quick
from tests.support.pair import Pair
from tests.support.processes import Service
from tests.support.traffic import Traffic, TrafficPlan

PREVIOUS = "91a3c40"  # the last commit with one way in and one store; later: the last release
FOLDER = ROOT / ".cache" / "previous"
SERVICES = ("telefact-gateway", "telefact-store")


@pytest.fixture(scope="session")
def previous() -> Path:
    """Folder with the services of the earlier commit, built once."""
    folder = FOLDER / PREVIOUS
    built = folder / "build" / "dev" / "bin"
    if all((built / name).is_file() for name in SERVICES):
        return built
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archive = subprocess.run(
        ["git", "archive", PREVIOUS], cwd=ROOT, capture_output=True, check=True
    ).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
    environment = {**os.environ, "CCACHE_DIR": str(ROOT / ".cache" / "ccache")}
    for command in (
        ["cmake", "--preset", "dev"],
        ["cmake", "--build", "build/dev", "-j2", "--target", *SERVICES],
    ):
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return built


def change(service: Service, binaries: Path) -> None:
    """Its next start is of this build."""
    service.binary = binaries / service.binary.name


@pytest.mark.timeout(600)
def test_S07_old_and_new_side_by_side_count_alike(
    run: Run, make_plan: MakePlan, previous: Path, binaries: Path
) -> None:
    """Half of each service is of the earlier build; then the halves are changed, one process after another."""

    async def body() -> None:
        plan = make_plan(gateways=2, stores=2, store_settings=quick())
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=309, rate=200)) as traffic:
            await traffic.acked(200, 30)
            for old, new in ((0, 1), (1, 0)):
                for number, folder in ((old, previous), (new, binaries)):
                    for service in (pair.gateways[number], pair.stores[number]):
                        await service.stop()
                        change(service, folder)
                        await service.start(30)
                await traffic.acked_more(500, 30)
                for service in pair.services:
                    running = Path(f"/proc/{service.pid}/exe").resolve()
                    assert running == service.binary.resolve()
                assert len({service.binary.parent for service in pair.stores}) == 2
            for service in pair.services:
                await service.stop()
                change(service, binaries)
                await service.start(30)
            verdict = await traffic.settle_and_judge(deadline_s=90)
            assert verdict.is_green, verdict.report()

    run(body())


def test_S07_a_topic_and_a_database_of_the_build_before_serve_this_one(
    run: Run, make_plan: MakePlan, previous: Path, binaries: Path
) -> None:
    async def body() -> None:
        plan = make_plan(gateways=1, store_settings=quick())
        plan.binaries = previous
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=310, rate=200)) as traffic:
            await traffic.acked(500, 30)
            for service in pair.services:
                await service.stop()
                change(service, binaries)
                service.environment["STORE_MIGRATE_ON_START"] = "true"
                await service.start(30)
            await traffic.acked_more(300, 30)
            verdict = await traffic.settle_and_judge(deadline_s=90)
            assert verdict.is_green, verdict.report()

    run(body())
