"""Compares what the read RPCs answer with what the rows say they must, through a gRPC client other people wrote."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import grpc

from tests.support.oracle import ids
from tests.support.oracle.differences import Differences
from tests.support.oracle.log import TopicLog
from tests.support.oracle.projection import AD_THRESHOLD, TOTALS, Row, Tables
from tests.support.protos import read_grpc, read_pb2

DEADLINE_S = 5.0
PAGE_MAX = 1_000
ALL, USERS, GROUPS = 1, 2, 3


def check_answers(
    target: str, expected: Tables, log: TopicLog, differences: Differences, *, sample: int, seed: int
) -> int:
    """Ask about `sample` chats, some unknown, and for everything that is asked of all. Returns the calls made."""
    known = sorted(expected.users)
    rng = random.Random(f"answers {seed}")
    chosen = known if len(known) <= sample else rng.sample(known, sample)
    unknown = [user_id for user_id in (1, -1, 2**62, -(2**62)) if user_id not in expected.users]
    with grpc.insecure_channel(target) as channel:
        checker = _Checker(read_grpc.ReadServiceStub(channel), expected, log, differences)
        try:
            checker.totals()
            checker.user_ids()
            for user_id in chosen + unknown:
                checker.user(user_id)
        except grpc.RpcError as error:
            differences.add("answer: error", f"{error.code().name}: {error.details()}")
        return checker.calls


def expected_user_ids(tables: Tables, chat_class: int, include_blocked: bool) -> list[int]:
    """The ids GetUserIds must stream: a chat that moved is there under its new id only."""
    moved = {old_id for old_id, _ in tables.aliases}
    return sorted(
        user_id
        for user_id, row in tables.users.items()
        if user_id not in moved
        and not row["is_stub"]
        and (include_blocked or not row["is_blocked"])
        and _is_of(chat_class, user_id)
    )


def expected_bot_stats(tables: Tables, chat_class: int) -> Row:
    """The all-time totals GetBotStats must answer; the id 0 is in none of the classes."""
    sums = dict.fromkeys(TOTALS, 0)
    for (_, of), row in tables.totals.items():
        if (of == 1 and chat_class in (ALL, USERS)) or (of == 2 and chat_class in (ALL, GROUPS)):
            for name in TOTALS:
                sums[name] += row[name]
    return sums


def expected_show_ad(row: Row | None, now: int) -> bool:
    """What ShouldShowAd must answer with the default rule."""
    if row is None or row["is_stub"]:
        return False
    return row["ad_count"] >= AD_THRESHOLD or row["ad_cooldown"] < now


def _is_of(chat_class: int, user_id: int) -> bool:
    return chat_class == ALL or (chat_class == USERS and user_id > 0) or (chat_class == GROUPS and user_id < 0)


class _Checker:
    def __init__(self, stub: Any, expected: Tables, log: TopicLog, differences: Differences) -> None:
        self._stub = stub
        self._expected = expected
        self._end = log.end
        self._differences = differences
        self.calls = 0

    def _ask(self, method: str, request: Any) -> Any:
        self.calls += 1
        answer, call = getattr(self._stub, method).with_call(
            request, timeout=DEADLINE_S, metadata=(("telefact-min-position", self._everything()),)
        )
        self._check_metadata(method, dict(call.initial_metadata()) | dict(call.trailing_metadata()))
        return answer

    def _everything(self) -> str:
        return ",".join(f"{partition}:{end}" for partition, end in sorted(self._end.items()) if end)

    def _check_metadata(self, method: str, metadata: dict[str, Any]) -> None:
        differences = self._differences
        for name in ("telefact-position", "telefact-generation"):
            if name not in metadata:
                differences.add("answer: metadata", f"{method}: {name} is missing")
        position = ids.parse_position(str(metadata.get("telefact-position", "")))
        for partition, end in self._end.items():
            if position.get(partition, 0) < end:
                differences.add("answer: metadata", f"{method}: position {position} is before {partition}:{end}")
        if not str(metadata.get("telefact-lag-ms", "0")).isdecimal():
            differences.add("answer: metadata", f"{method}: telefact-lag-ms is {metadata['telefact-lag-ms']!r}")

    def user(self, user_id: int) -> None:
        row = self._expected.users.get(user_id)
        is_found = row is not None and not row["is_stub"]
        what = f"{user_id}"
        user = self._ask("GetUser", read_pb2.GetUserRequest(user_id=user_id))
        self._same("GetUser", what, read_pb2.GetUserResponse(found=is_found, user=_user(row)), user)
        settings = self._ask("GetUserSettings", read_pb2.GetUserSettingsRequest(user_id=user_id))
        if is_found:
            wanted = read_pb2.GetUserSettingsResponse(found=True, lang=row["lang"], file_mode=row["file_mode"])
            self._same("GetUserSettings", what, wanted, settings)
        elif settings.found:
            self._same("GetUserSettings", what, read_pb2.GetUserSettingsResponse(), settings)
        self._same(
            "GetUserStats",
            what,
            self._stats(row, is_found),
            self._ask("GetUserStats", read_pb2.GetUserStatsRequest(user_id=user_id)),
        )
        for now in _moments(row):
            request = read_pb2.ShouldShowAdRequest(user_id=user_id, now=now)
            wanted = read_pb2.ShouldShowAdResponse(show=expected_show_ad(row, now))
            self._same("ShouldShowAd", f"{what} at {now}", wanted, self._ask("ShouldShowAd", request))

    def _stats(self, row: Row | None, is_found: bool) -> Any:
        counts = (row["videos"], row["images"]) if row is not None else (0, 0)
        return read_pb2.GetUserStatsResponse(
            found=is_found, user=_user(row), videos_count=counts[0], images_count=counts[1]
        )

    def totals(self) -> None:
        for chat_class in (0, ALL, USERS, GROUPS):
            wanted = read_pb2.GetBotStatsResponse(**expected_bot_stats(self._expected, chat_class or ALL))
            answer = self._ask("GetBotStats", read_pb2.GetBotStatsRequest(chat_class=chat_class))
            self._same("GetBotStats", f"class {chat_class}", wanted, answer)

    def user_ids(self) -> None:
        for chat_class in (0, ALL, USERS, GROUPS):
            for include_blocked in (False, True):
                request = read_pb2.GetUserIdsRequest(chat_class=chat_class, include_blocked=include_blocked)
                found = list(self._stream(request))
                wanted = expected_user_ids(self._expected, chat_class or USERS, include_blocked)
                what = f"class {chat_class}, include_blocked {include_blocked}"
                if found != wanted:
                    missing, unexpected = set(wanted) - set(found), set(found) - set(wanted)
                    self._differences.add(
                        "answer: GetUserIds",
                        f"{what}: {len(found)} ids, expected {len(wanted)};"
                        f" missing {sorted(missing)[:5]}, unexpected {sorted(unexpected)[:5]}",
                    )

    def _stream(self, request: Any) -> Iterator[int]:
        self.calls += 1
        position = (("telefact-min-position", self._everything()),)
        for page in self._stub.GetUserIds(request, timeout=DEADLINE_S, metadata=position):
            if len(page.user_ids) > PAGE_MAX:
                self._differences.add("answer: GetUserIds", f"a page of {len(page.user_ids)} ids")
            yield from page.user_ids

    def _same(self, method: str, what: str, expected: Any, found: Any) -> None:
        if expected != found:
            self._differences.add(
                f"answer: {method}", f"{what}: expected {_one_line(expected)}, found {_one_line(found)}"
            )


def _one_line(message: Any) -> str:
    return "{" + " ".join(str(message).split()) + "}"


def _user(row: Row | None) -> Any:
    if row is None or row["is_stub"]:
        return None
    columns = ("user_id", "registered_at", "lang", "link", "file_mode", "ad_count", "ad_cooldown")
    return read_pb2.User(**{name: row[name] for name in columns if row[name] is not None})


def _moments(row: Row | None) -> tuple[int, ...]:
    """The edges of the cool-down."""
    cooldown = row["ad_cooldown"] if row is not None else 0
    return (cooldown, cooldown + 1)
