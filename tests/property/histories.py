"""Histories of a bot, each made from its seed alone: few or many events, at times that are hard to count."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tests.support.oracle import ids
from tests.support.oracle.translate import LANGS, LINK_BYTES_MAX, PRIVATE_MESSAGE, START, TEXT, Event

BOT_ID = 123456789
PARTITIONS = 3
BASE_MS = 1_750_000_000_000  # most times lie before it: the same whenever a seed is played again
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LONG_MS = 32 * DAY_MS
PATCH_BYTES_MAX = 8 << 10
UNKNOWN = 0
PRIVATE, GROUP, SUPERGROUP, CHANNEL = 1, 2, 3, 4
_LANGS = sorted(LANGS)


@dataclass(frozen=True, slots=True)
class Size:
    """How much a history holds at most."""

    events: int
    users: int
    groups: int
    moved: int


SMALL = Size(events=60, users=6, groups=4, moved=3)
WIDE = Size(events=320, users=120, groups=60, moved=12)
"""More chats than a list of the most active ones holds, most of them alike."""
LARGE = Size(events=12_000, users=1_500, groups=800, moved=120)


def history_of(seed: str, size: Size, now_ms: int) -> list[Event]:
    """The events in the order in which they come into the log, some of them more than once.

    `now_ms`: the log's clock, about which some events lie; all else depends on the seed alone.
    """
    maker = _Maker(random.Random(f"history {seed}"), now_ms, size)
    return maker.make(random.Random(f"erasing {seed}"))


class _Maker:
    def __init__(self, rng: random.Random, now_ms: int, size: Size) -> None:
        self._rng = rng
        self._size = size
        self._times = _times(rng, now_ms)
        self._unknown = rng.choice((0.0, 0.0, 0.1, 0.5))
        self._links = _links(rng)
        self._update_ids = rng.choice((3, 1 << 40))
        self._users = _user_ids(rng, size)
        self._groups = _group_ids(rng, size)
        self._moves = _moves(rng, self._groups, size)
        self._erased: list[int] = []

    def make(self, erasing: random.Random) -> list[Event]:
        """`erasing`: chance of its own, so that histories in which nobody is erased stay as they are."""
        rng = self._rng
        self._erased = self._to_erase(erasing)
        kinds = [kind for kind in _KINDS if rng.random() < 0.75] or list(_KINDS)
        weights = [rng.random() ** 3 for _ in kinds]  # some kinds are rare, one may be nearly everything
        count = rng.randint(self._size.events // 8, self._size.events)
        events = [_KINDS[kind](self) for kind in rng.choices(kinds, weights, k=count)]
        events += self._service_messages()
        if rng.random() < 0.3:
            events.sort(key=lambda event: event.occurred_at_ms or 0, reverse=rng.random() < 0.3)
        else:
            rng.shuffle(events)
        return self._repeated(self._erasing(events, erasing))

    def _to_erase(self, rng: random.Random) -> list[int]:
        """In some histories: some chats, a few of them twice, and perhaps one that nobody ever saw."""
        chats = [*self._users, *self._groups, *(each for pair in self._moves for each in pair)]
        if rng.random() < 0.75:
            return []
        return [*rng.choices(chats, k=rng.randint(1, 2 + self._size.users // 10)), rng.choice((7_000_000, chats[0]))]

    def _erasing(self, events: list[Event], rng: random.Random) -> list[Event]:
        """Somewhere among them an event to every partition for each; those of one command need not be neighbours."""
        for chat in self._erased:
            uuid = rng.randbytes(16)
            time_ms = UNKNOWN if rng.random() < 0.05 else self._times()
            at = rng.randint(0, len(events))
            for partition in range(PARTITIONS):
                event_id = ids.of_command(BOT_ID, "user_erased", chat, partition, uuid)
                erased = Event(event_id, "user_erased", chat, 0, time_ms, {"user_id": chat}, ordinal=partition)
                events.insert(min(len(events), at + rng.choice((0, 0, 1, 10))), erased)
        return events

    def _repeated(self, events: list[Event]) -> list[Event]:
        """Some come again, at once or later."""
        rng = self._rng
        share = rng.choice((0.0, 0.1, 0.5))
        found: list[Event] = []
        for event in events:
            found.append(event)
            if rng.random() < share:
                found.append(rng.choice(found[-8:]))
        return found

    def _service_messages(self) -> list[Event]:
        """Telegram writes one into the old chat and one into the new one; either may be all we see."""
        events = []
        for old_id, new_id in self._moves:
            where = self._rng.choice(((old_id,), (new_id,), (old_id, new_id)))
            fields = {"old_id": old_id, "new_id": new_id}
            messages = [self._event("chat_migrated", subject_id, fields) for subject_id in where]
            if {old_id, new_id} & set(self._erased):
                messages = [replace(each, occurred_at_ms=1) for each in messages]  # nobody moves after being erased
            events += messages
        return events

    def _event(self, kind: str, subject_id: int, fields: dict[str, Any]) -> Event:
        rng = self._rng
        time_ms = UNKNOWN if rng.random() < self._unknown else self._times()
        update_id = rng.randrange(self._update_ids)
        return Event(rng.randbytes(16), kind, subject_id, update_id, time_ms, fields)

    def _about(self, kind: str, chat: int, **fields: Any) -> Event:
        return self._event(kind, chat, {"user_id": chat} | fields)

    def _chat(self) -> int:
        return self._rng.choice(self._groups if self._groups and self._rng.random() < 0.4 else self._users)

    def sighting(self) -> Event:
        rng, chat = self._rng, self._chat()
        source = rng.choice((START, TEXT, TEXT, PRIVATE_MESSAGE))
        fields: dict[str, Any] = {
            "chat_type": PRIVATE if chat > 0 else rng.choice((GROUP, SUPERGROUP, CHANNEL)),
            "source": source,
            "lang": rng.choice(_LANGS),
        }
        if source == START and rng.random() < 0.7:
            fields["link"] = rng.choice(self._links)
        if rng.random() < 0.6:
            fields["personal"] = {name: _name(rng) for name in ("username", "first_name") if rng.random() < 0.7}
        return self._about("user_seen", chat, **fields)

    def lang(self) -> Event:
        return self._about("user_lang_changed", self._chat(), lang=self._rng.choice(_LANGS))

    def mode(self) -> Event:
        change = {"toggle": True} if self._rng.random() < 0.5 else {"file_mode": self._rng.random() < 0.5}
        return self._about("user_mode_changed", self._chat(), **change)

    def video(self) -> Event:
        rng = self._rng
        return self._about(
            "video_downloaded",
            self._chat(),
            video_link=rng.choice(self._links) or "l",
            is_images=rng.random() < 0.3,
            is_processed=rng.random() < 0.3,
            is_inline=rng.random() < 0.3,
        )

    def music(self) -> Event:
        return self._about("music_extracted", self._chat(), video_id=self._rng.randrange(-(2**63), 2**63))

    def ad_shown(self) -> Event:
        rng = self._rng
        cooldown_s, count_after = rng.choice((0, 86_400, 31_622_400)), rng.choice((0, 1, 2, 1_000_000))
        return self._about("ad_shown", self._chat(), cooldown_s=cooldown_s, count_after=count_after)

    def ad_counted(self) -> Event:
        return self._about("ad_counted", self._chat())

    def blocked(self) -> Event:
        return self._about("user_blocked", self._chat(), blocked=self._rng.random() < 0.7)

    def settings(self) -> Event:
        patch = json.dumps(_patch(self._rng), ensure_ascii=False).encode("utf-8")
        return self._about("user_settings_patched", self._chat(), merge_patch=patch)


_KINDS: dict[str, Callable[[_Maker], Event]] = {
    "sighting": _Maker.sighting,
    "lang": _Maker.lang,
    "mode": _Maker.mode,
    "video": _Maker.video,
    "more videos": _Maker.video,
    "music": _Maker.music,
    "ad_shown": _Maker.ad_shown,
    "ad_counted": _Maker.ad_counted,
    "blocked": _Maker.blocked,
    "settings": _Maker.settings,
}

# ---- who ----


def _user_ids(rng: random.Random, size: Size) -> list[int]:
    known = rng.sample(range(1, 10 * size.users), rng.randint(1 + size.users // 10, size.users))
    return known + rng.sample((2**31, 2**52 - 1, 2**63 - 1), rng.randint(0, 2))


def _group_ids(rng: random.Random, size: Size) -> list[int]:
    known = rng.sample(range(-10 * size.groups, 0), rng.randint(0, size.groups))
    return known + rng.sample((-(2**31), -(2**52), -(2**63)), rng.randint(0, 1))


def _moves(rng: random.Random, groups: list[int], size: Size) -> list[tuple[int, int]]:
    """Some groups' old and new ids; a new one may stand for a chat that nothing else happens in."""
    pool = rng.sample(groups, min(len(groups), rng.randint(0, 2 * size.moved)))
    pairs = [(old_id, new_id) for old_id, new_id in zip(pool[::2], pool[1::2], strict=False)]
    if rng.random() < 0.2:
        left = [group for group in groups if group not in pool]
        pairs += [(group, -1_000_000_000_000 - number) for number, group in enumerate(left[:2])]
    return pairs


