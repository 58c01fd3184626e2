"""Bot libraries that others wrote judge the fake Telegram server: polling and webhooks must suit them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import Update as AiogramUpdate
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web
from telegram import Bot as PtbBot
from telegram import Update as PtbUpdate
from telegram.ext import Updater

from tests.support.processes import free_port
from tests.support.telegram import ACKED, FakeTelegram
from tests.support.updates import generate

_ROOT = Path(__file__).resolve().parents[2]
_NODE = _ROOT / ".cache/tools/bin/node"
_GRAMMY = _ROOT / "tests/clients/grammy_client.js"
_COUNT = 700
_SECRET = "client-secret_0123456789"
_DEADLINE_S = 30.0

Received = list[int]
Client = Callable[[FakeTelegram, Received], AbstractAsyncContextManager[None]]


def _aiogram(telegram: FakeTelegram, received: Received) -> tuple[Bot, Dispatcher]:
    bot = Bot(telegram.token, session=AiohttpSession(api=TelegramAPIServer.from_base(telegram.api_url)))
    dispatcher = Dispatcher()

    async def take(_handler: object, event: AiogramUpdate, _data: object) -> None:
        received.append(event.update_id)

    dispatcher.update.outer_middleware(take)  # type: ignore[arg-type]
    return bot, dispatcher


_ALL = list(PtbUpdate.ALL_TYPES)


@contextlib.asynccontextmanager
async def aiogram_polls(telegram: FakeTelegram, received: Received) -> AsyncIterator[None]:
    bot, dispatcher = _aiogram(telegram, received)
    polling = asyncio.create_task(
        dispatcher.start_polling(
            bot, polling_timeout=2, handle_as_tasks=False, handle_signals=False, allowed_updates=_ALL
        )
    )
    try:
        yield
    finally:
        await dispatcher.stop_polling()
        await polling


@contextlib.asynccontextmanager
async def aiogram_serves(telegram: FakeTelegram, received: Received) -> AsyncIterator[None]:
    bot, dispatcher = _aiogram(telegram, received)
    app = web.Application()
    SimpleRequestHandler(dispatcher, bot, handle_in_background=False, secret_token=_SECRET).register(app, "/aiogram")
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        await bot.set_webhook(f"http://127.0.0.1:{port}/aiogram", secret_token=_SECRET, allowed_updates=_ALL)
        info = await bot.get_webhook_info()
        assert (info.url, info.max_connections) == (f"http://127.0.0.1:{port}/aiogram", 40)
        yield
        await bot.delete_webhook()
    finally:
        await runner.cleanup()
        await bot.session.close()


@contextlib.asynccontextmanager
async def _ptb(telegram: FakeTelegram, received: Received) -> AsyncIterator[Updater]:
    queue: asyncio.Queue[object] = asyncio.Queue()
    bot = PtbBot(telegram.token, base_url=f"{telegram.api_url}/bot")
    async with Updater(bot, queue) as updater:
        yield updater
        await updater.stop()
    while not queue.empty():
        update = queue.get_nowait()
        assert isinstance(update, PtbUpdate)
        received.append(update.update_id)


@contextlib.asynccontextmanager
async def ptb_polls(telegram: FakeTelegram, received: Received) -> AsyncIterator[None]:
    async with _ptb(telegram, received) as updater:
        await updater.start_polling(timeout=2, allowed_updates=_ALL)
        yield


@contextlib.asynccontextmanager
async def ptb_serves(telegram: FakeTelegram, received: Received) -> AsyncIterator[None]:
    port = free_port()
    async with _ptb(telegram, received) as updater:
        await updater.start_webhook(
            "127.0.0.1",
            port,
            "ptb",
            webhook_url=f"http://127.0.0.1:{port}/ptb",
            allowed_updates=_ALL,
            secret_token=_SECRET,
        )
        yield


@contextlib.asynccontextmanager
async def _grammy(telegram: FakeTelegram, received: Received, *arguments: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        _NODE,
        _GRAMMY,
        arguments[0],
        telegram.api_url,
        telegram.token,
        *arguments[1:],
        env={"NODE_PATH": str(_ROOT / ".cache/clients/node_modules")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        output, errors = await process.communicate()
    assert not errors, errors.decode()
    received += [json.loads(line)["id"] for line in output.splitlines()]


def grammy_polls(telegram: FakeTelegram, received: Received) -> AbstractAsyncContextManager[None]:
    return _grammy(telegram, received, "poll")


def grammy_serves(telegram: FakeTelegram, received: Received) -> AbstractAsyncContextManager[None]:
    return _grammy(telegram, received, "webhook", str(free_port()), _SECRET)


async def _run(client: Client, is_polling: bool) -> None:
    received: Received = []
    async with FakeTelegram(ramp=False) as telegram:
        for body in generate(11, _COUNT, telegram.bot_id, int(time.time()), odd=0.0, chats=40):
            telegram.enqueue(body)
        async with client(telegram, received):
            assert await telegram.run_until_idle(_DEADLINE_S), telegram.progress()
        entries = list(telegram.ledger.acked())
    assert telegram.ledger.counts[ACKED] == _COUNT
    assert len(telegram.calls_of("getUpdates")) >= _COUNT // 100 if is_polling else telegram.calls_of("setWebhook")
    assert sorted(received) == sorted(entry.update_id or 0 for entry in entries), "each update exactly once"
    if is_polling:
        assert received == [entry.update_id for entry in entries]
    place = {update_id: index for index, update_id in enumerate(received)}
    queues: dict[str, list[int]] = defaultdict(list)
    for entry in entries:
        queues[entry.queue].append(place[entry.update_id or 0])
    assert all(places == sorted(places) for places in queues.values()), "each queue in its order"
    assert max(map(len, queues.values())) > 5


@pytest.mark.timeout(90)
@pytest.mark.parametrize("client", [aiogram_polls, ptb_polls, grammy_polls])
def test_a_real_client_polls_every_update_once(client: Client) -> None:
    asyncio.run(_run(client, is_polling=True))


@pytest.mark.timeout(90)
@pytest.mark.parametrize("client", [aiogram_serves, ptb_serves, grammy_serves])
def test_a_real_client_is_posted_every_update_once(client: Client) -> None:
    asyncio.run(_run(client, is_polling=False))
