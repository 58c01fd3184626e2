"""The seeds' functions as scans of the base tables, written from the definitions; no table of statistics is read."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.property.model import BotStats, Download, Profile, User

_COLUMNS = "user_id, registered_at, lang, link, file_mode, ad_count, ad_cooldown"

_VIEWS = """
DROP SCHEMA IF EXISTS scan CASCADE;
CREATE SCHEMA scan;

-- Each group that moved, once.
CREATE VIEW scan.aliases AS SELECT DISTINCT old_id, new_id FROM {schema}.aliases;

-- Every download and sound: whose it is now, and under which id it was.
CREATE VIEW scan.facts AS
    SELECT coalesce(a.new_id, f.user_id) AS chat, f.*
    FROM (SELECT user_id, downloaded_at AS at, video_link, is_images, pk_id, 'video' AS kind FROM {schema}.videos
          UNION ALL
          SELECT user_id, downloaded_at, NULL, false, pk_id, 'music' FROM {schema}.music) f
    LEFT JOIN scan.aliases a ON a.old_id = f.user_id;

-- Every chat under the id it has now.
CREATE VIEW scan.chats AS
    SELECT i.user_id,
           coalesce(NOT o.is_stub, false) OR coalesce(NOT n.is_stub, false) AS is_registered,
           CASE WHEN NOT o.is_stub THEN o.registered_at ELSE n.registered_at END AS registered_at,
           CASE WHEN n.is_lang_set THEN n.lang
                WHEN o.is_lang_set OR NOT o.is_stub THEN o.lang
                ELSE coalesce(n.lang, o.lang) END AS lang,
           CASE WHEN NOT o.is_stub THEN o.link ELSE n.link END AS link,
           CASE WHEN n.is_mode_set THEN n.file_mode ELSE coalesce(o.file_mode, n.file_mode) END AS file_mode,
           CASE WHEN n.user_id IS NOT NULL THEN n.ad_count ELSE o.ad_count END AS ad_count,
           CASE WHEN n.user_id IS NOT NULL THEN n.ad_cooldown ELSE o.ad_cooldown END AS ad_cooldown,
           coalesce(n.is_blocked, {somebody}) AS is_blocked
    FROM (SELECT user_id FROM {schema}.users UNION SELECT new_id FROM {schema}.aliases
          EXCEPT SELECT old_id FROM {schema}.aliases) i
    LEFT JOIN {schema}.users n ON n.user_id = i.user_id
    LEFT JOIN scan.aliases a ON a.new_id = i.user_id
    LEFT JOIN {schema}.users o ON o.user_id = a.old_id;

-- What can be asked for by id: chats, and old ids as they were.
CREATE VIEW scan.asked AS
    SELECT * FROM scan.chats
    UNION ALL
    SELECT user_id, NOT is_stub, registered_at, lang, link, file_mode, ad_count, ad_cooldown, is_blocked
    FROM {schema}.users WHERE user_id IN (SELECT old_id FROM {schema}.aliases);
