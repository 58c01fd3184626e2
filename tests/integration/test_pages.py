"""The runner of the pages' commands notices what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pages import Block, Names, differences, run


def _run(folder: Path, *found: Block) -> list[str]:
    return run(found, Names({"far.example": "localhost"}), folder, {})


def test_blocks_share_a_shell_and_names_are_those_of_here(tmp_path: Path) -> None:
    assert _run(tmp_path, Block("place=far.example\n", None), Block("echo $place\n", None)) == ["", "localhost\n"]


@pytest.mark.parametrize("commands", ["false\n", "false | true\n", "echo $not_set\n", "no-such-program\n"])
def test_a_command_that_fails_is_an_error_that_names_it(tmp_path: Path, commands: str) -> None:
    with pytest.raises(AssertionError, match="ended with") as failure:
        _run(tmp_path, Block("echo good\n", None), Block(commands, None), Block("echo never\n", None))
    assert commands in str(failure.value)


@pytest.mark.parametrize(("told", "is_like"), [
    ("one\ntwo\n", True), ("one\n…\n", True), ("…two", True), ("one", False), ("two\none\n", False), ("one…three", False)])
def test_what_a_block_prints_is_compared(tmp_path: Path, told: str, is_like: bool) -> None:
    block = Block("echo one; echo two >&2\n", told)
    assert (differences([block], _run(tmp_path, block)) == []) is is_like
