"""The seeds' functions over a plain list of what happened.

Nothing is kept up to date: every function reads the whole list again. Written from the texts of the seeds and from the
rulings on them (stubs, first registration, groups that moved); it shares nothing with the oracle's projection.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

AHEAD_MAX_MS = 300_000
SOMEBODY = range(1 << 62, (1 << 62) + (1 << 61))
"""Ids, of either sign, that stand for people who were erased."""
AD_THRESHOLD = 3
SETTINGS_WEIGHT_MAX = 32 * 1024
START, TEXT = 1, 2
PRIVATE = 1

Download = tuple[int | None, str]


class User(NamedTuple):
    """A row of the seeds' table users."""

    user_id: int
    registered_at: int | None
    lang: str
    link: str | None
    file_mode: bool
    ad_count: int
    ad_cooldown: int


class Profile(NamedTuple):
    """A row of the guide's table users."""

    username: str | None
    first_name: str
    created_at: int | None
    settings: Any


class BotStats(NamedTuple):
    """What the statistics bot shows."""

    chats: int
    videos: int
    images: int
    video_users: int
    image_users: int
    music: int
    music_users: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, at its place in the log."""

    kind: str
    chat: int
    occurred_ms: int
    record_ms: int
    place: tuple[int, int]
    update_id: int
    event_id: bytes
    fields: dict[str, Any]

    @property
    def ms(self) -> int:
        """The time that counts; 0: unknown."""
        return min(self.occurred_ms, self.record_ms + AHEAD_MAX_MS)

    @property
    def at(self) -> int | None:
        """In whole seconds."""
        return self.ms // 1000 if self.ms else None

    @property
    def rank(self) -> tuple[int, int, bytes]:
        """What makes a sighting first or last."""
        return self.ms or self.record_ms, self.update_id, self.event_id


class TtModel:
    """`history`: what takes effect, the entries of each chat in the order of the log."""

    def __init__(self, history: Sequence[Entry]) -> None:
        self._history = history
        self._moves = {each.fields["old_id"]: each.fields["new_id"] for each in self._of("chat_migrated")}
        self._came_from = {new: old for old, new in self._moves.items()}
        self._by_chat: dict[int, list[Entry]] = {}
        for each in history:
            if each.kind != "chat_migrated":
                self._by_chat.setdefault(each.chat, []).append(each)

    def _of(self, *kinds: str, chat: int | None = None) -> list[Entry]:
        entries = self._history if chat is None else self._by_chat.get(chat, [])
        return [each for each in entries if each.kind in kinds]

    def _ids(self, chat: int) -> tuple[int, ...]:
        """The ids whose entries belong to a chat: the newest first. An old id is asked for by itself."""
        before = self._came_from.get(chat)
        return (chat,) if chat in self._moves or before is None else (chat, before)

    def _everybody(self) -> list[int]:
        """Every chat, under the id it has now."""
        return sorted({self._moves.get(chat, chat) for chat in self._by_chat})

    def _registered(self, chat_type: str = "all") -> Iterator[tuple[int, User]]:
        for chat in self._everybody():
            user = self.get_user(chat)
            if user is not None and _is_of(chat_type, chat):
                yield chat, user

    # ---- one chat ----

    def get_user(self, chat: int) -> User | None:
        """None for who never wrote a text or /start."""
        first = self._registration(chat)
        if first is None:
            return None
        ads = self._ads(chat)
        return User(chat, first.at, self._lang(chat), first.fields.get("link"), self._file_mode(chat), *ads)

    def _registration(self, chat: int) -> Entry | None:
        """The first one under the oldest id that has one."""
        for each in reversed(self._ids(chat)):
            seen = [entry for entry in self._of("user_seen", chat=each) if entry.fields["source"] in (START, TEXT)]
            if seen:
                return min(seen, key=lambda entry: entry.rank)
        return None

    def _lang(self, chat: int) -> str:
        for each in self._ids(chat):
            if chosen := self._of("user_lang_changed", chat=each):
                return chosen[-1].fields["lang"]
        first = self._registration(chat)
        assert first is not None
        return first.fields["lang"]

    def _file_mode(self, chat: int) -> bool:
        for each in self._ids(chat):
            if changes := self._of("user_mode_changed", chat=each):
                mode = False
                for change in changes:
                    mode = change.fields["file_mode"] if "file_mode" in change.fields else not mode
                return mode
        return False

    def _ads(self, chat: int) -> tuple[int, int]:
        """Of the newest id that has a row."""
        for each in self._ids(chat):
            if any(_makes_a_row(entry) for entry in self._by_chat.get(each, [])):
                return self._ads_of(each)
        return 0, 0

    def _ads_of(self, chat: int) -> tuple[int, int]:
        count, cooldown = 0, 0
        for each in self._of("ad_shown", "ad_counted", chat=chat):
            if each.kind == "ad_counted":
                count += 1
                continue
            count = each.fields["count_after"]
            cooldown = cooldown if each.at is None else each.at + each.fields["cooldown_s"]
        return count, cooldown

    def get_user_stats(self, chat: int) -> tuple[User | None, int, int]:
        """The row, videos and slideshows."""
        videos = [each for chat_id in self._ids(chat) for each in self._of("video_downloaded", chat=chat_id)]
        return self.get_user(chat), len(videos), sum(map(_is_slideshow, videos))

    def get_user_videos(self, chat: int) -> list[Download]:
        """All downloads of a chat."""
        return _listed(each for chat_id in self._ids(chat) for each in self._of("video_downloaded", chat=chat_id))

    def should_show_ad(self, chat: int, now: int) -> bool:
        """Enough downloads since the last one, or a day over."""
        user = self.get_user(chat)
        return user is not None and (user.ad_count >= AD_THRESHOLD or user.ad_cooldown < now)

    def profile(self, chat: int) -> Profile | None:
        """None for who never pressed /start in private."""
        starts = [
            each
            for each in self._of("user_seen", chat=chat)
            if each.fields["source"] == START and each.fields["chat_type"] == PRIVATE
        ]
        if not starts:
            return None
        named = [each for each in starts if "personal" in each.fields]
        names = max(named, key=lambda each: each.rank).fields["personal"] if named else {}
        created_at = min(starts, key=lambda each: each.rank).at
        return Profile(names.get("username"), names.get("first_name", ""), created_at, self._settings(chat))

    def _settings(self, chat: int) -> Any:
        settings: Any = {}
        for each in self._of("user_settings_patched", chat=chat):
            patched = _patched(settings, json.loads(each.fields["merge_patch"], parse_float=Decimal))
            if _weight(patched) <= SETTINGS_WEIGHT_MAX:
                settings = patched
        return settings

    # ---- all chats ----

    def get_user_ids(self, chat_type: str, include_blocked: bool) -> list[int]:
        """Ids of registered chats."""
        return [chat for chat, _ in self._registered(chat_type) if include_blocked or not self._is_blocked(chat)]

    def _is_blocked(self, chat: int) -> bool:
        """Whoever blocked the bot as a group before it moved is not asked about that any more.

        Nobody can be written to who is somebody else now.
        """
        if is_somebody(chat):
            return True
        changes = self._of("user_blocked", chat=chat)
        return bool(changes) and changes[-1].fields.get("blocked", False)

    def list_users(self, chat_type: str) -> list[User]:
        """Rows of registered chats."""
        return [user for _, user in self._registered(chat_type)]

    def get_stats_by_period(self, period: int, chat_type: str, now: int) -> list[Download]:
        """Downloads since now - period; all of them for a period of 0 or less."""
        since = now - period
        return _listed(
            each
            for each in self._of("video_downloaded")
            if _is_of(chat_type, each.chat) and (period <= 0 or (each.at is not None and each.at >= since))
        )

    def get_referral_stats(self, limit: int) -> list[tuple[str, int]]:
        """The links that brought most chats."""
        links = Counter(user.link for _, user in self._registered() if user.link is not None)
        return sorted(links.items(), key=lambda each: (-each[1], each[0].encode()))[:limit]

    def get_other_stats(self) -> tuple[int, list[tuple[str, int]], list[tuple[int, int]]]:
        """Chats with file mode, all languages, the ten chats with most downloads."""
        users = [user for _, user in self._registered()]
        langs = Counter(user.lang for user in users)
        videos = Counter(self._moves.get(each.chat, each.chat) for each in self._of("video_downloaded"))
        return (
            sum(user.file_mode for user in users),
            sorted(langs.items(), key=lambda each: (-each[1], each[0])),
            sorted(videos.items(), key=lambda each: (-each[1], not is_somebody(each[0]), each[0]))[:10],
        )

    def bot_stats(self, chat_type: str, seconds: int, now: int) -> BotStats:
        """Of everything after now - seconds, or of the whole history; 'all' leaves the id 0 out."""

        def counts(at: int | None, chat: int) -> bool:
            is_in_time = seconds == 0 or (at is not None and at > now - seconds)
            return is_in_time and chat != 0 and _is_of(chat_type, chat)

        def chats(entries: Sequence[Entry]) -> int:
            return len({self._moves.get(each.chat, each.chat) for each in entries})

        videos = [each for each in self._of("video_downloaded") if counts(each.at, each.chat)]
        images = [each for each in videos if _is_slideshow(each)]
        music = [each for each in self._of("music_extracted") if counts(each.at, each.chat)]
        registered = sum(counts(user.registered_at, chat) for chat, user in self._registered())
        return BotStats(
            registered, len(videos), len(images), chats(videos), chats(images), len(music), chats(music)
        )

    def graph(self, series: str, bucket_s: int, begin: int, end: int, chat_type: str) -> tuple[list[tuple[int, int]], int | None]:
        """Counts of buckets between two moments, and the oldest time there is."""
        of: dict[str, Callable[[], list[int | None]]] = {
            "users": lambda: [user.registered_at for _, user in self._registered(chat_type)],
            "videos": lambda: [each.at for each in self._of("video_downloaded") if _is_of(chat_type, each.chat)],
            "music": lambda: [each.at for each in self._of("music_extracted") if _is_of(chat_type, each.chat)],
            "images": lambda: [
                each.at for each in self._of("video_downloaded") if _is_slideshow(each) and _is_of(chat_type, each.chat)
            ],
        }
        times = [at for at in of[series]() if at is not None]
        points, start = [], begin - begin % bucket_s
        while begin < end and start < end:
            points.append((start, sum(max(begin, start) <= at < min(end, start + bucket_s) for at in times)))
            start += bucket_s
        return points, min(times, default=None)


def is_somebody(chat: int) -> bool:
    """An id that stands for somebody who was erased."""
    return abs(chat) in SOMEBODY


def _is_of(chat_type: str, chat: int) -> bool:
    return {"all": True, "users": chat > 0, "groups": chat < 0}[chat_type]


def _is_slideshow(entry: Entry) -> bool:
    return entry.fields.get("is_images", False)


def _makes_a_row(entry: Entry) -> bool:
    if entry.kind == "user_seen":
        return entry.fields["source"] in (START, TEXT)
    return entry.kind != "user_settings_patched"


def _listed(videos: Iterator[Entry]) -> list[Download]:
    """Oldest first, ties as in the log, unknown times last."""
    inf = float("inf")
    ordered = sorted(videos, key=lambda each: (inf if each.at is None else each.at, each.place))
    return [(each.at, each.fields["video_link"]) for each in ordered]


def _patched(settings: Any, patch: Any) -> Any:
    """A JSON merge patch."""
    if not isinstance(patch, dict):
        return patch
    base = settings if isinstance(settings, dict) else {}
    kept = {name: value for name, value in base.items() if name not in patch}
    return kept | {name: _patched(base.get(name), value) for name, value in patch.items() if value is not None}


def _weight(settings: Any) -> int:
    """Eight for everything that stands in it, names too, and the bytes of all texts."""
    weight, waiting = 0, [settings]
    while waiting:
        value = waiting.pop()
        weight += 8 + (len(value.encode()) if isinstance(value, str) else 0)
        if isinstance(value, dict):
            waiting += [*value, *value.values()]
        elif isinstance(value, list):
            waiting += value
    return weight
