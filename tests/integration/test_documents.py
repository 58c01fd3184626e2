"""What the documents say is what the programs and protos say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("docs", "deploy", "proto", "tests", "tools", "bench")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))])


def test_the_settings_page_is_what_the_services_print(binaries: Path) -> None:
    check = [sys.executable, ROOT / "tools" / "settings_docs.py", "--bin", binaries, "--check"]
    assert subprocess.run(check, check=False).returncode == 0


def test_the_event_and_rpc_pages_are_what_the_protos_say() -> None:
    check = [sys.executable, ROOT / "tools" / "proto_docs.py", "--check"]
    assert subprocess.run(check, check=False).returncode == 0


def test_the_page_on_verify_lists_every_check() -> None:
    files = sorted((ROOT / "services" / "store" / "postgres" / "checks").glob("*.sql"))
    checks = [(path.stem, path.read_text().splitlines()[0].removeprefix("-- ")) for path in files]
    assert checks
    assert re.findall(r"^\| `(\w+)` \| (.*) \|$", (ROOT / "docs" / "verify.md").read_text(), re.M) == checks


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    found: dict[str, int] = {}
    anchors = set()
    for heading in re.findall(r"^#+ +(.*?)$", _without_blocks(page.read_text()), re.M):
        text = re.sub(r"\]\([^)]*\)", "]", heading).lower()
        plain = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        count = found.get(plain, 0)
        found[plain] = count + 1
        anchors.add(f"{plain}-{count}" if count else plain)
    return anchors


def _without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)


def _leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in _anchors(target))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)[^)]*\)", _without_blocks(page.read_text()))
    assert [link for link in links if "://" not in link and not _leads_somewhere(page, link)] == []


def test_a_link_that_leads_nowhere_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Of `this`: a heading\n```sh\n# no heading\n```\n")
    links = ["page.md", "#of-this-a-heading", "page.md#of-this-a-heading", "#no-heading", "other.md", "page.md#of-this"]
    assert [_leads_somewhere(page, link) for link in links] == [True, True, True, False, False, False]
