"""What a bot does after an update, decided without I/O: the same seed and updates, the same events.

Only events whose order against the gateway's own events cannot matter are published:
downloads, sounds and advertisements of anybody, mode and language of groups.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, replace
from typing import Any

from tests.support.protos import event_pb2

LOCALES = frozenset(("ar", "en", "hi", "id", "ru", "so", "uk", "vi"))
COOLDOWN_S = 86_400
AD_EVERY = 3
_DATE_MAX = 1 << 31

_LINK = re.compile(r"https://\S+")
_TIKTOK = re.compile(r"https://(?:www|vm|vt|m)\.tiktok\.com/")
_INSTAGRAM = re.compile(r"https://(?:www\.)?instagram\.com/(?:p|reel|reels|tv|stories)/")
_VIDEO_ID = re.compile(r"/(?:video|v)/(\d{1,19})")


@dataclass(slots=True)
class PlannedEvent:
    """One event to publish. `fields` are the payload's proto fields that are set, by name."""

    key: str
    """Idempotency key."""
    kind: str
    """Payload name, e.g. `video_downloaded`."""
    subject_id: int
    fields: dict[str, Any]
    occurred_at_ms: int
    update_id: int = 0
    repeat_of: int | None = None
    """Index in the publish log of the record whose key this one deliberately uses again."""


