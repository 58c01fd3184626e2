"""telefact-gateway webhook set, info, delete, rotate-secret against the fake Bot API."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.canary import SECRET, SECRET_BEFORE, TOKEN
from tests.support.telegram import ACKED, FakeTelegram, ManualClock, script
from tests.support.telegram.rules import KINDS
from tests.support.updates import generate
from tests.support.webhook import ScriptedWebhook

_URL = "http://127.0.0.1:1/random-path"


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Command:
    """`telefact-gateway webhook ...` for one fake Telegram."""

    def __init__(self, binaries: Path, telegram: FakeTelegram) -> None:
        self._binary = binaries / "telefact-gateway"
        self.telegram = telegram
        self.environment = {
            "GATEWAY_BOT_TOKEN": telegram.token,
            "GATEWAY_API_BASE_URL": telegram.api_url,
            "GATEWAY_WEBHOOK_SECRET": SECRET,
        }

    async def __call__(self, *words: str, more: Mapping[str, str] | None = None) -> Done:
        kept = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
        ended = await asyncio.to_thread(
            subprocess.run,
            [self._binary, "webhook", *words],
            env=kept | self.environment | dict(more or {}),
            capture_output=True,
            text=True,
            timeout=30,
        )
        for secret in (TOKEN, SECRET, SECRET_BEFORE):
            assert secret not in ended.stdout + ended.stderr
        return Done(ended.returncode, ended.stdout, ended.stderr)

    @property
    def last(self) -> Mapping[str, Any]:
        """Parameters of the last setWebhook."""
        return self.telegram.calls_of("setWebhook")[-1].parameters


def _against_the_fake(test: Callable[[Command], Awaitable[None]]) -> Callable[[Path], None]:
    @asynccontextmanager
    async def fake(binaries: Path) -> AsyncIterator[Command]:
        async with FakeTelegram(token=TOKEN, clock=ManualClock(time.time())) as telegram:
            yield Command(binaries, telegram)

    async def run(binaries: Path) -> None:
        async with fake(binaries) as command:
            await test(command)

    def wrapper(binaries: Path) -> None:
        asyncio.run(run(binaries))

    wrapper.__name__ = test.__name__
    wrapper.__doc__ = test.__doc__
    return wrapper


def _feed(telegram: FakeTelegram, count: int) -> None:
    for body in generate(3, count, telegram.bot_id, int(telegram.clock.time()), odd=0.0):
        telegram.enqueue(body)


@_against_the_fake
async def test_set_asks_for_every_kind_and_drops_nothing(webhook: Command) -> None:
    _feed(webhook.telegram, 5)
    done = await webhook("set", "--url", _URL)
    assert (done.code, done.err) == (0, "")
    kinds = set(json.loads(webhook.last["allowed_updates"]))
    assert kinds >= {"message_reaction", "message_reaction_count", "chat_member"}
    assert kinds >= set(KINDS)
    assert webhook.last["url"] == _URL
    assert webhook.last["max_connections"] == "40"
    assert webhook.last["secret_token"] == SECRET
    assert "drop_pending_updates" not in webhook.last
    assert webhook.telegram.delivery.pending == 5
    assert (webhook.telegram.webhooks, webhook.telegram.secret) == ([_URL], SECRET)


@_against_the_fake
async def test_set_takes_limits_certificate_and_address(webhook: Command) -> None:
    certificate = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"telefact-certificate.{os.getpid()}"
    path.write_bytes(certificate)
    try:
        done = await webhook(
            *("set", "--url", _URL, "--certificate", str(path), "--ip-address", "127.0.0.9"),
            *("--max-connections", "7", "--allowed-updates", "message,chat_member"),
        )
        assert done.code == 0, done.err
        parameters = dict(webhook.last)
        parameters.pop("certificate")
        assert parameters == {
            "url": _URL,
            "max_connections": "7",
            "secret_token": SECRET,
            "ip_address": "127.0.0.9",
            "allowed_updates": '["message","chat_member"]',
        }
        shown = (await webhook("info")).out
        for line in ("max connections: 7", "ip address: 127.0.0.9", "own certificate: yes", "  chat_member"):
            assert line in shown.splitlines()
        rotation = {"GATEWAY_WEBHOOK_SECRET_PREVIOUS": SECRET_BEFORE}
        refused = await webhook("rotate-secret", more=rotation)
        assert refused.code == 1
        assert "--certificate FILE" in refused.err
        await webhook.telegram.clock.advance(2)  # type: ignore[attr-defined]
        assert (await webhook("rotate-secret", "--certificate", str(path), more=rotation)).code == 0
        assert "own certificate: yes" in (await webhook("info")).out
    finally:
        path.unlink()


@_against_the_fake
async def test_info_tells_what_telegram_knows(webhook: Command) -> None:
    none = await webhook("info")
    assert none.code == 0
    assert none.out.startswith("webhook: none; updates wait for getUpdates")
    assert "waiting updates: 0" in none.out
    async with ScriptedWebhook() as hook:
        hook.answer = lambda request: (500, {}, b"")
        assert (await webhook("set", "--url", hook.url)).code == 0
        _feed(webhook.telegram, 3)
        while not hook.requests:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        shown = (await webhook("info")).out
    assert f"webhook: {hook.url}\n" in shown
    assert "waiting updates: 3\n" in shown
    assert re.search(r"last error: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n  Wrong response from the webhook: 500", shown)
    assert "own certificate: no" in shown


@_against_the_fake
async def test_info_hides_a_token_and_control_characters(webhook: Command) -> None:
    url = f"https://example.org/{TOKEN}/\x1b[2J"
    result = {"url": url, "has_custom_certificate": False, "pending_update_count": 0}
    webhook.telegram.script.append(
        script.Scripted("getWebhookInfo", body=json.dumps({"ok": True, "result": result}).encode())
    )
    shown = (await webhook("info")).out
    assert "webhook: https://example.org/***/?[2J\n" in shown


@_against_the_fake
async def test_delete_keeps_what_waits(webhook: Command) -> None:
    assert (await webhook("set", "--url", _URL)).code == 0
    _feed(webhook.telegram, 4)
    done = await webhook("delete")
    assert (done.code, done.out) == (0, "webhook: none is set; waiting updates are kept for polling\n")
    assert webhook.telegram.calls_of("deleteWebhook")[-1].parameters == {}
    assert (webhook.telegram.webhooks, webhook.telegram.delivery.pending) == ([], 4)
    assert (await webhook("delete")).code == 0


@_against_the_fake
async def test_rotate_secret_changes_the_secret_only(webhook: Command) -> None:
    async with ScriptedWebhook() as hook:
        words = ("set", "--url", hook.url, "--max-connections", "9", "--allowed-updates", "message,poll")
        assert (await webhook(*words, more={"GATEWAY_WEBHOOK_SECRET": SECRET_BEFORE})).code == 0
        rotation = {"GATEWAY_WEBHOOK_SECRET_PREVIOUS": SECRET_BEFORE}
        too_soon = await webhook("rotate-secret", more=rotation)
        assert too_soon.code == 1
        assert "try again in 1 s" in too_soon.err
        await webhook.telegram.clock.advance(2)  # type: ignore[attr-defined]
        done = await webhook("rotate-secret", more=rotation)
        assert (done.code, done.err) == (0, "")
        assert "GATEWAY_WEBHOOK_SECRET_PREVIOUS" in done.out
        assert webhook.last == {
            "url": hook.url,
            "max_connections": "9",
            "secret_token": SECRET,
            "allowed_updates": '["message","poll"]',
        }
        _feed(webhook.telegram, 3)
        await webhook.telegram.run_until_idle(5)
        assert {request.headers["x-telegram-bot-api-secret-token"] for request in hook.requests} == {SECRET}
        assert webhook.telegram.ledger.counts[ACKED] >= 1


@_against_the_fake
async def test_rotate_secret_says_what_is_missing(webhook: Command) -> None:
    alone = await webhook("rotate-secret")
    assert (alone.code, "GATEWAY_WEBHOOK_SECRET_PREVIOUS: missing" in alone.err) == (78, True)
    same = await webhook("rotate-secret", more={"GATEWAY_WEBHOOK_SECRET_PREVIOUS": SECRET})
    assert (same.code, "is the same as" in same.err) == (78, True)
    assert not webhook.telegram.calls
    unset = await webhook("rotate-secret", more={"GATEWAY_WEBHOOK_SECRET_PREVIOUS": SECRET_BEFORE})
    assert (unset.code, "no webhook is set" in unset.err) == (1, True)


_WRONG_USAGE = [
    (),
    ("drop",),
    ("set",),
    ("set", "--url"),
    ("set", "--url", "ftp://x"),
    ("set", "--url", f"https://example.org/{TOKEN}"),
    ("set", "--url", _URL, "now"),
    ("set", "--url", _URL, "--drop-pending-updates"),
    ("set", "--url", _URL, "--max-connections", "0"),
    ("set", "--url", _URL, "--max-connections", "101"),
    ("set", "--url", _URL, "--max-connections", "ten"),
    ("set", "--url", _URL, "--allowed-updates", ""),
    ("set", "--url", _URL, "--allowed-updates", "message,,poll"),
    ("set", "--url", _URL, "--allowed-updates", "messages"),
    ("info", "--url", _URL),
    ("delete", "all"),
    ("rotate-secret", "--url", _URL),
]


@_against_the_fake
async def test_wrong_usage_of_webhook_is_64(webhook: Command) -> None:
    for words in _WRONG_USAGE:
        wrong = await webhook(*words)
        assert (wrong.code, wrong.out) == (64, ""), words
        assert "telefact-gateway: " in wrong.err or "telefact-gateway:" in wrong.err
    assert not webhook.telegram.calls


@_against_the_fake
async def test_help_needs_no_settings(webhook: Command) -> None:
    webhook.environment = {}
    for words in (("--help",), ("-h",), ("set", "--help"), ("rotate-secret", "-h")):
        helped = await webhook(*words)
        assert (helped.code, helped.err) == (0, "")
        assert "webhook set --url URL" in helped.out


@_against_the_fake
async def test_wrong_settings_of_webhook_are_78(webhook: Command) -> None:
    for wrong in (
        {"GATEWAY_BOT_TOKEN": ""},
        {"GATEWAY_BOT_TOKEN": "", "GATEWAY_BOT_ID": "5"},
        {"GATEWAY_BOT_TOKEN": "nonsense"},
        {"GATEWAY_WEBHOOK_SECRET": ""},
        {"GATEWAY_WEBHOOK_SECRET": "no blanks"},
        {"GATEWAY_API_BASE_URL": "file:///etc/passwd"},
    ):
        refused = await webhook("set", "--url", _URL, more=wrong)
        assert refused.code == 78, wrong
        assert list(wrong)[0] in refused.err
    assert not webhook.telegram.calls


@_against_the_fake
async def test_every_failure_of_the_bot_api_is_one_line_and_1(webhook: Command) -> None:
    faults = [*script.every_fault("getWebhookInfo"), script.too_many_requests(17, "getWebhookInfo")]
    faults += [script.unauthorized("getWebhookInfo"), script.not_found("getWebhookInfo")]
    faults += [script.malformed("getWebhookInfo", b'{"ok":true,"result":{"url":5}}')]
    faults += [script.malformed("getWebhookInfo", b'{"ok":true,"result":' + b"[" * 5000 + b"]" * 5000 + b"}")]
    for fault in faults:
        webhook.telegram.script.append(fault)
        failed = await webhook("info")
        assert (failed.code, failed.out) == (1, ""), fault
        assert re.fullmatch(r"telefact-gateway: [^\n]*getWebhookInfo[^\n]*\n", failed.err), failed.err
    assert "in 17 s" in (await _fail(webhook, script.too_many_requests(17))).err
    assert "401: Unauthorized" in (await _fail(webhook, script.unauthorized())).err
    away = await webhook("info", more={"GATEWAY_API_BASE_URL": "http://127.0.0.1:1"})
    assert (away.code, "the Bot API cannot be asked" in away.err) == (1, True)


async def _fail(webhook: Command, fault: script.Scripted) -> Done:
    webhook.telegram.script.append(fault)
    return await webhook("delete")


@pytest.mark.parametrize("path", ["/nonexistent", "/dev/null"])
def test_a_certificate_that_cannot_be_read_is_told(binaries: Path, path: str) -> None:
    async def run() -> None:
        async with FakeTelegram(token=TOKEN) as telegram:
            refused = await Command(binaries, telegram)("set", "--url", _URL, "--certificate", path)
            assert (refused.code, "--certificate: " in refused.err, telegram.calls) == (1, True, [])

    asyncio.run(run())
