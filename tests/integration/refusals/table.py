"""What a row of the table is, and how it is held against a process.

A row says what is given, and what comes of it: what the caller sees, and the code. The rest is the same for all: exactly
that code's count goes up, by one, and its line stands in the log.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import canaries
from tests.support.gateway import until

_SAMPLE = re.compile(r'refusals_total\{where="(\w+)",code="(\w+)"\}')
_LINE = re.compile(r" where=(\w+) code=(\w+) .*?(?:suppressed=(\d+))?$", re.M)
_SOON_S = 15.0

Code = tuple[str, str]
"""Where it is refused, and the code."""


@dataclass(frozen=True, slots=True)
class Row:
    """One input that is refused.

    provoke  gives the input to a bench; returns what the caller saw, as a text
    answer   how that text begins
    """

    where: str
    code: str
    given: str
    answer: str
    provoke: Callable[[Any], str]

    @property
    def key(self) -> Code:
        return self.where, self.code

    def __str__(self) -> str:
        return f"{self.where}-{self.code}-{self.given}".replace(" ", "_")


def codes(rows: Iterable[Row]) -> set[Code]:
    """The codes of these rows."""
    return {row.key for row in rows}


def counts(samples: Mapping[str, float]) -> dict[Code, int]:
    """Every code that a process knows, and how often it refused for that."""
    found = {}
    for name, value in samples.items():
        match = _SAMPLE.fullmatch(name)
        if match:
            found[match[1], match[2]] = int(value)
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """A line of the log about a refusal."""

    key: Code
    suppressed: int
    text: str


class Process:
    """What a process has told and counted so far.

    metrics  reads its samples
    log      its log file
    """

    def __init__(self, metrics: Callable[[], Mapping[str, float]], log: Path) -> None:
        self._metrics, self._log = metrics, log
        self.refused: Counter[Code] = Counter()
        """What rows have provoked."""

    def counts(self) -> dict[Code, int]:
        return counts(self._metrics())

    def told(self) -> list[Told]:
        """All lines about refusals."""
        text = self._log.read_text(errors="replace")
        return [Told((m[1], m[2]), int(m[3] or 0), m[0]) for m in _LINE.finditer(text)]

    def hold(self, row: Row, bench: Any) -> None:
        """The row is true: answer, one count, one line."""
        counted, told = self.counts(), len(self.told())
        answer = row.provoke(bench)
        canaries.look("reply", answer, f"to {row}")
        assert answer.startswith(row.answer), f"{row}: the caller saw {answer!r}"
        self.expect(row.key, counted, told)

    def expect(self, key: Code, counted: Mapping[Code, int], told: int) -> None:
        """Nothing but this code was counted, once, and told; the line may be left out when it was told just before."""
        until(lambda: self.counts()[key] > counted[key], _SOON_S, f"{key} to be counted")
        now = self.counts()
        changed = {each: now[each] - counted[each] for each in now if now[each] != counted[each]}
        assert changed == {key: 1}, changed
        is_first = self.refused[key] == 0
        self.refused[key] += 1
        if is_first:
            until(lambda: len(self.told()) > told, _SOON_S, f"{key} to be told")
        lines = self.told()[told:]
        assert [line.key for line in lines] in ([[key]] if is_first else [[key], []]), lines

    def check_lines(self) -> None:
        """Every refusal is told, or counted as suppressed by a later line of its code; none twice."""
        shown: Counter[Code] = Counter()
        for line in self.told():
            shown[line.key] += 1 + line.suppressed
        for key, count in self.refused.items():
            assert 1 <= shown[key] <= count, f"{key}: {shown[key]} of {count}"
