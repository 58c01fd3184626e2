"""The history as if what erased people did had been done by somebody else, of whom nothing is known.

For the second model: it knows nothing of erasing, and is told another story instead. Written from the rulings alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tests.property.model import PRIVATE, SOMEBODY, START, TEXT, Entry


def forget(records: Iterable[Entry], home_of: dict[int, int]) -> list[Entry]:
    """All records of the log, repeated ones too, to what the model is told.

    home_of: the partition of each chat's own events.
    """
    told: list[Entry] = []
    known: set[bytes] = set()
    silenced: dict[tuple[int, int], int] = {}
    for record in sorted(records, key=lambda each: each.place):
        partition = record.place[0]
        if record.kind == "user_erased":
            at = silenced.get((partition, record.chat), 0)
            silenced[partition, record.chat] = max(at, record.ms or record.record_ms)
            if record.event_id not in known:
                told = _as_somebody(told, record, is_home=home_of[record.chat] == partition)
        elif any(record.ms <= silenced.get((partition, chat), -1) for chat in _chats(record)):
            continue
        elif record.kind == "user_seen" or record.event_id not in known:
            told.append(_without_empty_link(record))
        else:
            continue
        known.add(record.event_id)
    return told


def _chats(record: Entry) -> list[int]:
    return [record.fields[name] for name in ("old_id", "new_id") if name in record.fields] or [record.chat]


def _without_empty_link(record: Entry) -> Entry:
    """No link is an absent one: the empty one is left for those that are forgotten."""
    fields = {name: value for name, value in record.fields.items() if (name, value) != ("link", "")}
    return replace(record, fields=fields)


def _as_somebody(told: list[Entry], erased: Entry, is_home: bool) -> list[Entry]:
    alias = _alias(erased)
    found: list[Entry] = []
    for each in told:
        if each.kind == "chat_migrated":
            is_told_here = each.place[0] == erased.place[0]
            ids = {name: alias if value == erased.chat and is_told_here else value for name, value in each.fields.items()}
            found.append(replace(each, fields=ids))
        elif each.chat != erased.chat or not is_home:
            found.append(each)
        elif each.kind != "user_settings_patched":
            found.append(replace(each, chat=alias, fields=_blank(each.fields)))
    return found


def _blank(fields: dict[str, Any]) -> dict[str, Any]:
    """Without what names somebody, and without a profile."""
    kept = {name: value for name, value in fields.items() if name != "personal"}
    kept |= {name: "" for name in ("link", "video_link") if name in kept}
    if kept.get("source") == START and kept["chat_type"] == PRIVATE:
        kept["source"] = TEXT
    return kept


def _alias(erased: Entry) -> int:
    text = f"telefact\npseudonym\n{erased.chat}\n{erased.event_id[:8].hex()}"
    number = SOMEBODY.start + int(hashlib.sha256(text.encode()).hexdigest()[:16], 16) % len(SOMEBODY)
    return number * (1 if erased.chat > 0 else -1)
