"""TT-Bot's data layer as its documents describe it: the same SQL, through psycopg, on schema tt_bot."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg

ADVISED_INDEXES = (
    "CREATE INDEX ON tt_bot.videos (user_id)",
    "CREATE INDEX ON tt_bot.music (user_id)",
    "CREATE INDEX ON tt_bot.videos (downloaded_at)",
    "ANALYZE tt_bot.videos",
)
_USER = "SELECT user_id, registered_at, lang, link, file_mode, ad_count, ad_cooldown FROM tt_bot.users WHERE user_id = %s"
AD_THRESHOLD = 3


def in_order(downloads: Iterable[tuple[int | None, str]]) -> list[tuple[int | None, str]]:
    """By time and link, unknown times last: TT-Bot's lists have no order."""
    return sorted(downloads, key=lambda row: (row[0] is None, row[0] or 0, row[1]))


class TtBot:
    """Its functions, named as there."""

    def __init__(self, database: psycopg.Connection) -> None:
        self._database = database

    def _rows(self, sql: str, *values: object) -> list[Any]:
        return self._database.execute(sql, values).fetchall()  # type: ignore[arg-type]

    def _one(self, sql: str, *values: object) -> Any:
        return self._rows(sql, *values)[0]

    def get_user(self, user_id: int) -> tuple[Any, ...]:
        return self._one(_USER, user_id)

    def get_user_settings(self, user_id: int) -> tuple[str, bool]:
        return self._one("SELECT lang, file_mode FROM tt_bot.users WHERE user_id = %s", user_id)

    def get_user_stats(self, user_id: int) -> tuple[Any, int, int]:
        videos = "SELECT count(video_link) FROM tt_bot.videos WHERE user_id = %s"
        user = self.get_user(user_id)
        return user, self._one(videos, user_id)[0], self._one(videos + " AND is_images", user_id)[0]

    def get_user_videos(self, user_id: int) -> list[tuple[int | None, str]]:
        return in_order(self._rows("SELECT downloaded_at, video_link FROM tt_bot.videos WHERE user_id = %s", user_id))

    def get_stats_by_period(self, since: int) -> list[tuple[int | None, str]]:
        return in_order(self._rows("SELECT downloaded_at, video_link FROM tt_bot.videos WHERE downloaded_at >= %s", since))

    def get_referral_stats(self) -> list[int]:
        rows = self._rows("SELECT link, count(link) FROM tt_bot.users WHERE link IS NOT NULL GROUP BY link"
                          " ORDER BY count(link) DESC LIMIT 10")
        return sorted(row[1] for row in rows)

    def get_other_stats(self) -> tuple[int, list[tuple[str, int]], list[int]]:
        modes = self._one("SELECT count(user_id) FROM tt_bot.users WHERE file_mode")[0]
        langs = self._rows("SELECT lang, count(lang) FROM tt_bot.users GROUP BY lang ORDER BY count(lang) DESC")
        top = self._rows("SELECT user_id, count(user_id) FROM tt_bot.videos GROUP BY user_id"
                         " ORDER BY count(user_id) DESC LIMIT 10")
        return modes, sorted(langs), sorted(row[1] for row in top)

    def should_show_ad(self, user_id: int, now: int) -> bool:
        count, cooldown = self._one("SELECT ad_count, ad_cooldown FROM tt_bot.users WHERE user_id = %s", user_id)
        return count >= AD_THRESHOLD or cooldown < now

    def get_user_ids(self) -> list[int]:
        return sorted(row[0] for row in self._rows("SELECT user_id FROM tt_bot.users WHERE user_id > 0"))

    def count_users(self) -> int:
        return len(self._rows("SELECT * FROM tt_bot.users"))

    def bot_stats(self, after: int | None) -> tuple[int, ...]:
        """Seven statements, each with `> after`."""
        facts = "user_id <> 0" + ("" if after is None else f" AND downloaded_at > {after}")
        users = "user_id <> 0" + ("" if after is None else f" AND registered_at > {after}")
        texts = (
            f"SELECT count(user_id) FROM tt_bot.users WHERE {users}",
            f"SELECT count(user_id) FROM tt_bot.videos WHERE {facts}",
            f"SELECT count(user_id) FROM tt_bot.videos WHERE {facts} AND is_images",
            f"SELECT count(DISTINCT user_id) FROM tt_bot.videos WHERE {facts}",
            f"SELECT count(DISTINCT user_id) FROM tt_bot.videos WHERE {facts} AND is_images",
            f"SELECT count(user_id) FROM tt_bot.music WHERE {facts}",
            f"SELECT count(DISTINCT user_id) FROM tt_bot.music WHERE {facts}",
        )
        return tuple(self._one(text)[0] for text in texts)

    def graph(self, since: int, until: int, bucket: int) -> list[tuple[int, int]]:
        """Its graphs fetch every time and count in Python."""
        counts: dict[int, int] = {}
        rows = self._rows("SELECT downloaded_at FROM tt_bot.videos WHERE downloaded_at >= %s AND downloaded_at < %s", since, until)
        for (at,) in rows:
            counts[at // bucket * bucket] = counts.get(at // bucket * bucket, 0) + 1
        return sorted(counts.items())
