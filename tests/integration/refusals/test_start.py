"""Settings and command lines that are refused: exit status, one line that names what is wrong, no secret in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.refusals.rows_start import (
    COMMANDS,
    CONFIGURATION,
    GOOD,
    SECRETS,
    SETTINGS,
    Command,
    Ended,
    Setting,
    run,
    wrong_values,
)
from tests.support.canary import TOKEN


def _tells_no_secret(ended: Ended) -> None:
    assert not [secret for secret in SECRETS if secret in ended.err + ended.out]


@pytest.mark.parametrize("program", GOOD)
def test_the_good_settings_are_good(binaries: Path, program: str) -> None:
    ended = run(binaries, program, ("--check-config",), {})
    assert (ended.status, ended.err) == (0, "")
    _tells_no_secret(ended)


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_a_wrong_setting_is_refused(binaries: Path, setting: Setting) -> None:
    ended = run(binaries, setting.program, setting.words, setting.changed)
    assert (ended.status, ended.out) == (setting.status, "")
    [line] = [line for line in ended.lines_of(setting.name) if setting.says in line]
    others = [each for each in ended.err.splitlines() if each != line and not each.startswith(f"{setting.program}: ")]
    assert others == []
    _tells_no_secret(ended)


@pytest.mark.parametrize("program", GOOD)
def test_every_setting_with_a_form_refuses_another(binaries: Path, program: str) -> None:
    """All of them at once, and each has its line."""
    reference = run(binaries, program, ("--print-settings",), {}).out
    for wrong in wrong_values(reference):
        assert len(wrong) > 10
        ended = run(binaries, program, ("run",), wrong)
        assert (ended.status, ended.out) == (CONFIGURATION, "")
        assert {name: len(ended.lines_of(name)) for name in wrong} == dict.fromkeys(wrong, 1), ended.err
        assert len(ended.err.splitlines()) == len(wrong) + 1
        assert ended.lines_of(program) == [f"{program}: {len(wrong)} of the settings are wrong"]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command).replace(TOKEN, "TOKEN"))
def test_a_wrong_command_is_refused(binaries: Path, command: Command) -> None:
    ended = run(binaries, command.program, command.words, command.changed)
    assert (ended.status, ended.out) == (command.status, "")
    said = [line for line in ended.err.splitlines() if line.startswith(command.says)]
    assert len(said) == 1, ended.err
    _tells_no_secret(ended)
