"""What every read RPC must answer, from the expected rows."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tests.support.oracle.chats import chats
from tests.support.oracle.recount import rank
from tests.support.oracle.tables import COUNTS, Row, Tables
from tests.support.protos import read_pb2

AD_THRESHOLD = 3
LINKS = 10
TOP_USERS = 10
ALL, USERS, GROUPS = 1, 2, 3
SERIES_USERS, SERIES_VIDEOS, SERIES_MUSIC, SERIES_IMAGES = 1, 2, 3, 4
BUCKET_SECONDS = {1: 3_600, 2: 86_400}
_USER_COLUMNS = ("user_id", "registered_at", "lang", "link", "file_mode", "ad_count", "ad_cooldown")


class Answers:
    """One method for each RPC: it returns the response, or for lists all their items in order (see `plain`)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._chats = chats(tables)
        self._registered = {user_id: row for user_id, row in self._chats.items() if not row["is_stub"]}
        self._now_id = dict(tables.aliases)

    def answer(self, rpc: str, request: Any) -> Any:
        """What the RPC must answer."""
        return getattr(self, method_of(rpc))(request)

    def _row(self, user_id: int) -> Row | None:
        """The chat's row; of an old id its own, as it was."""
        return self._tables.users.get(user_id) if user_id in self._now_id else self._chats.get(user_id)

    def _found(self, user_id: int) -> Row | None:
        row = self._row(user_id)
        return None if row is None or row["is_stub"] else row

    def get_user(self, request: Any) -> Any:
        row = self._found(request.user_id)
        return read_pb2.GetUserResponse(found=row is not None, user=_user(row))

    def get_user_settings(self, request: Any) -> Any:
        row = self._found(request.user_id)
        if row is None:
            return read_pb2.GetUserSettingsResponse()
        return read_pb2.GetUserSettingsResponse(found=True, lang=row["lang"], file_mode=row["file_mode"])

    def get_user_stats(self, request: Any) -> Any:
        row, counts = self._found(request.user_id), self._row(request.user_id) or {"videos": 0, "images": 0}
        return read_pb2.GetUserStatsResponse(
            found=row is not None, user=_user(row), videos_count=counts["videos"], images_count=counts["images"]
        )

    def get_user_videos(self, request: Any) -> list[Any]:
        ids = {request.user_id}
        if request.user_id not in self._now_id:
            ids |= {old_id for old_id, new_id in self._tables.aliases if new_id == request.user_id}
        return _downloads(row for row in self._tables.videos.values() if row["user_id"] in ids)

    def get_stats_by_period(self, request: Any) -> list[Any]:
        rows = [row for row in self._tables.videos.values() if _is_of(request.chat_class or ALL, row["user_id"])]
        if request.period_s > 0:
            since = request.now - request.period_s
            rows = [row for row in rows if row["downloaded_at"] is not None and row["downloaded_at"] >= since]
        return _downloads(rows)

    def get_referral_stats(self, request: Any) -> Any:
        counts = Counter(row["link"] for row in self._registered.values() if row["link"] is not None)
        ranked = sorted(counts.items(), key=lambda each: (-each[1], each[0].encode("utf-8")))
        return read_pb2.GetReferralStatsResponse(
            referrals=[read_pb2.ReferralCount(link=link, count=count) for link, count in ranked[: request.limit or LINKS]]
        )

    def get_other_stats(self, request: Any) -> Any:
        langs = Counter(row["lang"] for row in self._registered.values())
        ranked = sorted(langs.items(), key=lambda each: (-each[1], each[0]))
        top = sorted(rank(user_id, row["videos"]) for user_id, row in self._chats.items() if row["videos"] > 0)
        return read_pb2.GetOtherStatsResponse(
            file_mode_count=sum(row["file_mode"] for row in self._registered.values()),
            top_langs=[read_pb2.LangCount(lang=lang, count=count) for lang, count in ranked],
            top_users=[read_pb2.UserCount(user_id=user_id, count=-less) for less, _, user_id in top[:TOP_USERS]],
        )

    def should_show_ad(self, request: Any) -> Any:
        """With the default rule."""
        row = self._found(request.user_id)
        show = row is not None and (row["ad_count"] >= AD_THRESHOLD or row["ad_cooldown"] < request.now)
        return read_pb2.ShouldShowAdResponse(show=show)

    def get_user_ids(self, request: Any) -> list[int]:
        return [
            user_id
            for user_id, row in sorted(self._registered.items())
            if _is_of(request.chat_class or USERS, user_id) and (request.include_blocked or not row["is_blocked"])
        ]

    def list_users(self, request: Any) -> list[Any]:
        return [
            _user(row)
            for user_id, row in sorted(self._registered.items())
            if _is_of(request.chat_class or ALL, user_id)
        ]

    def get_bot_stats(self, request: Any) -> Any:
        """What is of the class and, with a period, has a time after its beginning; the id 0 is of no class."""
        since = request.now - request.seconds if request.seconds else None
        sums = dict.fromkeys(COUNTS, 0)
        for user_id, row in self._chats.items():
            if user_id == 0 or not _is_of(request.chat_class or ALL, user_id):
                continue
            sums["chats"] += not row["is_stub"] and _is_after(row["registered_at"], since)
            for kind in ("video", "image", "music"):
                count = row[f"{kind}s" if kind != "music" else kind]
                sums[f"{kind}_users"] += count > 0 and _is_after(row[f"last_{kind}_at"], since)
        for name, at, user_id in self._facts():
            if user_id != 0 and _is_of(request.chat_class or ALL, user_id):
                sums[name] += _is_after(at, since)
        return read_pb2.GetBotStatsResponse(**sums)

    def _facts(self) -> Iterable[tuple[str, int | None, int]]:
        for row in self._tables.videos.values():
            yield "videos", row["downloaded_at"], row["user_id"]
            if row["is_images"]:
                yield "images", row["downloaded_at"], row["user_id"]
        for row in self._tables.music.values():
            yield "music", row["downloaded_at"], row["user_id"]

    def get_time_series(self, request: Any) -> Any:
        times = sorted(self._times(request.series, request.chat_class or ALL))
        length = BUCKET_SECONDS[request.bucket]
        begin, end = getattr(request, "from"), request.to
        counts = Counter(at // length for at in times if begin <= at < end)
        numbers = range(begin // length, -(-end // length)) if begin < end else ()
        points = [read_pb2.TimeSeriesPoint(start=number * length, count=counts[number]) for number in numbers]
        return read_pb2.GetTimeSeriesResponse(points=points, **({"first": times[0]} if times else {}))

    def _times(self, series: int, chat_class: int) -> Iterable[int]:
        names = {SERIES_VIDEOS: "videos", SERIES_MUSIC: "music", SERIES_IMAGES: "images"}
        if series == SERIES_USERS:
            every = [(row["registered_at"], user_id) for user_id, row in self._registered.items()]
        else:
            every = [(at, user_id) for name, at, user_id in self._facts() if name == names[series]]
        return [at for at, user_id in every if at is not None and _is_of(chat_class, user_id)]

    def get_profile(self, request: Any) -> tuple[Any, Any]:
        row = self._tables.profiles.get(request.user_id)
        if row is None or row["first_ms"] is None:
            return read_pb2.GetProfileResponse(), None
        created_at_ms = row["created_at_ms"]
        known = {"username": row["username"], "created_at": created_at_ms and created_at_ms // 1000}
        answer = read_pb2.GetProfileResponse(
            found=True,
            user_id=row["id"],
            first_name=row["first_name"],
            **{name: value for name, value in known.items() if value is not None},
        )
        return answer, row["settings"]


def plain(answer: Any) -> Any:
    """A store's response in the form that is compared: settings, which may be written in many ways, as a value."""
    if not isinstance(answer, read_pb2.GetProfileResponse):
        return answer
    rest = read_pb2.GetProfileResponse()
    rest.CopyFrom(answer)
    rest.ClearField("settings")
    return rest, json.loads(answer.settings, parse_float=Decimal) if answer.settings else None


def method_of(rpc: str) -> str:
    """GetUserIds is answered by get_user_ids."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", rpc).lower()


def _is_of(chat_class: int, user_id: int) -> bool:
    return chat_class == ALL or (chat_class == USERS and user_id > 0) or (chat_class == GROUPS and user_id < 0)


def _is_after(at: int | None, since: int | None) -> bool:
    return since is None or (at is not None and at > since)


def _user(row: Row | None) -> Any:
    if row is None:
        return None
    return read_pb2.User(**{name: row[name] for name in _USER_COLUMNS if row[name] is not None})


def _downloads(rows: Iterable[Row]) -> list[Any]:
    """Oldest first, unknown times last, ties in the log's order."""
    ordered = sorted(rows, key=lambda row: (row["downloaded_at"] is None, row["downloaded_at"] or 0, row["pk_id"]))
    return [
        read_pb2.Download(
            video_link=row["video_link"],
            **({} if row["downloaded_at"] is None else {"downloaded_at": row["downloaded_at"]}),
        )
        for row in ordered
    ]
