"""What the documents say is what the programs and protos say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(p for p in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


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


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []
