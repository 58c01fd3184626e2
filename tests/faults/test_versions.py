"""S7, C10, P10: builds of other versions beside this one, on one topic and one database."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.local.servers import Servers
from tests.conftest import ROOT
from tests.e2e.conftest import MakePlan, Run
from tests.faults.database import check_counts, many
from tests.faults.stores import quick
from tests.faults.test_log_identity import alarm
from tests.integration.store_log import Log, applied, connected, environment, rows, wait_applied
from tests.integration.test_replay import Bench as Rebuilt
from tests.integration.test_replay import applied as applied_in
from tests.integration.test_replay import until as reached
from tests.integration.test_replay import varied
from tests.integration.test_store_ingest import Bench
from tests.support.pair import Pair
from tests.support.processes import Service, free_port
from tests.support.traffic import Traffic, TrafficPlan

FOLDER = ROOT / ".cache" / "previous"
SERVICES = ("telefact-gateway", "telefact-store")
GENERATION, MIGRATIONS = "services/store/postgres/generation.h", "services/store/postgres/migrations"
KNOWS = "bool fold_is_known(enum event_kind kind)\n{\n"
KNOWS_NO_MUSIC = KNOWS + "    if (kind == EVENT_MUSIC_EXTRACTED)\n        return false;\n"
NEW_IN_PROJECTION = "aliases,tombstones"  # what the projection of this build has and the one before had otherwise
UNFIT = {
    "missing": ("DROP SCHEMA telefact CASCADE", "is missing: run `telefact-store migrate`"),
    "older": ("DELETE FROM telefact.schema_migrations", "is older than this build: run `telefact-store migrate`"),
    "newer": ("INSERT INTO telefact.schema_migrations VALUES (99, '0099_later.sql', 'x')", "newer"),
    "changed": ("UPDATE telefact.schema_migrations SET checksum = 'x'", "not the one of this build"),
    "of_another_projection": ("UPDATE telefact.generations SET projection_version = 99", "projection version 99"),
}


def git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=True, text=True).stdout


def tables_of(commit: str) -> tuple[list[str], str]:
    """What a build of the commit makes of the database: the projection's version, and the migrations."""
    header = git("show", f"{commit}:{GENERATION}").splitlines()
    version = [line for line in header if line.startswith("#define PROJECTION_VERSION ")]
    return version, git("rev-parse", f"{commit}:{MIGRATIONS}")


def oldest_alike() -> str:
    """The oldest commit whose build runs beside one of HEAD on one database; HEAD itself when none is older."""
    commits = git("rev-list", "--first-parent", "HEAD", "--", GENERATION, MIGRATIONS).split() or ["HEAD"]
    assert tables_of(commits[0])[0] and tables_of(commits[0]) == tables_of("HEAD")
    alike = itertools.takewhile(lambda commit: tables_of(commit) == tables_of("HEAD"), commits)
    return list(alike)[-1]


def newest_of_another_projection() -> str:
    """The latest commit whose build makes other tables of the same log."""
    commits = git("rev-list", "--first-parent", "HEAD", "--", GENERATION, MIGRATIONS).split()
    others = itertools.dropwhile(lambda commit: tables_of(commit)[0] == tables_of("HEAD")[0], commits)
    return next(others)


