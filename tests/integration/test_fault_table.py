"""docs/faults.md names a test for every fault, and every fault test is named there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "faults.md"
FAULTS = {
    *(f"K{n}" for n in range(1, 18)), *(f"C{n}" for n in range(1, 15)), *(f"P{n}" for n in range(1, 14)),
    *(f"T{n}" for n in range(1, 19)), *(f"S{n}" for n in range(1, 6)), "S7",
}


def rows() -> dict[str, list[str]]:
    """The names of tests of each row of the page."""
    found: dict[str, list[str]] = {}
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and re.fullmatch(r"[A-Z]\d+", cells[0]):
            assert cells[0] not in found, f"{cells[0]} is there twice"
            found[cells[0]] = re.findall(r"`(\w+)`", cells[3])
    return found


def untested() -> set[str]:
    return {line.split("|")[1].strip() for line in PAGE.read_text().splitlines() if line.endswith("| none yet |")}


def names_in_the_tree() -> set[str]:
    names: set[str] = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        names |= set(re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE))
    for file in (ROOT / "tests" / "unit").rglob("test_*.c"):
        names |= set(re.findall(r"^static void (\w+)\(void \*\*state\)", file.read_text(), re.M))
    return names


def test_every_fault_has_a_row() -> None:
    assert rows().keys() == FAULTS


def test_every_row_names_tests_that_exist() -> None:
    there = names_in_the_tree()
    missing = {fault: [name for name in names if name not in there] for fault, names in rows().items()}
    assert {fault: names for fault, names in missing.items() if names} == {}


def test_a_row_without_a_test_says_so() -> None:
    assert {fault for fault, names in rows().items() if not names} == untested()


def test_every_fault_test_is_named_in_its_row() -> None:
    page = rows()
    unnamed = []
    for name in names_in_the_tree():
        match = re.match(r"test_([KCPTS])(\d\d)_", name)
        if match and name not in page.get(match[1] + str(int(match[2])), []):
            unnamed.append(name)
    assert sorted(unnamed) == []
