"""The topic of the costs bench: the traffic of a bot that writes to every index and every table of the statistics.

Of 1,000 events 500 are videos, 100 sounds, 380 messages (one in four a /start with one of 500 referral links), 18 changes
of settings or advertisements, and 2 groups that became supergroups; chats as in bench/drain_topic.py.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.drain_topic import BOT_ID, START_S, chat, event_id, produce, record_key
from tests.support.protos import event_pb2

LANGS = ("en", "ru", "ar", "hi", "id", "so", "uk", "vi")
LINKS = 500
KINDS = (("video_downloaded", 500), ("music_extracted", 100), ("user_seen", 380), ("user_mode_changed", 8), ("ad_shown", 10),
         ("chat_migrated", 2))


@dataclass
class Mixed:
    """What the log holds."""

    events: int
    kinds: dict[str, int] = field(default_factory=lambda: dict.fromkeys((name for name, _ in KINDS), 0))
    registered: set[int] = field(default_factory=set)
    bytes_per_event: float = 0.0


def fill_mixed(bootstrap: str, topic: str, events: int, seed: int, per_second: int) -> Mixed:
    """Create the topic and fill it."""
    log = Mixed(events)
    log.bytes_per_event = produce(bootstrap, topic, _records(log, random.Random(seed), per_second)) / events
    return log


def _records(log: Mixed, rng: random.Random, per_second: int) -> Iterator[tuple[bytes, bytes]]:
    names, weights = zip(*KINDS, strict=True)
    for number, kind in enumerate(rng.choices(names, weights, k=log.events)):
        user_id = -2_000_000_000_000 - number if kind == "chat_migrated" else chat(rng)
        occurred = (START_S + number // per_second) * 1000 + rng.randrange(1000)
        event = event_pb2.Event(event_id=event_id(number), bot_id=BOT_ID, update_id=900_000_000 + number,
                                occurred_at_ms=occurred, received_at_ms=occurred + 40)
        _FILL[kind](getattr(event, kind), user_id, rng)
        log.kinds[kind] += 1
        if kind == "user_seen":
            log.registered.add(user_id)
        yield record_key(user_id), event.SerializeToString()


def _video(video: event_pb2.VideoDownloaded, user_id: int, rng: random.Random) -> None:
    video.user_id = user_id
    video.video_link = f"https://www.tiktok.com/@u/video/{7_000_000_000_000_000_000 + rng.getrandbits(56)}"
    video.is_images = rng.random() < 0.14
    video.platform = event_pb2.PLATFORM_TIKTOK


def _music(music: event_pb2.MusicExtracted, user_id: int, rng: random.Random) -> None:
    music.user_id = user_id
    music.video_id = 7_000_000_000_000_000_000 + rng.getrandbits(56)


def _seen(seen: event_pb2.UserSeen, user_id: int, rng: random.Random) -> None:
    seen.user_id = user_id
    seen.lang = LANGS[min(int(rng.expovariate(1)), len(LANGS) - 1)]
    seen.source = event_pb2.SEEN_SOURCE_TEXT
    seen.chat_type = event_pb2.CHAT_TYPE_PRIVATE if user_id > 0 else event_pb2.CHAT_TYPE_SUPERGROUP
    if user_id > 0:
        seen.personal.clear.first_name = f"User {user_id}"
    if user_id > 0 and rng.random() < 0.25:
        seen.source = event_pb2.SEEN_SOURCE_START
        seen.link = f"ref{int(LINKS * rng.random() ** 3)}"


def _mode(mode: event_pb2.UserModeChanged, user_id: int, rng: random.Random) -> None:
    mode.user_id = user_id
    mode.file_mode = rng.random() < 0.5


def _ad(shown: event_pb2.AdShown, user_id: int, rng: random.Random) -> None:
    shown.user_id = user_id
    shown.cooldown_s = 86_400
    shown.count_after = rng.randrange(3)


def _migrated(migrated: event_pb2.ChatMigrated, user_id: int, _rng: random.Random) -> None:
    migrated.old_id = user_id
    migrated.new_id = user_id - 1_000_000_000_000


_FILL = {"video_downloaded": _video, "music_extracted": _music, "user_seen": _seen, "user_mode_changed": _mode,
         "ad_shown": _ad, "chat_migrated": _migrated}
