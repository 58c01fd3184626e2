"""The history of a bot that is used as bots are: by day more than by night, more from week to week, a few chats a lot.

The same seed and moment make the same history, as rows for the tables and as events for the log.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from tests.integration.store_log import Event, make
from tests.support.statistics import HOUR, derive

PARTITIONS = 3  # of the tables that are filled by hand
_LANGS = (("en", 30), ("ru", 24), ("uk", 14), ("hi", 9), ("id", 8), ("vi", 6), ("ar", 5), ("so", 2))
_LINKS = (("spring_sale", 30), ("channel-7", 22), ("qr_poster", 16), ("Friend", 11), ("friend", 8), ("тест", 5), ("<b>bold</b>", 3),
          ("=HYPERLINK(1)", 2))  # what people put into links, too


@dataclass(frozen=True, slots=True)
class Chat:
    user_id: int
    registered_at: int
    lang: str
    link: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """A video (or slideshow) or a sound that a chat got."""

    user_id: int
    time: int
    is_images: bool = False


@dataclass(frozen=True, slots=True)
class History:
    chats: list[Chat]
    videos: list[Done]
    music: list[Done]


class _Clock:
    """Moments of the past as traffic has them."""

    def __init__(self, rng: random.Random, now: int, days: int) -> None:
        self._rng = rng
        hours = [now // HOUR - back for back in range(days * 24)]
        weights = [(1 + math.sin((hour % 24 - 9) * math.pi / 12) * 0.8) * 0.985 ** ((now // HOUR - hour) / 24)
                   * rng.uniform(0.75, 1.25) for hour in hours]
        self._hours, self._weights, self._now = hours, weights, now

    def moments(self, count: int) -> list[int]:
        chosen = self._rng.choices(self._hours, self._weights, k=count)
        return [min(hour * HOUR + self._rng.randrange(HOUR), self._now) for hour in chosen]


def history(now: int, *, seed: int = 1, days: int = 60, chats: int = 900, videos: int = 9000) -> History:
    """What happened up to a moment (unix seconds)."""
    rng = random.Random(f"busy bot {seed}")
    clock = _Clock(rng, now, days)
    ids = [5_000_000_000 + n * 7919 if n % 6 else -1_000_000_000_000 - n for n in range(1, chats + 1)]
    langs, weights = [lang for lang, _ in _LANGS], [weight for _, weight in _LANGS]
    links, shares = [link for link, _ in _LINKS], [share for _, share in _LINKS]
    made = [Chat(user_id, time, rng.choices(langs, weights)[0],
                 rng.choices(links, shares)[0] if user_id > 0 and rng.random() < 0.3 else None)
            for user_id, time in zip(ids, clock.moments(chats), strict=True)]
    fans = [1 / (rank + 3) for rank in range(chats)]
    done = [Done(user_id, time, rng.random() < 0.16)
            for user_id, time in zip(rng.choices(ids, fans, k=videos), clock.moments(videos), strict=True)]
    sounds = [Done(each.user_id, each.time) for each in rng.sample(done, videos // 5)]
    return History(made, done, sounds)


def into_tables(database: psycopg.Connection, past: History) -> None:
    """Fill the tables of generation 1 by hand."""
    with database.cursor().copy("COPY g1.users (user_id, registered_at, lang, link, is_stub) FROM STDIN") as copy:
        for chat in past.chats:
            copy.write_row((chat.user_id, chat.registered_at, chat.lang, chat.link, False))
    names = "event_id, pk_id, user_id, downloaded_at"
    numbers = iter(range(1, len(past.videos) + len(past.music) + 1))

    def row(done: Done) -> tuple[object, ...]:
        number = next(numbers)
        return f"00000000-0000-0000-0000-{number:012}", number << 4, done.user_id, done.time

    with database.cursor().copy(f"COPY g1.videos ({names}, video_link, is_images) FROM STDIN") as copy:
        for done in past.videos:
            copy.write_row((*row(done), "https://v.example/1", done.is_images))
    with database.cursor().copy(f"COPY g1.music ({names}, video_id) FROM STDIN") as copy:
        for done in past.music:
            copy.write_row((*row(done), 1))
    derive(database, PARTITIONS)
    database.execute("ANALYZE")


def as_events(past: History) -> Iterator[Event]:
    """The same for the log, in the order of time."""
    def seen(chat: Chat) -> Event:
        fields = {"link": chat.link} if chat.link is not None else {}
        return make("user_seen", f"seen {chat.user_id}", time_ms=chat.registered_at * 1000, user_id=chat.user_id,
                    source=1 if chat.user_id > 0 else 2, chat_type=1 if chat.user_id > 0 else 2, lang=chat.lang, **fields)

    made = [(chat.registered_at, seen(chat)) for chat in past.chats]
    made += [(done.time, make("video_downloaded", f"video {n}", time_ms=done.time * 1000, user_id=done.user_id,
                              video_link="https://v.example/1", is_images=done.is_images))
             for n, done in enumerate(past.videos)]
    made += [(done.time, make("music_extracted", f"sound {n}", time_ms=done.time * 1000, user_id=done.user_id, video_id=1))
             for n, done in enumerate(past.music)]
    for _, event in sorted(made, key=lambda pair: pair[0]):
        yield event


