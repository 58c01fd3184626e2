"""The pages for people who run telefact: every command of them is run here, or is named with the reason why it is not.

The systemd set-up runs without systemd: tests/support/systemctl.py starts the programs as the units say.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.servers import Servers
from tests.support import canaries, pages
from tests.support.canary import TOKEN
from tests.support.pages import ROOT, Block, Names
from tests.support.processes import free_port
from tests.support.telegram import FakeTelegram

NOT_HERE = {
    "quick-start.md": {
        "./dev setup && ./dev build release": "installs and builds; ./dev test has begun with it, and its servers run",
        "./dev down": "ends the servers that ./dev up started",
        "kubectl create namespace telefact-dev": "needs a cluster; ./dev certify runs what the manifests render",
    },
    "operations.md": {},
    "releases.md": {},
    "troubleshooting.md": {},
}
URL = "postgresql://telefact:password@db.example/telefact?sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt"
LISTENERS = ("8080", "9090", "9091", "9100", "9101", "9102")


def run_here(page: str, section: str = "") -> list[Block]:
    return [block for block in pages.blocks(page, section) if block.first not in NOT_HERE[page]]


@dataclass(frozen=True, slots=True)
class Ground:
    """A folder that looks like the repository to a shell, and the names of the pages as they are here."""

    folder: Path
    names: dict[str, str]
    environment: dict[str, str]

    def run(self, found: list[Block]) -> None:
        printed = pages.run(found, Names(self.names), self.folder, self.environment)
        for text in printed:
            canaries.look("output", text.encode(), "of a page's commands")
        wrong = pages.differences(found, printed)
        assert not wrong, "\n".join(wrong)


@pytest.fixture
def ground(servers: Servers, binaries: Path, topic_prefix: str) -> Iterator[Ground]:
    """Its secrets are files, as the pages want it, so it is no folder that is searched for them."""
    with tempfile.TemporaryDirectory(prefix="telefact-pages.") as name:
        folder = Path(name)
        (folder / "build" / "release").mkdir(parents=True)
        (folder / "build" / "release" / "bin").symlink_to(binaries)
        for shared in ("proto", ".cache"):
            (folder / shared).symlink_to(ROOT / shared)
        ports = {f"127.0.0.1:{port}": f"127.0.0.1:{free_port()}" for port in LISTENERS}
        tools = ROOT / ".cache" / "tools" / "bin"
        yield Ground(folder, ports | {"kafka.example:9092": servers.kafka_bootstrap, "TOPIC_PREFIX=telefact":
                                      f"TOPIC_PREFIX={topic_prefix}"}, {"PATH": f"{tools}:{os.environ['PATH']}"})


def test_the_quick_start_on_ones_own_machine(ground: Ground, servers: Servers, database_url: str, topic_prefix: str) -> None:
    ports = ground.names
    ground.environment.update({
        "GATEWAY_KAFKA_BOOTSTRAP_SERVERS": servers.kafka_bootstrap, "GATEWAY_TOPIC_PREFIX": topic_prefix,
        "GATEWAY_WEBHOOK_LISTEN": ports["127.0.0.1:8080"], "GATEWAY_RPC_LISTEN": ports["127.0.0.1:9090"],
        "GATEWAY_ADMIN_LISTEN": ports["127.0.0.1:9100"], "STORE_KAFKA_BOOTSTRAP_SERVERS": servers.kafka_bootstrap,
        "STORE_TOPIC_PREFIX": topic_prefix, "STORE_KAFKA_GROUP_ID": f"{topic_prefix}.store",
        "STORE_DATABASE_URL": database_url, "STORE_RPC_LISTEN": ports["127.0.0.1:9091"],
        "STORE_ADMIN_LISTEN": ports["127.0.0.1:9101"],
    })
    ground.run(run_here("quick-start.md", "Your own machine"))


@pytest.fixture
def machine(ground: Ground, servers: Servers, database_url: str, topic_prefix: str, work_dir: Path) -> Iterator[Ground]:
    """A machine with systemd, whose /etc, /usr/local/bin and /root are folders here."""
    folder, database = ground.folder, database_url.rsplit("/", 1)[1]
    local_bin, systemd = folder / "usr" / "local" / "bin", folder / "systemd"
    ground.names.update({
        "/etc/telefact": f"{folder}/etc/telefact", "/etc/systemd": f"{folder}/etc/systemd", "/root/": f"{folder}/",
        "/usr/local/bin": str(local_bin), URL: f"{database_url}?sslmode=prefer", "123456789:your-bots-token": TOKEN,
        "GROUP_ID=telefact-store-g1": f"GROUP_ID={topic_prefix}.store", "FACTOR=3": "FACTOR=1",
        "https://bot.example.com/telegram": f"http://{ground.names['127.0.0.1:8080']}/telegram",  # no TLS proxy here
        "/telefact?": f"/{database}?", "telefact_restored": f"{database}_restored",
    })
    systemd.mkdir()
    (systemd / "log").symlink_to(work_dir)
    (systemd / "units").symlink_to(folder / "etc" / "systemd" / "system")
    _write_commands(folder / "commands")
    ground.environment.update({
        "PATH": f"{folder / 'commands'}:{local_bin}:{ground.environment['PATH']}", "SYSTEMD_HOME": str(systemd),
        "ADMIN_URL": servers.admin_dsn,
    })
    yield ground
    subprocess.run([folder / "commands" / "systemctl", "stop-all"], check=True, env=os.environ | ground.environment)


def _write_commands(folder: Path) -> None:
    folder.mkdir()
    for name, first in (("systemctl", ""), ("journalctl", "journal ")):
        command = folder / name
        command.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT / "tests/support/systemctl.py"} {first}"$@"\n')
        command.chmod(0o755)


def _copy_units(machine: Ground, more: Mapping[str, str]) -> None:
    here = Names(machine.names)
    folder = machine.folder / "deploy" / "systemd"
    folder.mkdir(parents=True)
    for path in (ROOT / "deploy" / "systemd").iterdir():
        (folder / path.name).write_text(here(path.read_text()) + more.get(path.name, ""))


def test_systemd_operations_and_troubleshooting(machine: Ground) -> None:
    async def whole() -> None:
        async with FakeTelegram(token=TOKEN) as telegram:
            _copy_units(machine, {"gateway.env": f"GATEWAY_API_BASE_URL={telegram.api_url}\n"})
            found = [*run_here("quick-start.md", "Debian with systemd"), *run_here("operations.md"),
                     *run_here("troubleshooting.md")]
            await asyncio.to_thread(machine.run, found)

    asyncio.run(whole())


def test_what_the_page_on_releases_asks(ground: Ground) -> None:
    ground.environment["PATH"] = f"{ground.folder}/build/release/bin:{ground.environment['PATH']}"
    ground.run(run_here("releases.md"))


@pytest.mark.parametrize("page", NOT_HERE)
def test_what_is_not_run_is_on_the_page(page: str) -> None:
    assert NOT_HERE[page].keys() <= {block.first for block in pages.blocks(page)}


def test_what_kubectl_would_apply_is_there() -> None:
    (commands,) = (block.commands for block in pages.blocks("quick-start.md", "Kubernetes"))
    folders = re.findall(r" -k (\S+)", commands)
    assert folders and all((ROOT / folder / "kustomization.yaml").is_file() for folder in folders)
    namespace = re.search(r"create namespace (\S+)", commands)
    assert namespace and f"namespace: {namespace[1]}\n" in (ROOT / folders[0] / "kustomization.yaml").read_text()
