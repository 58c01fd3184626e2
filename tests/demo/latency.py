"""From Telegram's first send of an update to the first answer that shows what it changed, measured on a sample."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import grpc

from tests.support.oracle.translate import START, TEXT, Event, translate
from tests.support.pair import BOT_ID
from tests.support.protos import read_grpc, read_pb2
from tests.support.telegram import Entry

UNDER_WAY_MAX = 40
RETRY_S = 0.01
GIVE_UP_S = 60.0
_TELLING = ("message", "callback_query")

_Shows = Callable[[], Awaitable[bool]]


class LatencyProbe:
    """Asks the store about a chat, without any position, until the answer shows the update.

    Only updates whose effect no other update has: the one that registers a chat (GetUser finds it with that date) and
    one that chooses another language for it (GetUserSettings answers that language).
    """

    def __init__(self, target: str) -> None:
        self.found_ms: list[float] = []
        self.missed = 0
        """Updates that were never shown."""
        self._target = target
        self._langs: dict[int, str] = {}
        """The language of each registered chat, after the updates taken."""
        self._tasks: dict[tuple[str, int], asyncio.Task[None]] = {}

    async def __aenter__(self) -> LatencyProbe:
        options = (("grpc.max_reconnect_backoff_ms", 200), ("grpc.initial_reconnect_backoff_ms", 50))
        self._channel = grpc.aio.insecure_channel(self._target, options)
        self._reads = read_grpc.ReadServiceStub(self._channel)
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._tasks.values():
            task.cancel()
        await self._channel.close()

    def take(self, entry: Entry) -> None:
        """An update was acknowledged; probe it when it changes something and few enough probes are under way."""
        if entry.first_sent_at is None or entry.kind not in _TELLING:
            return
        for event in translate(entry.body, BOT_ID).events:
            shows = self._shows(event)
            if shows is not None and len(self._tasks) < UNDER_WAY_MAX:
                self._start((event.kind, event.subject_id), shows, entry.first_sent_at)

    async def finish(self) -> None:
        """Wait for the probes under way."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=GIVE_UP_S)
        self.missed += len(self._tasks)

    def _shows(self, event: Event) -> _Shows | None:
        """How to see the event's effect; None when nothing can be seen of it alone."""
        chat = event.subject_id
        if event.kind == "user_lang_changed" and chat in self._langs:
            lang, before = event.fields["lang"], self._langs[chat]
            self._langs[chat] = lang
            self._forget((event.kind, chat))
            return (lambda: self._shows_language(chat, lang)) if lang != before else None
        is_registration = event.kind == "user_seen" and event.fields["source"] in (START, TEXT)
        if is_registration and chat not in self._langs and event.occurred_at_ms:
            self._langs[chat] = event.fields["lang"]
            date = event.occurred_at_ms // 1000
            return lambda: self._shows_chat(chat, date)
        return None

    async def _shows_chat(self, chat: int, date: int) -> bool:
        answer = await self._reads.GetUser(read_pb2.GetUserRequest(user_id=chat), timeout=10)
        return answer.found and 0 < answer.user.registered_at <= date  # the earliest one counts

    async def _shows_language(self, chat: int, lang: str) -> bool:
        answer = await self._reads.GetUserSettings(read_pb2.GetUserSettingsRequest(user_id=chat), timeout=10)
        return answer.found and answer.lang == lang

    def _start(self, key: tuple[str, int], shows: _Shows, sent_at: float) -> None:
        task = asyncio.create_task(self._probe(shows, sent_at))
        self._tasks[key] = task
        task.add_done_callback(lambda done: self._ended(key, done))

    def _forget(self, key: tuple[str, int]) -> None:
        """Its effect may be overwritten before it is seen."""
        if (task := self._tasks.pop(key, None)) is not None:
            task.cancel()

    def _ended(self, key: tuple[str, int], task: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]

    async def _probe(self, shows: _Shows, sent_at: float) -> None:
        give_up = time.monotonic() + GIVE_UP_S
        while time.monotonic() < give_up:
            try:
                if await shows():
                    self.found_ms.append((time.time() - sent_at) * 1000.0)
                    return
            except grpc.aio.AioRpcError:
                pass  # the store is away
            await asyncio.sleep(RETRY_S)
        self.missed += 1
