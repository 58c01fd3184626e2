"""Runs the commands of a page: its `sh` blocks, in order, in one shell.

A `text` block right behind an `sh` block is what the commands print; `…` stands for anything.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```sh\n((?:(?!^```).)*)^```\n(?:^```text\n((?:(?!^```).)*)^```\n)?", re.S | re.M)
_MARK = "-- end of a block --"
_TIMEOUT_S = 600


@dataclass(frozen=True, slots=True)
class Block:
    """Commands, and what they print when the page tells."""

    commands: str
    prints: str | None

    @property
    def first(self) -> str:
        """The line that names it."""
        return self.commands.splitlines()[0]


def blocks(page: str, section: str = "") -> list[Block]:
    """Of docs/<page>, or of one of its sections of the second level."""
    text = (ROOT / "docs" / page).read_text()
    if section:
        begin = text.index(f"\n## {section}\n")
        end = text.find("\n## ", begin + 1)
        text = text[begin : end if end >= 0 else len(text)]
    return [Block(commands, prints or None) for commands, prints in _BLOCK.findall(text)]


class Names:
    """Names and addresses of the pages as they are here."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        longest_first = sorted(names, key=len, reverse=True)
        self._any = re.compile("|".join(re.escape(name) for name in longest_first) or "(?!)")

    def __call__(self, text: str) -> str:
        return self._any.sub(lambda found: self._names[found[0]], text)


def run(found: Sequence[Block], here: Names, folder: Path, environment: Mapping[str, str]) -> list[str]:
    """What each block printed; AssertionError when one fails. Jobs that the commands leave behind are ended."""
    lines = ["set -euo pipefail", "exec 2>&1", "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT"]
    for block in found:
        lines += [here(block.commands), f"echo '{_MARK}'"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "STORE_", "PG"))}
    done = subprocess.run(["bash", "-c", "\n".join(lines)], cwd=folder, env=inherited | dict(environment), check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=_TIMEOUT_S)
    printed = done.stdout.split(f"{_MARK}\n")
    if done.returncode != 0:
        raise AssertionError(f"{found[len(printed) - 1].commands}ended with {done.returncode}\n{printed[-1]}")
    return printed[:-1]


def differences(found: Sequence[Block], printed: Sequence[str]) -> list[str]:
    """Blocks that print something else than the page tells."""
    return [f"{block.commands}prints\n{real}instead of\n{block.prints}"
            for block, real in zip(found, printed, strict=True)
            if block.prints is not None and not _is_like(block.prints, real)]


def _is_like(told: str, real: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in told.strip().split("…"))
    return re.fullmatch(pattern, real.strip(), re.S) is not None
