"""Event ids in Python that shares nothing with the C code: the published vectors and every update fixture.

The C tests read the same two sources, so both implementations meet in the files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.support.oracle import ids
from tests.support.oracle.translate import Event, translate

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
VECTORS: list[dict[str, Any]] = json.loads((FIXTURES / "event_id_vectors.json").read_text())
UPDATES = sorted((FIXTURES / "updates").glob("*.json"))
BOT = 123456789
RECEIVED_AT_MS = 1_760_000_005_123
REASONS = {"NO_EVENT": 1, "UNPARSABLE": 2, "TOO_DEEP": 3}


def made_id(vector: dict[str, Any]) -> bytes:
    bot, kind = vector["bot_id"], vector["kind"]
    match vector["form"]:
        case "update":
            cause = (vector["update_id"], vector["natural_id"], vector["date"])
            return ids.of_update(bot, kind, vector["ordinal"], *cause)
        case "publish":
            return ids.of_key(bot, kind, vector["subject_id"], vector["key"])
        case "import":
            row = (vector["source"], vector["table"], vector["pk"], vector["time_ms"])
            return ids.of_row(bot, kind, vector["ordinal"], *row)
        case "command":
            uuid = UUID(vector["uuid"]).bytes
            return ids.of_command(bot, kind, vector["subject_id"], vector["partition"], uuid)
    raise AssertionError(vector["form"])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["note"])
def test_vector_gives_its_id(vector: dict[str, Any]) -> None:
    assert made_id(vector).hex() == vector["event_id"]


def body_of(fixture: dict[str, Any]) -> bytes:
    if "body" in fixture:
        return fixture["body"].encode()
    return json.dumps(fixture["update"], ensure_ascii=False, separators=(",", ":")).encode()


def payload_of(event: Event) -> dict[str, Any]:
    """The payload as fixtures hold it: without the subject, which stands beside it."""
    return {name: value for name, value in event.fields.items() if name != "user_id"}


@pytest.mark.parametrize("path", UPDATES, ids=lambda path: path.stem)
def test_fixture_ids_follow_from_their_natural_ids(path: Path) -> None:
    expected = json.loads(path.read_text())["expect"]
    for event in expected.get("events", []):
        cause = (expected["update_id"], event["natural_id"], event["date"])
        assert (
            ids.of_update(BOT, event["kind"], event["ordinal"], *cause).hex() == event["event_id"]
        )


# Where the rule was settled only for the gateway, and Telegram never sends such a thing.
ONLY_THE_GATEWAYS = {
    "message_null_members",
    "other_null",
    "unparsable_callback_id_long",
    "unparsable_message_twice",
    "unparsable_migrate_zero",
}
SHARED = [path for path in UPDATES if path.stem not in ONLY_THE_GATEWAYS]


@pytest.mark.parametrize("path", SHARED, ids=lambda path: path.stem)
def test_the_oracle_expects_what_the_fixture_says(path: Path) -> None:
    fixture = json.loads(path.read_text())
    expected = fixture["expect"]
    translation = translate(body_of(fixture), BOT)
    assert translation.update_id in (None, expected["update_id"])
    if expected["outcome"] != "EVENTS":
        assert not translation.events and REASONS[expected["outcome"]] in translation.reasons
        return
    made = [
        {
            "event_id": event.event_id.hex(),
            "kind": event.kind,
            "subject_id": event.subject_id,
            "ordinal": event.ordinal,
            "occurred_at_ms": RECEIVED_AT_MS
            if event.occurred_at_ms is None
            else event.occurred_at_ms,
            "payload": payload_of(event),
        }
        for event in translation.events
    ]
    beside = {"natural_id", "date"}
    assert made == [
        {k: v for k, v in event.items() if k not in beside} for event in expected["events"]
    ]
