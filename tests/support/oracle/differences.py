"""What the oracle has to complain about: counted by kind, the first few of each kind in words."""

from __future__ import annotations

from collections import Counter

SHOWN_PER_KIND = 5


class Differences:
    """Collects differences; false when there are none."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._shown: dict[str, list[str]] = {}

    def __bool__(self) -> bool:
        return bool(self.counts)

    def add(self, kind: str, text: str) -> None:
        """Note one difference; `kind` groups what is alike."""
        self.counts[kind] += 1
        shown = self._shown.setdefault(kind, [])
        if len(shown) < SHOWN_PER_KIND:
            shown.append(text)

    def expect(self, kind: str, what: str, expected: object, found: object) -> None:
        """Note a difference unless both are equal."""
        if expected != found:
            self.add(kind, f"{what}: expected {_short(expected)}, found {_short(found)}")

    def merge(self, other: Differences) -> None:
        """Take over what another one collected."""
        for kind, count in other.counts.items():
            shown = self._shown.setdefault(kind, [])
            shown.extend(other._shown[kind][: SHOWN_PER_KIND - len(shown)])
            self.counts[kind] += count

    def lines(self) -> list[str]:
        """One line a difference, and one for those of a kind that are not shown."""
        found = []
        for kind, shown in self._shown.items():
            found += [f"{kind}: {text}" for text in shown]
            if self.counts[kind] > len(shown):
                found.append(f"{kind}: and {self.counts[kind] - len(shown)} more")
        return found


def _short(value: object) -> str:
    text = value.hex() if isinstance(value, bytes) else repr(value)
    return text if len(text) <= 200 else f"{text[:200]}… ({len(text)} characters)"
