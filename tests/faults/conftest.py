"""Fixtures of the fault tests: those of the end-to-end tests, and clusters of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import hurt_servers, make_hurt_plan, make_plan, run

PATIENCE_S = 900  # a busy machine is no fault of ours


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All are slow. No time limit is shorter than that: limits end what hangs, and judge nothing."""
    here = Path(__file__).parent
    for item in items:
        if here not in item.path.parents:
            continue
        item.add_marker(pytest.mark.slow)
        given = item.get_closest_marker("timeout")
        seconds = max(given.args[0] if given else 0, PATIENCE_S)
        item.add_marker(pytest.mark.timeout(seconds), append=False)


__all__ = ["hurt_servers", "make_hurt_plan", "make_plan", "run"]
