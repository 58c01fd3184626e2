"""Read RPCs answered by the seeds' functions: requests become calls, and what they return becomes responses."""

from __future__ import annotations

from typing import Any, Protocol

from tests.property.model import BotStats, Download, Profile, User
from tests.support.oracle.answers import method_of
from tests.support.protos import read_pb2

_CLASSES = {1: "all", 2: "users", 3: "groups"}
_ALL, _USERS = 1, 2
_SERIES = {1: "users", 2: "videos", 3: "music", 4: "images"}
_BUCKETS = {1: 3_600, 2: 86_400}
_LINKS = 10


class Seeds(Protocol):
    """What the model and the scans both are."""

    def get_user(self, chat: int) -> User | None: ...
    def get_user_stats(self, chat: int) -> tuple[User | None, int, int]: ...
    def get_user_videos(self, chat: int) -> list[Download]: ...
    def should_show_ad(self, chat: int, now: int) -> bool: ...
    def profile(self, chat: int) -> Profile | None: ...
    def get_user_ids(self, chat_type: str, include_blocked: bool) -> list[int]: ...
    def list_users(self, chat_type: str) -> list[User]: ...
    def get_stats_by_period(self, period: int, chat_type: str, now: int) -> list[Download]: ...
    def get_referral_stats(self, limit: int) -> list[tuple[str, int]]: ...
    def get_other_stats(self) -> tuple[int, list[tuple[str, int]], list[tuple[int, int]]]: ...
    def bot_stats(self, chat_type: str, seconds: int, now: int) -> BotStats: ...
    def graph(
        self, series: str, bucket_s: int, begin: int, end: int, chat_type: str
    ) -> tuple[list[tuple[int, int]], int | None]: ...


class SeedAnswers:
    """One method for each RPC, with the same forms as the oracle's `Answers`."""

    def __init__(self, seeds: Seeds) -> None:
        self._seeds = seeds

    def answer(self, rpc: str, request: Any) -> Any:
        """What the RPC must answer."""
        return getattr(self, method_of(rpc))(request)

    def get_user(self, request: Any) -> Any:
        user = self._seeds.get_user(request.user_id)
        return read_pb2.GetUserResponse(found=user is not None, user=_user(user))

    def get_user_settings(self, request: Any) -> Any:
        user = self._seeds.get_user(request.user_id)
        if user is None:
            return read_pb2.GetUserSettingsResponse()
        return read_pb2.GetUserSettingsResponse(found=True, lang=user.lang, file_mode=user.file_mode)

    def get_user_stats(self, request: Any) -> Any:
        user, videos, images = self._seeds.get_user_stats(request.user_id)
        return read_pb2.GetUserStatsResponse(
            found=user is not None, user=_user(user), videos_count=videos, images_count=images
        )

    def get_user_videos(self, request: Any) -> list[Any]:
        return _downloads(self._seeds.get_user_videos(request.user_id))

    def get_stats_by_period(self, request: Any) -> list[Any]:
        chat_type = _CLASSES[request.chat_class or _ALL]
        return _downloads(self._seeds.get_stats_by_period(request.period_s, chat_type, request.now))

    def get_referral_stats(self, request: Any) -> Any:
        links = self._seeds.get_referral_stats(request.limit or _LINKS)
        return read_pb2.GetReferralStatsResponse(
            referrals=[read_pb2.ReferralCount(link=link, count=count) for link, count in links]
        )

    def get_other_stats(self, request: Any) -> Any:
        file_mode_count, langs, users = self._seeds.get_other_stats()
        return read_pb2.GetOtherStatsResponse(
            file_mode_count=file_mode_count,
            top_langs=[read_pb2.LangCount(lang=lang, count=count) for lang, count in langs],
            top_users=[read_pb2.UserCount(user_id=chat, count=count) for chat, count in users],
        )

    def should_show_ad(self, request: Any) -> Any:
        return read_pb2.ShouldShowAdResponse(show=self._seeds.should_show_ad(request.user_id, request.now))

    def get_user_ids(self, request: Any) -> list[int]:
        return self._seeds.get_user_ids(_CLASSES[request.chat_class or _USERS], request.include_blocked)

    def list_users(self, request: Any) -> list[Any]:
        return [_user(user) for user in self._seeds.list_users(_CLASSES[request.chat_class or _ALL])]

    def get_bot_stats(self, request: Any) -> Any:
        chat_type = _CLASSES[request.chat_class or _ALL]
        stats = self._seeds.bot_stats(chat_type, request.seconds, request.now)
        return read_pb2.GetBotStatsResponse(**stats._asdict())

    def get_time_series(self, request: Any) -> Any:
        points, first = self._seeds.graph(
            _SERIES[request.series],
            _BUCKETS[request.bucket],
            getattr(request, "from"),
            request.to,
            _CLASSES[request.chat_class or _ALL],
        )
        return read_pb2.GetTimeSeriesResponse(
            points=[read_pb2.TimeSeriesPoint(start=start, count=count) for start, count in points],
            **({} if first is None else {"first": first}),
        )

    def get_profile(self, request: Any) -> tuple[Any, Any]:
        profile = self._seeds.profile(request.user_id)
        if profile is None:
            return read_pb2.GetProfileResponse(), None
        known = {"username": profile.username, "created_at": profile.created_at}
        answer = read_pb2.GetProfileResponse(
            found=True,
            user_id=request.user_id,
            first_name=profile.first_name,
            **{name: value for name, value in known.items() if value is not None},
        )
        return answer, profile.settings


def _user(user: User | None) -> Any:
    if user is None:
        return None
    return read_pb2.User(**{name: value for name, value in user._asdict().items() if value is not None})


def _downloads(rows: list[Download]) -> list[Any]:
    return [
        read_pb2.Download(video_link=link, **({} if at is None else {"downloaded_at": at})) for at, link in rows
    ]
