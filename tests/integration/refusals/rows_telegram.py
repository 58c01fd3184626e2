"""What the gateway makes of answers of the Bot API that are of no use, and of a webhook that is not its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from tests.integration.refusals.table import Row
from tests.support.gateway import Gateway, text_update, until
from tests.support.telegram import FakeTelegram, script

OURS = "http://127.0.0.1:1/hook"
FOREIGN = "http://127.0.0.1:2/elsewhere"
_PATIENCE_S = 20.0


class TelegramBench:
    """A gateway and its fake Telegram, which lives on another thread's loop: `call` runs something there."""

    def __init__(self, gateway: Gateway, telegram: FakeTelegram, call: Callable[[Callable[[], object]], object]) -> None:
        self.gateway, self.telegram, self._call = gateway, telegram, call
        self._numbers = iter(range(1, 1000))

    def scripted(self, answer: script.Scripted) -> str:
        """Answer the next call so; told when it was asked and answered."""
        self._call(lambda: self.telegram.script.append(answer))
        until(lambda: not self.telegram.script, _PATIENCE_S, "the scripted answer to be given")
        return "given"

    def webhooks(self, *urls: str) -> str:
        self._call(lambda: self.telegram.set_webhooks(list(urls)))
        return "set"

    def polled(self) -> None:
        """What is right is still taken from Telegram."""
        number = next(self._numbers)
        before = self.gateway.metrics()['updates_answered_total{outcome="done"}']
        self._call(lambda: self.telegram.enqueue(json.dumps(text_update(number, 70_000 + number, date=int(time.time()))).encode()))
        until(lambda: self.gateway.metrics()['updates_answered_total{outcome="done"}'] > before, _PATIENCE_S, "an update")

    def posted(self) -> None:
        """What is right is still taken at the webhook."""
        number = next(self._numbers)
        assert self.gateway.post(text_update(number, 70_000 + number)).status == 200

    def alive(self) -> None:
        """It looks again in half a minute; until then it answers for itself, and says that it is not ready."""
        assert self.gateway.probe("/livez") == 200
        until(lambda: self.gateway.probe("/readyz") == 503, _PATIENCE_S, "it to say so")


def _error(bench: TelegramBench) -> str:
    info = {"url": OURS, "has_custom_certificate": False, "pending_update_count": 3}
    info |= {"last_error_date": int(time.time()), "last_error_message": "Connection refused"}
    return bench.scripted(script.Scripted("getWebhookInfo", body=json.dumps({"ok": True, "result": info}).encode()))


POLLING = [
    Row("telegram", "no_answer", "no JSON", "given", lambda b: b.scripted(script.malformed("getUpdates"))),
    Row("telegram", "no_answer", "502", "given", lambda b: b.scripted(script.bad_gateway("getUpdates"))),
    Row("telegram", "retry_after", "429", "given", lambda b: b.scripted(script.too_many_requests(1, "getUpdates"))),
    Row("telegram", "bot_api_away", "an answer that is cut", "given", lambda b: b.scripted(script.truncated("getUpdates"))),
    Row("telegram", "conflict", "another poller", "given",
        lambda b: b.scripted(script.error(409, "Conflict: terminated by other getUpdates request", "getUpdates"))),
]

NO_ACCESS = Row("telegram", "no_access", "a revoked token", "given", lambda b: b.scripted(script.unauthorized("getUpdates")))
WEBHOOK_SET = Row("telegram", "webhook_set", "a webhook is set", "set", lambda b: b.webhooks(OURS))

WATCHING = [
    Row("telegram", "webhook_unreadable", "no JSON", "given", lambda b: b.scripted(script.malformed("getWebhookInfo"))),
    Row("telegram", "webhook_error", "Telegram could not deliver", "given", _error),
    Row("telegram", "bot_api_away", "a look that is cut", "given",
        lambda b: b.scripted(script.truncated("getWebhookInfo"))),
    Row("telegram", "webhook_not_set", "none", "set", lambda b: b.webhooks()),
    Row("telegram", "webhook_foreign", "somebody else's", "set", lambda b: b.webhooks(FOREIGN)),
]

TELEGRAM = [*POLLING, NO_ACCESS, WEBHOOK_SET, *WATCHING]