class Planner:
    """Turns acknowledged updates into events to publish."""

    def __init__(self, seed: int, *, republish: float = 0.03) -> None:
        self._rng = random.Random(f"bot {seed}")
        self._republish = republish
        self._now = 1_700_000_000
        """Newest date seen: queries carry none."""
        self._ads: dict[int, tuple[int, int]] = {}
        """Per private chat: (downloads since the last advertisement, end of its cool-down)."""
        self._file_modes: dict[int, bool] = {}

    def plan(self, body: bytes) -> list[PlannedEvent]:
        """The events that follow from one update; none for most, and for what cannot be read."""
        try:
            update = json.loads(body)
            update_id = int(update["update_id"])
            if "message" in update:
                return self._after_message(update_id, update["message"])
            if "callback_query" in update:
                return self._after_button(update_id, update["callback_query"])
            if "chosen_inline_result" in update:
                result = update["chosen_inline_result"]
                return self._after_inline(update_id, int(result["from"]["id"]), str(result["query"]))
        except (AttributeError, ValueError, KeyError, TypeError, RecursionError):
            pass
        return []

    def repeat(self, event: PlannedEvent, index: int) -> PlannedEvent | None:
        """Now and then the same key once more, sometimes with another content, which must not count."""
        if event.repeat_of is not None or self._rng.random() >= self._republish:
            return None
        again = replace(event, fields=dict(event.fields), repeat_of=index)
        if self._rng.random() < 0.5:
            again.occurred_at_ms = event.occurred_at_ms + 5_000 if event.occurred_at_ms else 0
            if event.kind == "video_downloaded":
                again.fields["video_link"] = "https://example.com/another"
            if event.kind == "music_extracted":
                again.fields["video_id"] = event.fields["video_id"] ^ 1
        return again

    def _after_message(self, update_id: int, message: dict[str, Any]) -> list[PlannedEvent]:
        text, chat = message.get("text"), message["chat"]
        self._now = max(self._now, min(int(message["date"]), _DATE_MAX))
        if not isinstance(text, str) or "id" not in chat or not isinstance(chat["id"], int):
            return []
        chat_id, is_private = chat["id"], chat["type"] == "private"
        if not is_private and text.split("@")[0] == "/mode":
            return [self._mode_changed(update_id, chat_id)]
        found = _LINK.search(text)
        if found is None:
            return []
        link = found.group()
        if _TIKTOK.match(link):
            events = [self._downloaded(update_id, chat_id, link, event_pb2.PLATFORM_TIKTOK)]
            if is_private:
                events.append(self._advertised(update_id, chat_id, events[0]))
            return events
        if _INSTAGRAM.match(link):
            return [self._downloaded(update_id, chat_id, link, event_pb2.PLATFORM_INSTAGRAM)]
        if self._rng.random() < 0.2:
            return [self._downloaded(update_id, chat_id, link, event_pb2.PLATFORM_OTHER)]
        return []

    def _after_button(self, update_id: int, query: dict[str, Any]) -> list[PlannedEvent]:
        verb, _, argument = str(query["data"]).partition("/")
        if "message" not in query:
            return []
        chat = query["message"]["chat"]
        if verb == "id" and argument.isdecimal() and int(argument) < 1 << 63:
            fields = {"user_id": chat["id"], "video_id": int(argument)}
            return [self._event("music_extracted", update_id, fields)]
        if verb == "lang" and argument in LOCALES and chat["type"] != "private":
            return [self._event("user_lang_changed", update_id, {"user_id": chat["id"], "lang": argument})]
        return []

    def _after_inline(self, update_id: int, user_id: int, query: str) -> list[PlannedEvent]:
        platform = event_pb2.PLATFORM_INSTAGRAM if "instagram" in query else event_pb2.PLATFORM_TIKTOK
        event = self._downloaded(update_id, user_id, query, platform)
        event.fields["is_inline"] = True
        return [event]

    def _mode_changed(self, update_id: int, chat_id: int) -> PlannedEvent:
        if self._rng.random() < 0.5:
            return self._event("user_mode_changed", update_id, {"user_id": chat_id, "toggle": True})
        mode = self._file_modes[chat_id] = not self._file_modes.get(chat_id, False)
        return self._event("user_mode_changed", update_id, {"user_id": chat_id, "file_mode": mode})

    def _downloaded(self, update_id: int, user_id: int, link: str, platform: int) -> PlannedEvent:
        fields: dict[str, Any] = {"user_id": user_id, "video_link": link, "platform": platform}
        if self._rng.random() < 0.15:
            fields["is_images"] = True
            if self._rng.random() < 0.5:
                fields["is_processed"] = True
        found = _VIDEO_ID.search(link)
        if found is not None and int(found.group(1)) < 1 << 63:
            fields["platform_video_id"] = int(found.group(1))
        event = self._event("video_downloaded", update_id, fields)
        if self._rng.random() < 0.02:
            event.occurred_at_ms = 0
        return event

    def _advertised(self, update_id: int, user_id: int, download: PlannedEvent) -> PlannedEvent:
        count, cooldown_end = self._ads.get(user_id, (0, 0))
        if count < AD_EVERY and cooldown_end >= self._now:
            self._ads[user_id] = (count + 1, cooldown_end)
            event = self._event("ad_counted", update_id, {"user_id": user_id})
        else:
            fields: dict[str, Any] = {"user_id": user_id}
            cooldown_s = COOLDOWN_S
            if self._rng.random() < 0.3:
                fields["cooldown_s"] = cooldown_s = self._rng.choice((0, 60, 3_600))
            if self._rng.random() < 0.2:
                fields["count_after"] = self._rng.choice((0, 1, 2))
            self._ads[user_id] = (fields.get("count_after", 1), self._now + cooldown_s)
            event = self._event("ad_shown", update_id, fields)
        if self._rng.random() < 0.3:
            event.key = download.key
        return event

    def _event(self, kind: str, update_id: int, fields: dict[str, Any]) -> PlannedEvent:
        occurred_at_ms = self._now * 1_000 + self._rng.randrange(30_000)
        key = self._uuid7(occurred_at_ms) if self._rng.random() < 0.4 else f"{kind[:3]}:{update_id}:ключ"
        named_update = update_id if self._rng.random() < 0.9 and 0 < update_id < 1 << 63 else 0
        return PlannedEvent(key, kind, fields["user_id"], fields, occurred_at_ms, named_update)

    def _uuid7(self, at_ms: int) -> str:
        bits = at_ms << 80 | 7 << 76 | self._rng.getrandbits(12) << 64 | 2 << 62 | self._rng.getrandbits(62)
        digits = f"{bits:032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
