"""What to ask the read RPCs so that every rule of theirs matters: all classes, and moments at and beside borders."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.oracle.recount import BUCKET_SECONDS
from tests.support.oracle.tables import Tables
from tests.support.protos import read_pb2

PRESETS_S = (86_400, 604_800, 2_678_400)
CLASSES = (0, 1, 2, 3)
SERIES = (1, 2, 3, 4)
POINTS_MAX = 300
INT64_MAX = 2**63 - 1
_HOUR, _DAY = 1, 2
_LENGTHS = tuple(BUCKET_SECONDS.values())

Question = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much to ask.

    chats    how many known ones to ask about; some unknown ones come on top.
    windows  how many trailing periods, each of every class of chats.
    """

    chats: int
    windows: int


def questions(tables: Tables, extent: Extent, rng: random.Random) -> Iterator[Question]:
    """Every RPC of the service that is about data."""
    yield from _about_chats(tables, _chosen(tables, extent.chats, rng), rng)
    yield "GetOtherStats", read_pb2.GetOtherStatsRequest()
    for limit in (0, 1, rng.randint(2, 50), 1_000):
        yield "GetReferralStats", read_pb2.GetReferralStatsRequest(limit=limit)
    for chat_class in CLASSES:
        yield "ListUsers", read_pb2.ListUsersRequest(chat_class=chat_class)
        yield "GetBotStats", read_pb2.GetBotStatsRequest(chat_class=chat_class)
        for include_blocked in (False, True):
            yield "GetUserIds", read_pb2.GetUserIdsRequest(chat_class=chat_class, include_blocked=include_blocked)
    times = times_of(tables)
    for _ in range(extent.windows):
        yield from _about_a_window(times, rng)
    yield from _about_no_window(rng)


def times_of(tables: Tables) -> list[int]:
    """Every known time, in seconds."""
    facts = [*tables.videos.values(), *tables.music.values()]
    every = {row["downloaded_at"] for row in facts} | {row["registered_at"] for row in tables.users.values()}
    return sorted(at for at in every if at is not None) or [0]


def edge(times: Sequence[int], rng: random.Random) -> int:
    """A moment that tells < from <=: something's time, or the border of a bucket near it, or a second beside."""
    at = rng.choice(times)
    if rng.random() < 0.6:
        length = rng.choice(_LENGTHS)
        at = at // length * length + rng.choice((0, length))
    return max(0, at + rng.choice((-1, 0, 0, 1)))


def _chosen(tables: Tables, count: int, rng: random.Random) -> list[int]:
    known = sorted(tables.users.keys() | tables.profiles.keys() | {each for pair in tables.aliases for each in pair})
    unknown = [user_id for user_id in (0, 1, -1, INT64_MAX, -INT64_MAX - 1) if user_id not in known]
    return (known if len(known) <= count else sorted(rng.sample(known, count))) + unknown


def _about_chats(tables: Tables, chosen: Sequence[int], rng: random.Random) -> Iterator[Question]:
    for user_id in chosen:
        yield "GetUser", read_pb2.GetUserRequest(user_id=user_id)
        yield "GetUserSettings", read_pb2.GetUserSettingsRequest(user_id=user_id)
        yield "GetUserStats", read_pb2.GetUserStatsRequest(user_id=user_id)
        yield "GetUserVideos", read_pb2.GetUserVideosRequest(user_id=user_id)
        yield "GetProfile", read_pb2.GetProfileRequest(user_id=user_id)
        row = tables.users.get(user_id)
        cooldown = row["ad_cooldown"] if row else rng.randrange(2**31)
        for now in (cooldown, cooldown + 1):
            yield "ShouldShowAd", read_pb2.ShouldShowAdRequest(user_id=user_id, now=now)


def _about_a_window(times: Sequence[int], rng: random.Random) -> Iterator[Question]:
    since = edge(times, rng)
    seconds = rng.choice((*PRESETS_S, 1, rng.randrange(1, 2**31)))
    for chat_class in CLASSES:
        yield (
            "GetBotStats",
            read_pb2.GetBotStatsRequest(chat_class=chat_class, seconds=seconds, now=since + seconds),
        )
    yield (
        "GetStatsByPeriod",
        read_pb2.GetStatsByPeriodRequest(period_s=seconds, chat_class=rng.choice(CLASSES), now=since + seconds),
    )
    yield "GetTimeSeries", _series(times, rng)


def _series(times: Sequence[int], rng: random.Random) -> Any:
    bucket = rng.choice((_HOUR, _DAY))
    begin, end = edge(times, rng), edge(times, rng)
    if rng.random() < 0.9:
        begin, end = min(begin, end), max(begin, end)
    end = min(end, begin + POINTS_MAX * BUCKET_SECONDS[bucket])
    return read_pb2.GetTimeSeriesRequest(
        series=rng.choice(SERIES), bucket=bucket, chat_class=rng.choice(CLASSES), to=end, **{"from": begin}
    )


def _about_no_window(rng: random.Random) -> Iterator[Question]:
    """Everything, nothing, and moments that no clock shows."""
    for period_s in (0, -1, -INT64_MAX - 1):
        request = read_pb2.GetStatsByPeriodRequest(period_s=period_s, chat_class=rng.choice(CLASSES), now=5)
        yield "GetStatsByPeriod", request
    for seconds, now in ((INT64_MAX, 0), (1, INT64_MAX), (INT64_MAX, -INT64_MAX - 1), (1, 0)):
        yield "GetBotStats", read_pb2.GetBotStatsRequest(seconds=seconds, now=now)
        yield "GetStatsByPeriod", read_pb2.GetStatsByPeriodRequest(period_s=seconds, now=now)
    for begin, end in ((7_200, 7_200), (7_201, 7_200), (INT64_MAX - 3_600, INT64_MAX)):
        yield "GetTimeSeries", read_pb2.GetTimeSeriesRequest(series=rng.choice(SERIES), bucket=1, to=end, **{"from": begin})
