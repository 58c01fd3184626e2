"""Which chats there are: a group and the supergroup that it became are one (docs/adr/0009)."""

from __future__ import annotations

from tests.support.oracle.erasing import is_pseudonym
from tests.support.oracle.tables import Row, Tables

_SUMS = ("videos", "images", "music")
_LATEST = ("last_video_at", "last_image_at", "last_music_at")
_REGISTRATION = ("is_stub", "registered_at", "link")


def chats(tables: Tables) -> dict[int, Row]:
    """The rows by the ids that chats have now; old ids are in none."""
    before = {new_id: old_id for old_id, new_id in tables.aliases}
    old_ids = {old_id for old_id, _ in tables.aliases}
    found = {user_id: row for user_id, row in tables.users.items() if user_id not in old_ids}
    for new_id, old_id in before.items():
        if old_id in tables.users:
            found[new_id] = _together(new_id, tables.users[old_id], tables.users.get(new_id))
    return found


def _together(new_id: int, old: Row, new: Row | None) -> Row:
    if new is None:
        return old | {"user_id": new_id, "is_blocked": is_pseudonym(new_id)}
    row = dict(new)
    if not old["is_stub"]:
        row |= {name: old[name] for name in _REGISTRATION}
    if not new["is_lang_set"] and (old["is_lang_set"] or not old["is_stub"]):
        row["lang"] = old["lang"]
    if not new["is_mode_set"]:
        row["file_mode"] = old["file_mode"]
    for name in _SUMS:
        row[name] += old[name]
    for name in _LATEST:
        row[name] = max((each[name] for each in (old, new) if each[name] is not None), default=None)
    return row
