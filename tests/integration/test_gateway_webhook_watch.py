"""How the webhook fares at Telegram becomes metrics and an alarm."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from deploy.local.servers import Servers
from tests.support.gateway import TOKEN, Gateway, until
from tests.support.telegram import FakeTelegram
from tests.support.updates import generate

OURS = "http://127.0.0.1:1/hook"
FOREIGN = "http://127.0.0.1:2/elsewhere"


def sample(gateway: Gateway, name: str) -> float:
    return next(value for key, value in gateway.metrics().items() if key.endswith(name))


def test_T17_a_webhook_set_by_somebody_else_is_an_alarm(
    servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str
) -> None:
    async def body() -> None:
        began = int(time.time()) - 1
        async with FakeTelegram(webhooks=[OURS], secret="secret", token=TOKEN) as telegram:
            settings = {
                "GATEWAY_API_BASE_URL": telegram.api_url,
                "GATEWAY_WEBHOOK_CHECK_S": "1",
                "GATEWAY_WEBHOOK_URL": OURS,
            }
            with Gateway(servers, binaries, work_dir, topic_prefix, settings) as gateway:
                await asyncio.to_thread(until, lambda: "the webhook is as it must be" in gateway.log(), 10, "a look")
                assert sample(gateway, "webhook_foreign") == 0
                assert sample(gateway, "webhook_last_error_timestamp_seconds") == 0
                for body in generate(17, 5, telegram.bot_id, int(telegram.clock.time()), odd=0.0):
                    telegram.enqueue(body)  # nobody listens at the address
                await asyncio.to_thread(until, lambda: sample(gateway, "webhook_pending_updates") == 5, 10, "the gauge")
                errors = "webhook_last_error_timestamp_seconds"
                await asyncio.to_thread(until, lambda: sample(gateway, errors) > began, 10, "Telegram's last error")
                assert "code=webhook_error" in gateway.log()
                telegram.set_webhooks([FOREIGN])
                await asyncio.to_thread(until, lambda: sample(gateway, "webhook_foreign") == 1, 10, "the alarm")
                telegram.set_webhooks([])
                await asyncio.to_thread(until, lambda: "webhook_not_set" in gateway.log(), 10, "the other alarm")
                assert gateway.is_ready(), "updates may still come"
                assert gateway.log().count("code=webhook_foreign") == 1
                assert TOKEN not in gateway.log()
                assert FOREIGN not in gateway.log(), "an address may hold a secret"

    asyncio.run(body())
