"""What the documents say is what the programs and protos say."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import capacity

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("docs", "deploy", "proto", "tests", "tools", "bench")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))])
FLAGS = {"--yes", "--wait", "--swap", "--json", "--force", "--reveal", "--all", "--help", "--no-work", "--dry-run"}
COMMAND = re.compile(r"`(telefact-(?:store|gateway)(?: [^`]+)?)`")
NAMES = {"telefact-store admin"}  # of a connection to PostgreSQL


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


class Programs:
    """What the programs say of their own commands."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries

    @functools.cache  # noqa: B019
    def help(self, *words: str) -> str:
        done = subprocess.run([self._binaries / words[0], *words[1:], "--help"], capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else ""

    def unknown(self, command: str) -> list[str]:
        """Words and options of a command line that its program's help does not have; values stand in capitals or digits."""
        program, *words = command.split()
        subcommand = words[:1] if words and not words[0].startswith("-") else []
        told = self.help(program) + self.help(program, *subcommand)
        said = [each for word in words if re.fullmatch(r"--?[a-z-]+|[a-z|-]+", word) for each in word.split("|")]
        values = {after for before, after in zip(words, words[1:], strict=False) if before.startswith("--") and before not in FLAGS}
        return [each for each in said if each not in values and not re.search(rf"(?<![\w-]){re.escape(each)}(?![\w-])", told)]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_command_in_a_sentence_is_one_that_the_program_has(page: Path, binaries: Path) -> None:
    programs = Programs(binaries)
    commands = {command for command in COMMAND.findall(_without_blocks(page.read_text())) if command not in NAMES}
    assert {command: unknown for command in commands if (unknown := programs.unknown(command))} == {}


def test_a_command_that_no_program_has_is_seen(binaries: Path) -> None:
    programs = Programs(binaries)
    assert programs.unknown("telefact-store replay start --swap") == []
    assert programs.unknown("telefact-store replay begin --swop") == ["begin", "--swop"]
    assert programs.unknown("telefact-gateway topics mend") == ["mend"]


def test_the_capacity_page_shows_what_the_script_prints() -> None:
    shown = re.search(r"^```\n(.*?)^```$", (ROOT / "docs" / "capacity.md").read_text(), re.M | re.S)
    printed = [
        subprocess.run(
            [sys.executable, ROOT / "tools" / "capacity.py", "--updates", str(rate)],
            capture_output=True, check=True, text=True,
        ).stdout
        for rate in (1_000, 10_000, 100_000)
    ]
    assert shown and shown[1] == "\n".join(printed)


@pytest.mark.parametrize(
    ("constant", "figure", "scale"),
    [
        ("POSTS_PER_CPU_S", r"`webhook`.*\((\d+) k against", 1_000),
        ("EVENTS_PER_CPU_S", r"`drain`.*\((\d+) k events per CPU-second", 1_000),
        ("WAL_BYTES_PER_EVENT", r"peak memory; WAL \| \d+ MiB; (\d+) B an event", 1),
        ("GATEWAY_PEAK_MIB", r"… peak memory \| (\d+) MiB", 1),
        ("STORE_PEAK_MIB", r"peak memory; WAL \| (\d+) MiB", 1),
    ],
)
def test_what_capacity_is_reckoned_with_is_what_was_measured(constant: str, figure: str, scale: int) -> None:
    (measured,) = re.findall(figure, (ROOT / "README.md").read_text())
    assert getattr(capacity, constant) == int(measured) * scale


def test_settings_that_capacity_is_reckoned_with_are_the_defaults() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()

    def default(name: str) -> int:
        (value,) = re.findall(rf"^\| `{name}` \|.*?\| `(\d+)` \|", page, re.M)
        return int(value)

    assert default("GATEWAY_TOPIC_RAW_RETENTION_HOURS") == capacity.RAW_RETENTION_DAYS * 24
    assert default("GATEWAY_TOPIC_PARTITIONS") == capacity.DEFAULT_PARTITIONS
    assert default("STORE_RPC_POOL_MAX") == capacity.RPC_POOL_MAX
