"""docs/refusals.md has every code of the table, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from tests.integration.refusals import rows_admin, rows_kafka, rows_log, rows_page, rows_publish, rows_read, rows_rebuild, rows_rpc, rows_telegram, rows_webhook
from tests.integration.refusals.rows_start import COMMANDS, SETTINGS
from tests.integration.refusals.table import codes
from tests.integration.test_fault_table import names_in_the_tree

PAGE = Path(__file__).resolve().parents[3] / "docs" / "refusals.md"
ROWS = [
    *rows_webhook.WEBHOOK, *rows_webhook.UPDATE, *rows_webhook.UPDATE_WITHOUT_KAFKA,
    *rows_publish.PUBLISH, *rows_publish.PUBLISH_WITHOUT_KAFKA,
    *rows_admin.ADMIN, *rows_rpc.RPC, *rows_read.READ, *rows_rebuild.REBUILD, *rows_log.RECORD, *rows_log.LOG, rows_log.LAST,
    *rows_telegram.TELEGRAM, *rows_page.AT_READS, *rows_page.AT_LOG,
]
SHOWN_ELSEWHERE = {**rows_admin.SHOWN_ELSEWHERE, **rows_rebuild.SHOWN_ELSEWHERE, **rows_log.SHOWN_ELSEWHERE,
                   **rows_kafka.SHOWN_ELSEWHERE}


def cells() -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.read_text().splitlines()
            if line.startswith("| ")]


def test_the_page_has_every_code_of_the_table() -> None:
    page = [(row[0], row[1]) for row in cells() if re.fullmatch("[a-z]+", row[0]) and row[0] != "where"]
    assert len(page) == len(set(page))
    assert set(page) == codes(ROWS) | {*SHOWN_ELSEWHERE}


def test_the_page_has_every_exit_status() -> None:
    page = {int(row[0]) for row in cells() if row[0].isdecimal()}
    assert page == {each.status for each in (*SETTINGS, *COMMANDS)}


def test_what_is_shown_elsewhere_is_there() -> None:
    assert {*SHOWN_ELSEWHERE.values()} <= names_in_the_tree()


def test_rows_have_names_of_their_own() -> None:
    names = [str(row) for row in ROWS]
    assert len(names) == len(set(names))