# ---- when ----


def _times(rng: random.Random, now_ms: int) -> Callable[[], int]:
    """What draws the times of a history: of one kind, or of two."""
    kinds = rng.sample(_TIMES, rng.choice((1, 1, 2)))
    draws = [kind(rng, now_ms) for kind in kinds]
    return lambda: max(1, rng.choice(draws)())


def _ties(rng: random.Random, _: int) -> Callable[[], int]:
    at = rng.randrange(BASE_MS)
    within = rng.choice((1, 1_000, 3_000))
    return lambda: at + rng.randrange(within)


def _spread(rng: random.Random, _: int) -> Callable[[], int]:
    length = rng.choice((10 * HOUR_MS, 5 * DAY_MS, 3 * LONG_MS, 10 * 365 * DAY_MS))
    return lambda: BASE_MS - rng.randrange(length)


def _borders(rng: random.Random, _: int) -> Callable[[], int]:
    """The ends of hours, days and 32 days, and a little beside them."""
    near = BASE_MS - rng.randrange(3 * LONG_MS)
    borders = [near // length * length for length in (HOUR_MS, DAY_MS, LONG_MS)]
    return lambda: rng.choice(borders) + rng.choice((-1_000, -1, 0, 1, 999, 1_000))


def _calendar(rng: random.Random, _: int) -> Callable[[], int]:
    """Days around leap days and the ends of years."""
    year = rng.choice((2000, 2016, 2020, 2023, 2024))
    month, day = rng.choice(((2, 28), (2, 27), (12, 31)))
    begin = round(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1000
    return lambda: begin + rng.choice((rng.randrange(3 * DAY_MS), rng.randrange(4) * DAY_MS - rng.choice((0, 1, 1000))))


def _first(rng: random.Random, _: int) -> Callable[[], int]:
    """The first moments of 1970, where a second may be 0."""
    length = rng.choice((2_000, 2 * HOUR_MS, 2 * LONG_MS))
    return lambda: 1 + rng.randrange(length)


def _ahead(rng: random.Random, now_ms: int) -> Callable[[], int]:
    """Around the log's clock: what lies far ahead of it is cut."""
    return lambda: now_ms + rng.choice((-HOUR_MS, -1_000, 0, 100_000, HOUR_MS, LONG_MS)) + rng.randrange(1_000)


_TIMES = (_ties, _spread, _borders, _calendar, _first, _ahead)

# ---- texts ----


def _links(rng: random.Random) -> list[str]:
    """Few, so that they are shared: alike but for case, sorted otherwise as bytes than as UTF-16, as long as may be."""
    fill = rng.choice(("x", "д", "😀"))
    longest = fill * (LINK_BYTES_MAX // len(fill.encode("utf-8")))
    pool = ["ref", "Ref", "REF", "ref ", "", "é", "e\u0301", "\uffee", "\U00010000", "a'b\"\\", longest, longest[:-1]]
    return rng.sample(pool, rng.randint(1, len(pool)))


def _name(rng: random.Random) -> str:
    return rng.choice(("Ann", "", "Ім'я 😀", "n" * 256, "\\", "ann"))


def _patch(rng: random.Random) -> dict[str, Any]:
    if rng.random() < 0.1:
        room = PATCH_BYTES_MAX - 40
        return {rng.choice("abcdef"): "z" * rng.randint(room // 2, room)}
    return {name: _value(rng, 0) for name in rng.sample(_NAMES, rng.randint(0, 4))}


_NAMES = ("a", "b", "c", "", "ключ", "a b", "\\\"")
_VALUES = (None, None, True, False, 0, -1, 1.5, 2**62, 1e300, "", "text", "😀", "null", [], [None, {"a": None}, 2])


def _value(rng: random.Random, level: int) -> Any:
    if level < 3 and rng.random() < 0.45:
        return {name: _value(rng, level + 1) for name in rng.sample(_NAMES, rng.randint(0, 3))}
    return rng.choice(_VALUES)


def show(events: Sequence[Event]) -> list[str]:
    """The events in short lines, for a failure's text."""
    return [
        f"{event.kind} {event.subject_id} at {event.occurred_at_ms} ms, update {event.update_id}, "
        f"{event.event_id.hex()[:8]} {_shortened(event.fields)}"
        for event in events
    ]


def _shortened(fields: dict[str, Any]) -> str:
    rest = {name: value for name, value in fields.items() if name != "user_id"}
    text = str(rest)
    return text if len(text) <= 160 else f"{text[:160]}…"
