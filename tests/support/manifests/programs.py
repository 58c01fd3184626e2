"""The real programs with the environment and the files that a pod would give them."""

from __future__ import annotations

import functools
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.manifests.objects import Manifest, Workload

SecretText = Callable[[str, str], str]
"""(Secret, key) → its text; KeyError: it will not be there."""

NOBODY = "127.0.0.1:1"
"""Where no server is."""
_ROW = re.compile(r"^\| `([A-Z_]+)`(?: \(or `([A-Z_]+)`\))? \| (.*?) \|", re.MULTILINE)
_LIBPQ = frozenset({"PGSSLMODE", "PGSSLROOTCERT"})


@dataclass(frozen=True, slots=True)
class Names:
    """The settings that a program knows, by its own --print-settings."""

    plain: frozenset[str]
    secret: frozenset[str]

    def knows(self, name: str) -> bool:
        passed = re.fullmatch(r"(GATEWAY|STORE)_KAFKA_[A-Z0-9_]+", name)
        return name in self.plain or name.removesuffix("_FILE") in self.secret or passed is not None


@functools.cache
def names_of(binary: Path) -> Names:
    ended = subprocess.run([str(binary), "--print-settings"], capture_output=True, text=True, check=True)
    rows = _ROW.findall(ended.stdout)
    known = {name for row in rows for name in row[:2] if name}
    return Names(frozenset(known), frozenset(row[0] for row in rows if row[2].startswith("secret")))


def name_faults(manifest: Manifest, binaries: Path) -> Iterator[str]:
    """Every variable is one that its program knows; in what several share, one of the programs does."""
    for workload in manifest.workloads():
        names = names_of(binaries / workload.program)
        for name in manifest.environment(workload).keys() - _LIBPQ:
            if not names.knows(name):
                yield f"{workload.name}: {workload.program} knows no {name}"
            elif name in names.secret:
                yield f"{workload.name}: {name} is a secret, and {name}_FILE is its file"


class Files:
    """A pod's mounted files, below a folder of one's own."""

    def __init__(self, folder: Path, text_of: SecretText) -> None:
        self._folder = folder
        self._text_of = text_of

    def mount(self, workload: Workload) -> Iterator[str]:
        """Write them; yields what cannot be there."""
        for mount in workload.container.get("volumeMounts", []):
            volume = workload.volume(mount["name"]) or {}
            sources = volume.get("projected", {}).get("sources", [])
            if "secret" in volume:
                sources = [{"secret": {**volume["secret"], "name": volume["secret"]["secretName"]}}]
            target = self._inside(mount["mountPath"])
            target.mkdir(parents=True, exist_ok=True)
            for source in sources:
                for item in source["secret"]["items"]:
                    try:
                        (target / item["path"]).write_text(self._text_of(source["secret"]["name"], item["key"]))
                    except KeyError:
                        yield f"{workload.name}: no {item['key']} in the Secret {source['secret']['name']}"

    def moved(self, workload: Workload, environment: Mapping[str, str]) -> dict[str, str]:
        """The environment with the paths of mounted files as they are here."""
        roots = [mount["mountPath"] for mount in workload.container.get("volumeMounts", [])]
        found = {}
        for name, value in environment.items():
            is_mounted = any(value.startswith(f"{root}/") for root in roots)
            found[name] = str(self._inside(value)) if is_mounted else value
        return found

    def _inside(self, path: str) -> Path:
        return self._folder / path.removeprefix("/")


def config_faults(manifest: Manifest, binaries: Path, folder: Path, text_of: SecretText) -> Iterator[str]:
    """Ask each workload's program whether it would take its environment and files."""
    for workload in manifest.workloads():
        files = Files(folder / workload.name, text_of)
        yield from files.mount(workload)
        environment = files.moved(workload, manifest.environment(workload))
        ended = _ask(binaries / workload.program, workload, environment)
        if ended.returncode != 0:
            yield f"{workload.name}: {workload.program} ends with {ended.returncode}: {ended.stderr.strip()}"


def _ask(binary: Path, workload: Workload, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """--check-config looks at what `run` needs. Other commands need less, and are asked for their own usage's sake."""
    environment = without_servers(environment)
    if workload.component == "topics":  # needs neither secret nor token
        environment = {**environment, "GATEWAY_ROLES": "publish", "GATEWAY_BOT_ID": "1"}
    if workload.component == "migrate":  # has no role of its own
        environment = {**environment, "STORE_ROLES": "rpc"}
    command = [str(binary), "--check-config"]
    return subprocess.run(command, capture_output=True, text=True, env=dict(environment), timeout=60)


def without_servers(environment: Mapping[str, str]) -> dict[str, str]:
    """Nobody is asked who is not of this machine."""
    found = dict(environment)
    for name in environment:
        if name.endswith("_KAFKA_BOOTSTRAP_SERVERS"):
            found[name] = NOBODY
    if any(name.startswith("GATEWAY_") for name in found):
        found["GATEWAY_API_BASE_URL"] = f"http://{NOBODY}"
    return found