def unpack(commit: str, folder: Path) -> None:
    """The sources of a commit."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archive = subprocess.run(
        ["git", "archive", commit], cwd=ROOT, capture_output=True, check=True
    ).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)


def build(folder: Path, *services: str) -> Path:
    """Build services there; the folder of their binaries."""
    cache = {"CCACHE_DIR": str(ROOT / ".cache" / "ccache"), "CCACHE_BASEDIR": str(folder)}
    for command in (
        ["cmake", "--preset", "dev"],
        ["cmake", "--build", "build/dev", "-j2", "--target", *services],
    ):
        environment = {**os.environ, **cache}
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return folder / "build" / "dev" / "bin"


def built_once(commit: str) -> Path:
    """Folder with the services of an earlier commit."""
    folder = FOLDER / commit
    built = folder / "build" / "dev" / "bin"
    if not all((built / name).is_file() for name in SERVICES):
        unpack(commit, folder)
        build(folder, *SERVICES)
    return built


@pytest.fixture(scope="session")
def previous() -> Path:
    """The services of an earlier commit with the same tables."""
    return built_once(oldest_alike())


@pytest.fixture(scope="session")
def of_another_projection() -> Path:
    """The services of an earlier commit with other tables."""
    return built_once(newest_of_another_projection())


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """Folder with a store of this commit that does not know MusicExtracted yet."""
    folder = tmp_path / "older"
    unpack("HEAD", folder)
    fold = folder / "services" / "store" / "fold.c"
    text = fold.read_text()
    assert text.count(KNOWS) == 1
    fold.write_text(text.replace(KNOWS, KNOWS_NO_MUSIC))
    return build(folder, "telefact-store")


def change(service: Service, binaries: Path) -> None:
    """Its next start is of this build."""
    service.binary = binaries / service.binary.name


@pytest.mark.timeout(600)
def test_S07_old_and_new_side_by_side_count_alike(
    run: Run, make_plan: MakePlan, previous: Path, binaries: Path
) -> None:
    """One process after another becomes this build's. The first store migrates the database, under a store of the earlier
    build that works on: only at its next start would that one be refused (P10)."""

    async def body() -> None:
        plan = make_plan(gateways=2, stores=2, store_settings=quick())
        plan.binaries = previous
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=309, rate=200)) as traffic:
            await traffic.acked(200, 30)
            for service in (pair.gateways[0], pair.stores[0], pair.gateways[1], pair.stores[1]):
                await service.stop()
                change(service, binaries)
                service.environment["STORE_MIGRATE_ON_START"] = "true"
                await service.start()
                await traffic.acked_more(300, 30)
                if service is pair.stores[0]:
                    older = Path(f"/proc/{pair.stores[1].pid}/exe").resolve()
                    assert older != pair.stores[0].binary.resolve(), "both builds work on the same tables"
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
                await service.start()
            await traffic.acked_more(300, 30)
            verdict = await traffic.settle_and_judge(deadline_s=90)
            assert verdict.is_green, verdict.report()

    run(body())


@pytest.mark.timeout(600)
def test_S07_tables_of_another_projection_are_built_beside_those_of_the_older_build(
    run: Run, servers: Servers, topic_prefix: str, database_url: str, of_another_projection: Path, binaries: Path,
    work_dir: Path
) -> None:
    """The older build's store serves until the swap; then one of this build goes on behind the rebuild's position."""
    log = Log(servers.kafka_bootstrap, topic_prefix)
    before = Rebuilt(log, database_url, of_another_projection, work_dir)
    after = Rebuilt(log, database_url, binaries, work_dir)

    async def body() -> None:
        events = varied(1800)
        log.put(events[:900])
        async with before.store("older") as older:
            with connected(database_url) as database:
                await reached("applied", lambda: applied_in(database, 1) == 900)
                assert run_store(after, "migrate").returncode == 0
                log.put(events[900:1200])
                await reached("applied on a migrated database", lambda: applied_in(database, 1) == 1200)
                code, out = await after.replay("start", "--swap", "--expect-differences", NEW_IN_PROJECTION)
                assert code == 0, after.log_text() + out
                assert rows(database, "SELECT generation FROM telefact.active") == [(2,)]
            assert older.is_running
        log.put(events[1200:])
        async with after.store("newer"):
            with connected(database_url) as database:
                await reached("applied by this build", lambda: applied_in(database, 2) == len(events))
                videos = len({event.event_id for event in events if event.HasField("video_downloaded")})
                assert rows(database, "SELECT count(*) FROM tt.videos") == [(videos,)]
        verified = run_store(after, "verify")
        assert verified.returncode == 0, verified.stdout

    run(body())


def run_store(bench: Rebuilt, *words: str) -> subprocess.CompletedProcess[str]:
    settings = environment(bench.log, bench.url, free_port())
    return subprocess.run(
        [bench.binaries / "telefact-store", *words], env=settings, capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def bench(servers: Servers, topic_prefix: str, database_url: str, binaries: Path, work_dir: Path) -> Bench:
    return Bench(Log(servers.kafka_bootstrap, topic_prefix), database_url, binaries, work_dir)


@pytest.mark.timeout(600)
def test_C10_an_upgrade_goes_on_where_the_older_build_stopped(run: Run, bench: Bench, older: Path) -> None:
    """To the older store one kind of event is of a newer version, in all partitions."""

    async def body() -> None:
        events = many(600)
        bench.log.put(events)
        before = Bench(bench.log, bench.url, older, bench.work_dir)
        store = before.store()
        await store.spawn()
        await alarm(before, store, "unknown_payload", 4)
        with connected(bench.url) as database:
            assert applied(database) < len(events)
            assert rows(database, "SELECT count(*) FROM g1.music") == [(0,)]
        assert "upgrade telefact-store" in bench.log_text()
        assert await store.stop() == 0
        async with bench.running(name="upgraded"):
            with connected(bench.url) as database:
                wait_applied(database, len(events))
                check_counts(database, events)
                assert rows(database, "SELECT count(*) FROM telefact.dead_letters") == [(0,)]

    run(body())


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", UNFIT)
def test_P10_a_store_does_not_start_on_a_schema_that_does_not_fit(run: Run, bench: Bench, fault: str) -> None:
    change, says = UNFIT[fault]

    async def body() -> None:
        async with bench.running():
            pass
        bench.log.put(many(100))
        with connected(bench.url) as database:
            database.execute(change)  # type: ignore[arg-type]
        store = bench.store(name="refused", STORE_MIGRATE_ON_START="false", STORE_ROLES="ingest,rpc")
        await store.spawn()
        assert await store.wait(60) == 1
        assert says in bench.log_text("refused")
        with connected(bench.url) as database:
            assert rows(database, "SELECT coalesce(sum(next_offset), 0) FROM g1.fence") == [(0,)], "nothing was applied"

    run(body())