"""

_SOMEBODY = "abs({id}::numeric) BETWEEN 2 ^ 62::numeric AND 2 ^ 62::numeric + 2 ^ 61::numeric - 1"
_OF = {"all": "true", "users": "{id} > 0", "groups": "{id} < 0"}


def create_views(database: psycopg.Connection[Any], schema: str) -> None:
    """Once for a database."""
    database.execute(_VIEWS.format(schema=schema, somebody=_SOMEBODY.format(id="i.user_id")))  # type: ignore[call-overload]


class Scan:
    """As the model, from the tables as they are."""

    def __init__(self, database: psycopg.Connection[Any], schema: str) -> None:
        self._database = database
        self._schema = schema

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._database.execute(sql, values).fetchall()  # type: ignore[call-overload]

    def get_user(self, chat: int) -> User | None:
        rows = self._rows(f"SELECT {_COLUMNS} FROM scan.asked WHERE is_registered AND user_id = %s", chat)
        return User(*rows[0]) if rows else None

    def _whose(self, chat: int) -> str:
        """The column that finds a chat's facts: an old id's are only those under it."""
        old = self._rows(f"SELECT FROM {self._schema}.aliases WHERE old_id = %s", chat)
        return "user_id" if old else "chat"

    def get_user_stats(self, chat: int) -> tuple[User | None, int, int]:
        counts = self._rows(
            "SELECT count(*), count(*) FILTER (WHERE is_images) FROM scan.facts"
            f" WHERE kind = 'video' AND {self._whose(chat)} = %s",
            chat,
        )
        return self.get_user(chat), *counts[0]

    def get_user_videos(self, chat: int) -> list[Download]:
        return self._rows(
            f"SELECT at, video_link FROM scan.facts WHERE kind = 'video' AND {self._whose(chat)} = %s"
            " ORDER BY at NULLS LAST, pk_id",
            chat,
        )

    def should_show_ad(self, chat: int, now: int) -> bool:
        sql = "SELECT ad_count >= 3 OR ad_cooldown < %s FROM scan.asked WHERE is_registered AND user_id = %s"
        rows = self._rows(sql, now, chat)
        return bool(rows) and rows[0][0]

    def profile(self, chat: int) -> Profile | None:
        rows = self._rows(
            "SELECT username, first_name, floor(extract(epoch FROM created_at))::bigint, settings"
            f" FROM {self._schema}.profiles WHERE first_event IS NOT NULL AND id = %s",
            chat,
        )
        return Profile(*rows[0]) if rows else None

    def get_user_ids(self, chat_type: str, include_blocked: bool) -> list[int]:
        rows = self._rows(
            "SELECT user_id FROM scan.chats WHERE is_registered AND (%s OR NOT is_blocked)"
            f" AND {_of(chat_type, 'user_id')} ORDER BY user_id",
            include_blocked,
        )
        return [user_id for (user_id,) in rows]

    def list_users(self, chat_type: str) -> list[User]:
        rows = self._rows(
            f"SELECT {_COLUMNS} FROM scan.chats WHERE is_registered AND {_of(chat_type, 'user_id')} ORDER BY user_id"
        )
        return [User(*row) for row in rows]

    def get_stats_by_period(self, period: int, chat_type: str, now: int) -> list[Download]:
        return self._rows(
            "SELECT at, video_link FROM scan.facts WHERE kind = 'video' AND (%s OR at >= %s)"
            f" AND {_of(chat_type, 'user_id')} ORDER BY at NULLS LAST, pk_id",
            period <= 0,
            now - period,
        )

    def get_referral_stats(self, limit: int) -> list[tuple[str, int]]:
        return self._rows(
            "SELECT link, count(*) FROM scan.chats WHERE is_registered AND link IS NOT NULL"
            ' GROUP BY link ORDER BY 2 DESC, link COLLATE "C" LIMIT %s',
            limit,
        )

    def get_other_stats(self) -> tuple[int, list[tuple[str, int]], list[tuple[int, int]]]:
        modes = self._rows("SELECT count(*) FROM scan.chats WHERE is_registered AND file_mode")
        langs = self._rows(
            'SELECT lang, count(*) FROM scan.chats WHERE is_registered GROUP BY 1 ORDER BY 2 DESC, lang COLLATE "C"'
        )
        top = self._rows(
            "SELECT chat, count(*) FROM scan.facts WHERE kind = 'video' GROUP BY 1"
            f" ORDER BY 2 DESC, {_SOMEBODY.format(id='chat')} DESC, 1 LIMIT 10"
        )
        return modes[0][0], langs, top

    def bot_stats(self, chat_type: str, seconds: int, now: int) -> BotStats:
        when = (seconds == 0, now - seconds)
        chats = self._rows(
            "SELECT count(*) FROM scan.chats WHERE is_registered AND (%s OR registered_at > %s)"
            f" AND user_id <> 0 AND {_of(chat_type, 'user_id')}",
            *when,
        )
        facts = self._rows(
            "SELECT count(*) FILTER (WHERE kind = 'video'), count(*) FILTER (WHERE is_images),"
            " count(DISTINCT chat) FILTER (WHERE kind = 'video'), count(DISTINCT chat) FILTER (WHERE is_images),"
            " count(*) FILTER (WHERE kind = 'music'), count(DISTINCT chat) FILTER (WHERE kind = 'music')"
            f" FROM scan.facts WHERE (%s OR at > %s) AND user_id <> 0 AND {_of(chat_type, 'user_id')}",
            *when,
        )
        return BotStats(*chats[0], *facts[0])

    def graph(
        self, series: str, bucket_s: int, begin: int, end: int, chat_type: str
    ) -> tuple[list[tuple[int, int]], int | None]:
        source = {
            "users": "SELECT user_id, registered_at AS at FROM scan.chats WHERE is_registered",
            "videos": "SELECT user_id, at FROM scan.facts WHERE kind = 'video'",
            "images": "SELECT user_id, at FROM scan.facts WHERE is_images",
            "music": "SELECT user_id, at FROM scan.facts WHERE kind = 'music'",
        }[series]
        of = _of(chat_type, "user_id")
        first = self._rows(f"SELECT min(at) FROM ({source}) s WHERE {of}")
        counts = self._rows(
            f"SELECT at / %s * %s, count(*) FROM ({source}) s WHERE at >= %s AND at < %s AND {of} GROUP BY 1",
            bucket_s,
            bucket_s,
            begin,
            end,
        )
        found = dict(counts)
        starts = range(begin // bucket_s * bucket_s, end, bucket_s) if begin < end else ()
        return [(start, found.get(start, 0)) for start in starts], first[0][0]


def _of(chat_type: str, column: str) -> str:
    return _OF[chat_type].format(id=column)
