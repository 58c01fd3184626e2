"""Fixtures of all Python tests: servers for the whole session, names and folders of one's own for each test."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from deploy.local.kafka import Guard
from deploy.local.servers import Servers
from tests.support import canaries

ROOT = Path(__file__).resolve().parents[1]
_numbers = itertools.count(1)
_has_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember a failure, so that fixtures can keep what explains it."""
    report = yield
    if report.failed:
        item.stash[_has_failed] = True
    return report


def _temporary(what: str) -> Path:
    # Not below the repository: PostgreSQL's user must be able to enter, and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix=f"telefact-{what}."))
    folder.chmod(0o755)
    return folder


def pytest_configure() -> None:
    canaries.watch_channels()


@pytest.fixture(autouse=True)
def no_canary_came_out() -> Iterator[None]:
    """What was noted while a test ran fails it."""
    yield
    canaries.report(canaries.take())


@pytest.fixture(scope="session", autouse=True)
def no_canary_was_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Set up first, so searched last: what the session's servers held, and logs of longer lives than a test."""
    yield
    canaries.note(canaries.in_files(tmp_path_factory.getbasetemp()))
    canaries.report(canaries.take())


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """After the plugins have written their files: these hold no canary either."""
    yield
    path = session.config.getoption("xmlpath", None)
    found = canaries.find("file", Path(path).read_bytes(), path) if path and Path(path).exists() else []
    if found:
        print("\n".join(str(finding) for finding in found))
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def binaries() -> Iterator[Path]:
    """Folder with copies of the services' test builds, which a build meanwhile does not touch.

    TELEFACT_BUILD names another folder to copy them from.
    """
    source = Path(os.environ.get("TELEFACT_BUILD") or ROOT / "build" / "dev" / "bin")
    folder = _temporary("binaries")
    for name in ("telefact-gateway", "telefact-store"):
        if not (source / name).is_file():
            pytest.fail(f"{source / name} is missing: run ./dev build dev")
        shutil.copy2(source / name, folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running_servers(what: str, brokers: int = 1, guard: Guard | None = None) -> Iterator[Servers]:
    """Kafka brokers and a PostgreSQL with their own folder."""
    folder = _temporary(what)
    servers = Servers(folder)
    try:
        servers.start(brokers=brokers, guard=guard)
        canaries.add_password(servers.postgres.state["password"])
        yield servers
        canaries.note(canaries.in_servers(servers))
    finally:
        servers.kill_kafka()  # its data goes anyway, and an orderly end takes seconds
        servers.kill_postgres()
        servers.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """One Kafka broker and one PostgreSQL, shared by tests that do not hurt them."""
    with running_servers("servers") as servers:
        yield servers


@pytest.fixture
def own_servers() -> Iterator[Servers]:
    """Servers for one test, which may stop and kill them."""
    with running_servers("own-servers") as servers:
        yield servers


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name for topics and a database that no other test of this session has."""
    plain = re.sub(r"[^a-z0-9]+", "_", request.node.name.lower()).strip("_")
    return f"{plain[:30]}_{next(_numbers)}"


@pytest.fixture
def work_dir(request: pytest.FixtureRequest, name: str) -> Iterator[Path]:
    """A folder for logs. It stays when the test fails; its name is printed."""
    folder = _temporary(name)
    yield folder
    canaries.note(canaries.in_files(folder))
    if request.node.stash.get(_has_failed, False):
        print(f"logs of {request.node.name}: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database_url(servers: Servers, name: str) -> str:
    """A new, empty database."""
    return servers.create_database(f"t_{name}")


@pytest.fixture
def topic_prefix(name: str) -> str:
    """A prefix of topics that do not exist yet."""
    return f"t.{name}"
