"""Builds the preload shim and gives a service its wishes."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.processes import Service

SOURCE = Path(__file__).resolve().parents[1] / "support" / "shims" / "torture.c"


def build(folder: Path) -> Path:
    """The shim as a shared object in the folder."""
    shim = folder / "torture.so"
    folder.mkdir(parents=True, exist_ok=True)
    flags = ["-std=gnu17", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, "-o", shim, SOURCE, "-ldl"], check=True)
    return shim


class Tortured:
    """Inside, the service's next start has the shim and these wishes."""

    def __init__(self, service: Service, shim: Path, **wishes: str) -> None:
        self.service, self.log = service, shim.with_name(f"torture.{service.name}.log")
        self.wishes = {"LD_PRELOAD": str(shim), "TORTURE_LOG": str(self.log), **wishes}

    def __enter__(self) -> Tortured:
        self.log.unlink(missing_ok=True)
        self.service.environment.update(self.wishes)
        return self

    def __exit__(self, *exc: object) -> None:
        for name in self.wishes:
            del self.service.environment[name]

    @property
    def happened(self) -> str:
        """What the shim did first; empty: nothing."""
        return self.log.read_text() if self.log.exists() else ""
