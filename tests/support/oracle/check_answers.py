"""Compares what the read RPCs answer with what the rows say they must, through a gRPC client other people wrote."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import grpc

from tests.support.oracle import ids
from tests.support.oracle.answers import Answers, plain
from tests.support.oracle.differences import Differences
from tests.support.oracle.log import TopicLog
from tests.support.oracle.questions import Extent, Question, questions
from tests.support.oracle.tables import Tables
from tests.support.protos import read_grpc, read_pb2

DEADLINE_S = 20.0
AT_A_TIME = 8
PAGE_MAX = 1_000
WINDOWS = 6
LISTS = {
    "GetUserVideos": "downloads",
    "GetStatsByPeriod": "downloads",
    "GetUserIds": "user_ids",
    "ListUsers": "users",
}
"""What the pages of each list hold."""


def check_answers(
    target: str, expected: Tables, log: TopicLog, differences: Differences, *, sample: int, seed: int
) -> int:
    """Ask about `sample` chats, some unknown, and for everything that is asked of all. Returns the calls made."""
    wanted = list(questions(expected, Extent(sample, WINDOWS), random.Random(f"answers {seed}")))
    answers = Answers(expected)
    with grpc.insecure_channel(target) as channel, Asker(channel, log.end, differences) as asker:
        try:
            asker.ping()
            for (rpc, request), found in zip(wanted, asker.ask_all(wanted), strict=True):
                compare_answers(rpc, request, answers.answer(rpc, request), found.result(), differences)
        except grpc.RpcError as error:
            differences.add("answer: error", f"{error.code().name}: {error.details()}")
        return asker.calls


def compare_answers(
    rpc: str, request: Any, wanted: Any, found: Any, differences: Differences, *, by: str = ""
) -> None:
    """Note a difference unless both say the same. `by`: whose expectation it is, when there are several."""
    found = plain(found)
    if wanted == found:
        return
    if isinstance(wanted, list):
        at = next((i for i, (a, b) in enumerate(zip(wanted, found, strict=False)) if a != b), min(len(wanted), len(found)))
        wanted, found = (f"{len(each)} items, at {at}: {_one_line(each[at : at + 1])}" for each in (wanted, found))
    else:
        wanted, found = _one_line(wanted), _one_line(found)
    source = f" by {by}" if by else ""
    differences.add(f"answer: {rpc}{source}", f"{_one_line(request)}: expected {wanted}, found {found}")


class Asker:
    """Asks the store about everything before `end`, several questions at a time; looks at what every answer must have.

    Use it as a context manager: what is not asked yet when it ends is not asked.
    """

    def __init__(self, channel: grpc.Channel, end: dict[int, int], differences: Differences) -> None:
        self._stub = read_grpc.ReadServiceStub(channel)
        self._end = end
        self._differences = differences
        self._position = ",".join(f"{partition}:{offset}" for partition, offset in sorted(end.items()) if offset)
        self._pool = ThreadPoolExecutor(AT_A_TIME)
        self._lock = threading.Lock()
        self.calls = 0

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def ping(self) -> None:
        """The two RPCs that are not about data."""
        health = self._call("Healthcheck", read_pb2.HealthcheckRequest())
        self._differences.expect("answer: Healthcheck", "ok", True, health.ok)
        applied = self._call("WaitApplied", read_pb2.WaitAppliedRequest(position=self._position)).applied
        self._differences.expect("answer: WaitApplied", self._position, True, applied)

    def ask_all(self, questions: Sequence[Question]) -> list[Future[Any]]:
        """The response of each; of a list all its items, after which one page's token is tried, too."""
        return [self._pool.submit(self._ask, rpc, request) for rpc, request in questions]

    def _ask(self, rpc: str, request: Any) -> Any:
        if rpc not in LISTS:
            answer, call = self._call(rpc, request, with_call=True)
            self._check_metadata(rpc, dict(call.initial_metadata()) | dict(call.trailing_metadata()))
            return answer
        pages = self._pages(rpc, request)
        if len(pages) > 1:
            self._check_token(rpc, request, pages, len(pages) // 2 - 1)
        return _items(rpc, pages)

    def _call(self, rpc: str, request: Any, with_call: bool = False) -> Any:
        with self._lock:
            self.calls += 1
        method = getattr(self._stub, rpc)
        metadata = (("telefact-min-position", self._position),)
        return (method.with_call if with_call else method)(request, timeout=DEADLINE_S, metadata=metadata)

    def _pages(self, rpc: str, request: Any) -> list[Any]:
        pages = list(self._call(rpc, request))
        for page in pages:
            if len(_items(rpc, [page])) > PAGE_MAX:
                self._add(f"answer: {rpc}", f"{_one_line(request)}: a page of {len(_items(rpc, [page]))}")
        tokens = [bool(page.next_page_token) for page in pages]
        if tokens and tokens != [True] * (len(tokens) - 1) + [False]:
            self._add(f"answer: {rpc}", f"{_one_line(request)}: pages with a token: {tokens}")
        return pages

    def _check_token(self, rpc: str, request: Any, pages: list[Any], at: int) -> None:
        """A page's token, asked with by itself, goes on after that page."""
        again = type(request)()
        again.CopyFrom(request)
        again.page_token = pages[at].next_page_token
        if _items(rpc, pages[at + 1 :]) != _items(rpc, self._pages(rpc, again)):
            self._add(f"answer: {rpc}", f"{_one_line(again)}: does not go on after page {at + 1}")

    def _check_metadata(self, rpc: str, metadata: dict[str, Any]) -> None:
        for name in ("telefact-position", "telefact-generation"):
            if name not in metadata:
                self._add("answer: metadata", f"{rpc}: {name} is missing")
        position = ids.parse_position(str(metadata.get("telefact-position", "")))
        for partition, end in self._end.items():
            if position.get(partition, 0) < end:
                self._add("answer: metadata", f"{rpc}: position {position} is before {partition}:{end}")
        if not str(metadata.get("telefact-lag-ms", "0")).isdecimal():
            self._add("answer: metadata", f"{rpc}: telefact-lag-ms is {metadata['telefact-lag-ms']!r}")

    def _add(self, kind: str, text: str) -> None:
        with self._lock:
            self._differences.add(kind, text)


def _items(rpc: str, pages: list[Any]) -> list[Any]:
    return [item for page in pages for item in getattr(page, LISTS[rpc])]


def _one_line(message: Any) -> str:
    text = " ".join(str(message).split())
    return "{" + (text if len(text) <= 600 else f"{text[:600]}…") + "}"
