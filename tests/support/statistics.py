"""What the tables of the statistics hold, and what is asked of them, counted from users and facts the slow way.

`derive` fills the kept counts with plain SQL over users, videos and music; `Truth` reads the rows and answers by
looking at each of them, with the rules for migrated groups written once more (docs/adr/0009). Neither knows how the
store cuts time or corrects counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.support.oracle.recount import rank

HOUR, DAY, BLOCK = 3_600, 86_400, 2_764_800
ALL, USERS, GROUPS = 1, 2, 3
KEPT = ("chats", "videos", "images", "video_users", "image_users", "music", "music_users")
Row = dict[str, Any]

_LAST = """
UPDATE g1.users SET (videos, images, last_video_at, last_image_at) = (
    SELECT count(*), count(*) FILTER (WHERE is_images), max(downloaded_at),
           max(downloaded_at) FILTER (WHERE is_images)
    FROM g1.videos WHERE videos.user_id = users.user_id);
UPDATE g1.users SET (music, last_music_at) = (
    SELECT count(*), max(downloaded_at) FROM g1.music WHERE music.user_id = users.user_id);
"""

_COUNTED = """
CREATE TEMP TABLE counted AS
    SELECT abs(user_id) % {partitions} AS partition,
           CASE WHEN user_id = 0 THEN 0 WHEN user_id > 0 THEN 1 ELSE 2 END AS chat_class, time, what
    FROM (SELECT user_id, registered_at, 'chats' FROM g1.users WHERE NOT is_stub
          UNION ALL SELECT user_id, downloaded_at, 'videos' FROM g1.videos
          UNION ALL SELECT user_id, downloaded_at, 'images' FROM g1.videos WHERE is_images
          UNION ALL SELECT user_id, downloaded_at, 'music' FROM g1.music
          UNION ALL SELECT user_id, last_video_at, 'video_users' FROM g1.users WHERE videos > 0
          UNION ALL SELECT user_id, last_image_at, 'image_users' FROM g1.users WHERE images > 0
          UNION ALL SELECT user_id, last_music_at, 'music_users' FROM g1.users WHERE music > 0
    ) AS all_of_it (user_id, time, what);
"""

_SUMS = ", ".join(f"count(*) FILTER (WHERE what = '{name}')" for name in KEPT)

_REST = f"""
INSERT INTO g1.totals (partition, chat_class, {", ".join(KEPT)})
    SELECT partition, chat_class, {_SUMS} FROM counted GROUP BY 1, 2;
INSERT INTO g1.totals AS kept (partition, chat_class, file_modes)
    SELECT abs(user_id) % {{partitions}}, CASE WHEN user_id = 0 THEN 0 WHEN user_id > 0 THEN 1 ELSE 2 END, count(*)
    FROM g1.users WHERE NOT is_stub AND file_mode GROUP BY 1, 2
    ON CONFLICT (partition, chat_class) DO UPDATE SET file_modes = excluded.file_modes;
INSERT INTO g1.buckets (level, bucket, partition, chat_class, {", ".join(KEPT)})
    SELECT level, time / length, partition, chat_class, {_SUMS}
    FROM counted, (VALUES (1, {HOUR}), (2, {DAY}), (3, {BLOCK})) AS levels (level, length)
    WHERE time IS NOT NULL GROUP BY 1, 2, 3, 4;
INSERT INTO g1.langs SELECT abs(user_id) % {{partitions}}, lang, count(*) FROM g1.users WHERE NOT is_stub GROUP BY 1, 2;
INSERT INTO g1.referrals SELECT link, count(*) FROM g1.users WHERE NOT is_stub AND link IS NOT NULL GROUP BY 1;
INSERT INTO g1.top_users SELECT partition, user_id, videos FROM (
    SELECT abs(user_id) % {{partitions}} AS partition, user_id, videos,
           row_number() OVER (PARTITION BY abs(user_id) % {{partitions}} ORDER BY videos DESC, user_id) AS place
    FROM g1.users WHERE videos > 0) AS ranked WHERE place <= 16;
