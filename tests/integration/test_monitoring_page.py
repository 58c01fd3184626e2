"""docs/monitoring.md lists what the processes tell, the alerts and the runbook belong together."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.servers import Servers
from tests.support.exposed import PAGE, exposed, rendered
from tests.support.pair import PairPlan

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy" / "k8s" / "components" / "monitoring" / "telefact.rules.yaml"
RUNBOOK = ROOT / "docs" / "runbook.md"


def test_the_page_lists_every_metric(servers: Servers, binaries: Path, work_dir: Path, name: str) -> None:
    async def body() -> None:
        async with exposed(PairPlan(servers, binaries, work_dir, name)) as processes:
            wanted = rendered(await processes.families(), PAGE.read_text())
        assert PAGE.read_text() == wanted, "run python -m tests.support.exposed"

    asyncio.run(body())


def test_the_prometheus_rule_is_the_rules_file_in_a_wrapper() -> None:
    check = [sys.executable, ROOT / "tools" / "monitoring_rules.py", "--check"]
    assert subprocess.run(check, check=False).returncode == 0


def test_every_alert_has_a_section_of_the_runbook_and_the_other_way_round() -> None:
    rules, runbook = RULES.read_text(), RUNBOOK.read_text()
    alerts = re.findall(r"^      - alert: (\w+)$", rules, re.M)
    assert alerts and len(set(alerts)) == len(alerts)
    assert re.findall(r"^### (Telefact\w+)$", runbook, re.M) == alerts, "in the same order"
    links = re.findall(r"^          runbook_url: docs/runbook\.md#(\w+)$", rules, re.M)
    assert links == [alert.lower() for alert in alerts]


def sections() -> dict[str, str]:
    parts = re.split(r"^### (Telefact\w+)\n", RUNBOOK.read_text(), flags=re.M)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("alert", re.findall(r"^      - alert: (\w+)$", RULES.read_text(), re.M))
def test_a_section_says_what_it_means_and_what_to_do(alert: str) -> None:
    text = sections()[alert]
    assert "**Means**" in text and "**Do**" in text


def test_the_runbook_leads_to_every_code() -> None:
    """Codes have their meaning and what to do in docs/refusals.md; the runbook leads there from each `where`."""
    page = (ROOT / "docs" / "refusals.md").read_text()
    rows = re.findall(r"^\| (\w+) \| (\w+) \| (.*) \| (.*) \| (.*) \|$", page, re.M)
    codes = [row for row in rows if row[0] != "where"]
    assert len(codes) > 50
    assert all(meaning and what for _, _, _, meaning, what in codes)
    headings = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in re.findall(r"^## (.*)$", page, re.M)}
    led = re.findall(r"^\| `(\w+)` \| \[.*\]\(refusals\.md#([\w-]+)\) \| (.*) \|$", RUNBOOK.read_text(), re.M)
    assert {where for where, _, _ in led} == {where for where, *_ in codes}
    assert {anchor for _, anchor, _ in led} <= headings
    named = {alert for _, _, text in led for alert in re.findall(r"Telefact\w+", text)}
    assert named <= set(sections())
