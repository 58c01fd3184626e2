"""Totals, buckets, languages, links and top lists: a recount of the finished rows, not a second set of increments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from tests.support.oracle.erasing import is_pseudonym
from tests.support.oracle.tables import COUNTS, TOTALS, Tables

BUCKET_SECONDS = {1: 3_600, 2: 86_400, 3: 32 * 86_400}
TOP_USERS = 16


def recount(tables: Tables, partition_of: Mapping[int, int]) -> None:
    """Fill the tables of statistics from the others. `partition_of`: where each user's events stand."""
    _sum_totals(tables, partition_of)
    _sum_buckets(tables, partition_of)
    _sum_links(tables, partition_of)
    _rank_users(tables, partition_of)


def class_of(user_id: int) -> int:
    """0: the id 0, 1: users, 2: groups."""
    return (user_id > 0) + 2 * (user_id < 0)


def rank(user_id: int, videos: int) -> tuple[int, bool, int]:
    """The place among those with most videos: of as many, pseudonyms come first."""
    return -videos, not is_pseudonym(user_id), user_id


def _sum_totals(tables: Tables, partition_of: Mapping[int, int]) -> None:
    for user_id, user in tables.users.items():
        key = (partition_of[user_id], class_of(user_id))
        sums = tables.totals.setdefault(key, dict.fromkeys(TOTALS, 0))
        sums["chats"] += not user["is_stub"]
        sums["file_modes"] += user["file_mode"] and not user["is_stub"]
        for name in ("videos", "images", "music"):
            sums[name] += user[name]
        sums["video_users"] += user["videos"] > 0
        sums["image_users"] += user["images"] > 0
        sums["music_users"] += user["music"] > 0


def _sum_buckets(tables: Tables, partition_of: Mapping[int, int]) -> None:
    for user_id, at, name in _moments(tables):
        for level, seconds in BUCKET_SECONDS.items():
            key = (level, at // seconds, partition_of[user_id], class_of(user_id))
            tables.buckets.setdefault(key, dict.fromkeys(COUNTS, 0))[name] += 1


def _moments(tables: Tables) -> Iterator[tuple[int, int, str]]:
    """Who, when, and what that counts as; what has no time is in no bucket."""
    last: dict[tuple[int, str], int] = {}
    for user_id, at, kind in _facts(tables):
        yield user_id, at, kind
        who = f"{kind.removesuffix('s')}_users"
        last[user_id, who] = max(at, last.get((user_id, who), 0))
    for (user_id, who), at in last.items():
        yield user_id, at, who
    for user_id, user in tables.users.items():
        if not user["is_stub"] and user["registered_at"] is not None:
            yield user_id, user["registered_at"], "chats"


def _facts(tables: Tables) -> Iterator[tuple[int, int, str]]:
    for row in tables.videos.values():
        if (at := row["downloaded_at"]) is not None:
            yield row["user_id"], at, "videos"
            if row["is_images"]:
                yield row["user_id"], at, "images"
    for row in tables.music.values():
        if (at := row["downloaded_at"]) is not None:
            yield row["user_id"], at, "music"


def _sum_links(tables: Tables, partition_of: Mapping[int, int]) -> None:
    for user_id, user in tables.users.items():
        if user["is_stub"]:
            continue
        tables.langs.setdefault((partition_of[user_id], user["lang"]), {"chats": 0})["chats"] += 1
        if user["link"] is not None:
            tables.referrals.setdefault((user["link"],), {"chats": 0})["chats"] += 1


def _rank_users(tables: Tables, partition_of: Mapping[int, int]) -> None:
    videos = Counter(row["user_id"] for row in tables.videos.values())
    ranked: dict[int, list[int]] = {}
    for user_id in sorted(videos, key=lambda user_id: rank(user_id, videos[user_id])):
        of_partition = ranked.setdefault(partition_of[user_id], [])
        if len(of_partition) < TOP_USERS:
            of_partition.append(user_id)
            tables.top_users[partition_of[user_id], user_id] = {"videos": videos[user_id]}