DROP TABLE counted;
"""

_TABLES = ("totals", "buckets", "langs", "referrals", "top_users")


def derive(database: psycopg.Connection, partitions: int) -> None:
    """Fill the per-user counters and every table of the statistics from users, videos and music."""
    _execute(database, _LAST)
    derive_rollups(database, partitions)


def derive_rollups(database: psycopg.Connection, partitions: int) -> None:
    """Fill every table of the statistics from users with their counters, videos and music."""
    for table in _TABLES:
        database.execute(f"TRUNCATE g1.{table}")
    _execute(database, (_COUNTED + _REST).format(partitions=partitions))


def _execute(database: psycopg.Connection, text: str) -> None:
    for statement in text.split(";\n"):
        if statement.strip():
            database.execute(statement)  # type: ignore[arg-type]


def is_of(chat_class: int, user_id: int) -> bool:
    """Whether a chat counts in a class; ALL has the id 0 too."""
    return chat_class == ALL or (chat_class == USERS and user_id > 0) or (chat_class == GROUPS and user_id < 0)


@dataclass(frozen=True, slots=True)
class Fact:
    """A video or a sound."""

    user_id: int
    time: int | None
    pk_id: int
    link: str = ""
    is_images: bool = False


class Truth:
    """The answers, by looking at every row."""

    def __init__(self, database: psycopg.Connection) -> None:
        cursor = database.execute("SELECT * FROM g1.users")
        names = [column.name for column in cursor.description or ()]
        self.rows: dict[int, Row] = {row[0]: dict(zip(names, row, strict=True)) for row in cursor}
        self.old_of = dict(database.execute("SELECT DISTINCT new_id, old_id FROM g1.aliases").fetchall())
        self.new_of = {old: new for new, old in self.old_of.items()}
        self.videos = [Fact(*row) for row in database.execute(
            "SELECT user_id, downloaded_at, pk_id, video_link, is_images FROM g1.videos")]
        self.music = [Fact(*row) for row in database.execute("SELECT user_id, downloaded_at, pk_id FROM g1.music")]

    def chat(self, user_id: int) -> Row | None:
        """The row a chat answers with: its own and, of a group that moved, that of its old id."""
        own, old = self.rows.get(user_id), self.rows.get(self.old_of.get(user_id, user_id))
        if user_id not in self.old_of or old is None:
            return own
        if own is None:
            return {**old, "user_id": user_id}
        chat = {**own, "is_stub": own["is_stub"] and old["is_stub"]}
        if not old["is_stub"]:
            chat |= {"registered_at": old["registered_at"], "link": old["link"]}
        for name, is_set in (("lang", "is_lang_set"), ("file_mode", "is_mode_set")):
            if not own[is_set] and (old[is_set] or not old["is_stub"]):
                chat[name] = old[name]
        for name in ("videos", "images", "music"):
            chat[name] = own[name] + old[name]
        return chat

    def registered(self, chat_class: int = ALL) -> list[Row]:
        """Every registered chat once, ascending; one that moved under its new id."""
        ids = {self.new_of.get(user_id, user_id) for user_id in self.rows}
        chats = [chat for user_id in sorted(ids) if (chat := self.chat(user_id)) is not None]
        return [chat for chat in chats if not chat["is_stub"] and is_of(chat_class, chat["user_id"])]

    def listed_ids(self, chat_class: int, include_blocked: bool) -> list[int]:
        """The ids of registered chats; whether one is blocked is what its own row says."""
        ids = [chat["user_id"] for chat in self.registered(chat_class)]
        return [user_id for user_id in ids
                if include_blocked or not self.rows.get(user_id, {}).get("is_blocked", False)]

    def downloads(self, user_ids: Iterable[int]) -> list[Fact]:
        """In the order of the lists."""
        wanted = set(user_ids)
        return in_order(fact for fact in self.videos if fact.user_id in wanted)

    def downloads_of(self, user_id: int) -> list[Fact]:
        """Of a chat, with those of the group it was."""
        return self.downloads({user_id, self.old_of.get(user_id, user_id)})

    def bot_stats(self, chat_class: int, after: int | None) -> dict[str, int]:
        """Everything, or what is later than a moment; the id 0 is in no class."""

        def counts(time: int | None, user_id: int) -> bool:
            return user_id != 0 and is_of(chat_class, user_id) and (after is None or time is not None and time > after)

        def people(facts: list[Fact]) -> int:
            return len({self.new_of.get(fact.user_id, fact.user_id) for fact in facts})

        videos = [fact for fact in self.videos if counts(fact.time, fact.user_id)]
        images = [fact for fact in videos if fact.is_images]
        music = [fact for fact in self.music if counts(fact.time, fact.user_id)]
        chats = [chat for chat in self.registered() if counts(chat["registered_at"], chat["user_id"])]
        return {
            "chats": len(chats), "videos": len(videos), "images": len(images), "video_users": people(videos),
            "image_users": people(images), "music": len(music), "music_users": people(music),
        }

    def referrals(self, limit: int) -> list[tuple[str, int]]:
        """Links by how many registered chats have them."""
        return _ranked(Counter(chat["link"] for chat in self.registered() if chat["link"] is not None))[:limit]

    def langs(self) -> list[tuple[str, int]]:
        """Languages by how many registered chats have them."""
        return _ranked(Counter(chat["lang"] for chat in self.registered()))

    def file_modes(self) -> int:
        """Registered chats that get files."""
        return sum(chat["file_mode"] for chat in self.registered())

    def top_users(self) -> list[tuple[int, int]]:
        """The ten chats with most videos."""
        counts = Counter(self.new_of.get(fact.user_id, fact.user_id) for fact in self.videos)
        return sorted(counts.items(), key=lambda item: rank(*item))[:10]

    def series(self, name: str, chat_class: int) -> list[int]:
        """The times of a series."""
        times = {
            "USERS": ((chat["registered_at"], chat["user_id"]) for chat in self.registered()),
            "VIDEOS": ((fact.time, fact.user_id) for fact in self.videos),
            "IMAGES": ((fact.time, fact.user_id) for fact in self.videos if fact.is_images),
            "MUSIC": ((fact.time, fact.user_id) for fact in self.music),
        }[name]
        return [time for time, user_id in times if time is not None and is_of(chat_class, user_id)]


def in_order(facts: Iterable[Fact]) -> list[Fact]:
    """Oldest first, ties as in the log, unknown times last."""
    return sorted(facts, key=lambda fact: (fact.time is None, fact.time or 0, fact.pk_id))


def points(times: Iterable[int], length: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The buckets of start <= time < end with their counts."""
    counts = Counter(time // length for time in times if start <= time < end)
    for bucket in range(start // length, -(-end // length)):
        yield bucket * length, counts[bucket]


def _ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0].encode()))
