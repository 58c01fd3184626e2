"""A real control group with a memory limit: above it the kernel kills. Made by root, version 1 or 2."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

_V1 = Path("/sys/fs/cgroup/memory")
_V2 = Path("/sys/fs/cgroup")
_STEP_BYTES = 256 << 10


def _root() -> Path | None:
    for root, limit in ((_V1, "memory.limit_in_bytes"), (_V2, "cgroup.subtree_control")):
        is_there = (root / limit).exists() and os.access(root, os.W_OK)
        if is_there and (root == _V1 or "memory" in (root / limit).read_text()):
            return root
    return None


needs_groups = pytest.mark.skipif(_root() is None, reason="no right to make a control group for memory")


class MemoryGroup:
    """Use it as a context manager, around the life of what is added to it."""

    def __init__(self, name: str) -> None:
        root = _root()
        assert root is not None
        self._is_v1 = root == _V1
        self._folder = root / f"telefact-{os.getpid()}-{name}"

    def __enter__(self) -> MemoryGroup:
        self._folder.mkdir()
        return self

    def __exit__(self, *exc: object) -> None:
        self._folder.rmdir()

    def add(self, pid: int) -> None:
        """What the process takes from now on is counted here."""
        (self._folder / "cgroup.procs").write_text(str(pid))

    @property
    def usage(self) -> int:
        """Bytes that are charged now."""
        name = "memory.usage_in_bytes" if self._is_v1 else "memory.current"
        return int((self._folder / name).read_text())

    @property
    def kills(self) -> int:
        """How often the kernel killed here."""
        name = "memory.oom_control" if self._is_v1 else "memory.events"
        counts = dict(line.split() for line in (self._folder / name).read_text().splitlines())
        return int(counts["oom_kill"])

    def tighten(self) -> None:
        """Allow a little less than is used now. A limit that the kernel does not take for now stays as it was."""
        name = "memory.limit_in_bytes" if self._is_v1 else "memory.max"
        with contextlib.suppress(OSError):
            (self._folder / name).write_text(str(max(self.usage - _STEP_BYTES, _STEP_BYTES)))
