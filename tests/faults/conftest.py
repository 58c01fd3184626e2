"""Fixtures of the fault tests: those of the end-to-end tests, and clusters of their own."""

from __future__ import annotations

from tests.e2e.conftest import hurt_servers, make_hurt_plan, make_plan, run

__all__ = ["hurt_servers", "make_hurt_plan", "make_plan", "run"]
