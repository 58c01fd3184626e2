"""The store's rules, written a second time: events at their places in the log give the rows of every table.

Plain dictionaries, one event at a time, everything in memory: slow and easy to check by reading.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tests.support.oracle.erasing import pseudonym_of, subject_of, until_of
from tests.support.oracle.places import Place, pk_id, time_of
from tests.support.oracle.recount import recount
from tests.support.oracle.tables import Row, Tables
from tests.support.oracle.translate import CHAT_TYPES, START, TEXT, Event

SETTINGS_WEIGHT_MAX = 32 << 10
VALUE_WEIGHT = 8
PRIVATE = CHAT_TYPES["private"]

Mark = tuple[int, int, bytes]


def project(history: Iterable[tuple[Event, Place]]) -> Tables:
    """The rows after these effective events; those of a partition are in log order."""
    folding = _Projection()
    for event, place in history:
        folding.apply(event, place)
    folding.tables.aliases = {(old_id, new_id) for old_id, new_id, _ in folding.tables.alias_rows}
    recount(folding.tables, folding.partition_of)
    return folding.tables


class _Projection:
    def __init__(self) -> None:
        self.tables = Tables()
        self.partition_of: dict[int, int] = {}

    def apply(self, event: Event, place: Place) -> None:
        if event.kind == "user_seen":
            if event.fields["source"] in (START, TEXT):
                self._register(event, place)
            if event.fields["source"] == START and event.fields["chat_type"] == PRIVATE:
                self._profile(event, place)
            return
        if event.kind in ("video_downloaded", "music_extracted"):
            self._fact(event, place)
            return
        if event.kind == "user_erased":
            self._bury(event, place)
            if event.event_id in self.tables.applied:
                return
        assert event.event_id not in self.tables.applied, "an event occurs twice in a history"
        self.tables.applied.add(event.event_id)
        if event.kind == "chat_migrated":
            self.tables.alias_rows.add((event.fields["old_id"], event.fields["new_id"], place.partition))
            return
        if event.kind == "user_erased":
            self._erase(event, place)
            return
        if event.kind == "user_settings_patched":
            self.partition_of[event.subject_id] = place.partition
            self._patch(event)
            return
        self._change(self._user(event, place), event, place)

    def _bury(self, event: Event, place: Place) -> None:
        """What is judged by it comes later."""
        tables, subject, until_ms = self.tables, subject_of(event.subject_id), until_of(event, place)
        key = (place.partition, subject)
        tables.tombstones[key] = max(tables.tombstones.get(key, 0), until_ms)
        tables.erasures[place[:2]] = {"event_id": event.event_id, "subject": subject, "until_ms": until_ms}

    def _erase(self, event: Event, place: Place) -> None:
        """All that this partition knows of the person."""
        tables, gone, pseudonym = self.tables, event.subject_id, pseudonym_of(event)
        tables.alias_rows = {
            (old_id, new_id, partition) if partition != place.partition else
            (pseudonym if old_id == gone else old_id, pseudonym if new_id == gone else new_id, partition)
            for old_id, new_id, partition in tables.alias_rows}
        if self.partition_of.get(gone) != place.partition:
            return
        tables.profiles.pop(gone, None)
        for fact in (*tables.videos.values(), *tables.music.values()):
            if fact["user_id"] == gone:
                fact["user_id"] = pseudonym
                if "video_link" in fact:
                    fact["video_link"] = ""
        if user := tables.users.pop(gone, None):
            link = None if user["link"] is None else ""
            tables.users[pseudonym] = user | {"user_id": pseudonym, "link": link, "is_blocked": True}
            self.partition_of[pseudonym] = place.partition

    def _user(self, event: Event, place: Place) -> Row:
        """The row of the event's user, a new stub when there is none."""
        user_id = event.subject_id
        self.partition_of[user_id] = place.partition
        return self.tables.users.setdefault(
            user_id,
            {
                "user_id": user_id,
                "registered_at": None,
                "lang": "en",
                "link": None,
                "file_mode": False,
                "ad_count": 0,
                "ad_cooldown": 0,
                "is_stub": True,
                "is_lang_set": False,
                "is_blocked": False,
                "is_mode_set": False,
                "first_ms": None,
                "first_update": None,
                "first_event": None,
                "videos": 0,
                "images": 0,
                "music": 0,
                "last_video_at": None,
                "last_image_at": None,
                "last_music_at": None,
            },
        )

    def _register(self, event: Event, place: Place) -> None:
        row = self._user(event, place)
        mark = _mark(event, place)
        if not row["is_stub"] and mark >= (row["first_ms"], row["first_update"], row["first_event"]):
            return
        row["is_stub"] = False
        row["registered_at"] = _seconds(time_of(event, place))
        row["link"] = event.fields.get("link") or None
        row["first_ms"], row["first_update"], row["first_event"] = mark
        if not row["is_lang_set"]:
            row["lang"] = event.fields["lang"]

    def _profile_of(self, user_id: int) -> Row:
        """The profile, a new stub when there is none."""
        return self.tables.profiles.setdefault(
            user_id,
            {
                "id": user_id,
                "username": None,
                "first_name": "",
                "created_at_ms": None,
                "settings": {},
                "first_ms": None,
                "first_update": None,
                "first_event": None,
                "last_ms": None,
                "last_update": None,
                "last_event": None,
            },
        )

    def _profile(self, event: Event, place: Place) -> None:
        mark = _mark(event, place)
        row = self._profile_of(event.subject_id)
        if row["first_ms"] is None or mark < (row["first_ms"], row["first_update"], row["first_event"]):
            row["created_at_ms"] = time_of(event, place) or None
            row["first_ms"], row["first_update"], row["first_event"] = mark
        personal = event.fields.get("personal")
        known = (row["last_ms"], row["last_update"], row["last_event"])
        if personal is not None and (row["last_event"] is None or mark > known):
            row["username"] = personal.get("username")
            row["first_name"] = personal.get("first_name", "")
            row["last_ms"], row["last_update"], row["last_event"] = mark

    def _patch(self, event: Event) -> None:
        row = self._profile_of(event.subject_id)
        merged = merge_patch(row["settings"], json.loads(event.fields["merge_patch"], parse_float=Decimal))
        if settings_weight(merged) <= SETTINGS_WEIGHT_MAX:
            row["settings"] = merged

    def _fact(self, event: Event, place: Place) -> None:
        user = self._user(event, place)
        fields = event.fields
        at = _seconds(time_of(event, place))
        row = {
            "event_id": event.event_id,
            "pk_id": pk_id(place),
            "user_id": event.subject_id,
            "downloaded_at": at,
        }
        if event.kind == "music_extracted":
            assert event.event_id not in self.tables.music
            self.tables.music[event.event_id] = row | {"video_id": fields.get("video_id", 0)}
            user["music"] += 1
            _move_last(user, "last_music_at", at)
            return
        assert event.event_id not in self.tables.videos
        flags = {name: fields.get(name, False) for name in ("is_images", "is_processed", "is_inline")}
        self.tables.videos[event.event_id] = (
            row
            | flags
            | {
                "video_link": fields["video_link"],
                "platform": fields.get("platform", 0),
                "platform_video_id": fields.get("platform_video_id"),
            }
        )
        user["videos"] += 1
        user["images"] += flags["is_images"]
        _move_last(user, "last_video_at", at)
        if flags["is_images"]:
            _move_last(user, "last_image_at", at)

    def _change(self, user: Row, event: Event, place: Place) -> None:
        fields = event.fields
        match event.kind:
            case "user_lang_changed":
                user["lang"] = fields["lang"]
                user["is_lang_set"] = True
            case "user_mode_changed":
                user["file_mode"] = not user["file_mode"] if "toggle" in fields else fields["file_mode"]
                user["is_mode_set"] = True
            case "ad_shown":
                user["ad_count"] = fields["count_after"]
                if time_ms := time_of(event, place):
                    user["ad_cooldown"] = time_ms // 1000 + fields["cooldown_s"]
            case "ad_counted":
                user["ad_count"] += 1
            case "user_blocked":
                user["is_blocked"] = fields.get("blocked", False)
            case _:
                raise NotImplementedError(f"the oracle does not know what {event.kind} does")


def _mark(event: Event, place: Place) -> Mark:
    """An unknown time is ordered by when the log got the event."""
    return time_of(event, place) or place.record_ms, event.update_id, event.event_id


def _seconds(time_ms: int) -> int | None:
    return time_ms // 1000 if time_ms else None


def _move_last(user: Row, column: str, at: int | None) -> None:
    if at is not None and (user[column] is None or at > user[column]):
        user[column] = at


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def settings_weight(value: Any) -> int:
    """How large settings are: 8 for each value and each name, and the bytes of texts and names."""
    if isinstance(value, str):
        return VALUE_WEIGHT + len(value.encode("utf-8"))
    if isinstance(value, list):
        return VALUE_WEIGHT + sum(map(settings_weight, value))
    if isinstance(value, dict):
        return VALUE_WEIGHT + sum(settings_weight(name) + settings_weight(each) for name, each in value.items())
    return VALUE_WEIGHT
