"""deploy/systemd as systemd itself reads it. That the programs start as the units say, tests/integration shows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

FOLDER = ROOT / "deploy" / "systemd"


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """Copies whose programs are those of the release build, with an instance of each template; the gateway's has all drop-ins."""
    here = f"{ROOT / 'build' / 'release' / 'bin'}/"
    found = []
    for path in FOLDER.glob("*.service"):
        copy = tmp_path / path.name.replace("@", "@ingest")
        copy.write_text(path.read_text().replace("/usr/local/bin/", here))
        found.append(copy)
    drop_ins = tmp_path / "telefact-gateway.service.d"
    drop_ins.mkdir()
    (drop_ins / "rotation.conf").write_text((FOLDER / "rotation.conf").read_text())
    (kafka,) = re.findall(r"^```ini\n(.*?)^```", (ROOT / "docs" / "operations.md").read_text(), re.M | re.S)
    (drop_ins / "kafka.conf").write_text(kafka)
    return sorted(found)


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False, timeout=60)


def test_systemd_finds_nothing_wrong(units: list[Path]) -> None:
    assert [unit.name for unit in units] == ["telefact-gateway.service", "telefact-store@ingest.service"]
    done = analyze("verify", *units)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize(("wrong", "word"), [("Typ=exec", 0), ("ProtectSystem=strictly", 1), ("SystemCallFilter=@no-such-set", 1)])
def test_systemd_would_find_a_fault(units: list[Path], wrong: str, word: int) -> None:
    unit = units[0]
    unit.write_text(unit.read_text().replace("Type=exec", f"Type=exec\n{wrong}"))
    assert wrong.split("=")[word] in analyze("verify", unit).stderr


def test_systemd_would_find_a_fault_of_the_drop_in(units: list[Path]) -> None:
    (units[0].parent / f"{units[0].name}.d" / "rotation.conf").write_text("[Service]\nLoadCredentials=a:/b\n")
    assert "LoadCredentials" in analyze("verify", units[0]).stderr


def test_no_more_is_left_to_an_attacker_than_the_page_says(units: list[Path]) -> None:
    told = re.search(r"at most (\d)\.(\d) of 10", (ROOT / "docs" / "security.md").read_text())
    assert told is not None
    for unit in units:
        done = analyze("security", "--offline=true", f"--threshold={told[1]}{told[2]}", unit)
        assert done.returncode == 0, done.stdout
        unit.write_text(unit.read_text().replace("CapabilityBoundingSet=\n", ""))
        assert analyze("security", "--offline=true", f"--threshold={told[1]}{told[2]}", unit).returncode != 0
