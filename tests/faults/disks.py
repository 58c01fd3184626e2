"""Small disks that can be filled. They are mounted, which needs root."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")


@contextlib.contextmanager
def small_disk(mib: int, owner: str = "") -> Iterator[Path]:
    """A tmpfs; the owner is a user who can enter it."""
    folder = Path(tempfile.mkdtemp(prefix="telefact-disk."))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", folder], check=True)
    try:
        folder.chmod(0o755)
        if owner:
            shutil.chown(folder, owner, owner)
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


def fill(disk: Path) -> Path:
    """Take all room that is left; the file to remove when there is to be room again."""
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as out:
        while True:
            out.write(bytes(4096))
    return ballast
