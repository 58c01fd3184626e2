"""The Bot API methods that webhook management needs, over HTTP as the real server answers them."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.support.telegram.polling import LIMIT_MAX, WEBHOOK_IS_SET, Conflict, answer_json
from tests.support.telegram.rules import KINDS, KINDS_NOT_BY_DEFAULT, MAX_CONNECTIONS_DEFAULT
from tests.support.telegram.script import Call

if TYPE_CHECKING:
    from tests.support.telegram.server import FakeTelegram

_JSON = {"Content-Type": "application/json"}
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


class _Refusal(Exception):
    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.parameters = parameters


class BotApi:
    """The HTTP side. `app` is an aiohttp application."""

    def __init__(self, telegram: FakeTelegram) -> None:
        self.app = web.Application(client_max_size=1 << 20)
        self.app.router.add_route("*", "/bot{token}/{method}", self._handle)
        self._telegram = telegram
        self._set_at: float | None = None
        self._certificate = b""
        self._ip_address = "127.0.0.1"
        self._allowed: list[str] | None = None
        self._methods: dict[str, Callable[[dict[str, Any]], Awaitable[tuple[Any, str]]]] = {
            "getme": self._get_me,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": self._get_webhook_info,
            "getupdates": self._get_updates,
        }

    @property
    def certificate(self) -> bytes:
        """What the last setWebhook brought."""
        return self._certificate

    async def _handle(self, request: web.Request) -> web.Response:
        telegram = self._telegram
        method = request.match_info["method"].lower()
        call = Call(telegram.clock.time(), method, {})
        telegram.calls.append(call)
        scripted = telegram.script.take(method)
        if scripted is not None:
            call.is_scripted = True
            with contextlib.suppress(_Refusal):
                call.parameters = await _parameters(request)
        if scripted is None or scripted.body is None:
            answer = await self._answer(request, call)
        else:
            answer = web.Response(status=scripted.status, body=scripted.body, headers=_JSON | scripted.headers)
        if scripted is not None and scripted.is_damaged:
            _send_damaged(request, scripted.raw_answer(bytes(answer.body)))  # type: ignore[arg-type]
        else:
            call.status = answer.status
        call.ended_at = telegram.clock.time()
        return answer

    async def _answer(self, request: web.Request, call: Call) -> web.Response:
        try:
            if request.match_info["token"] != self._telegram.token:
                raise _Refusal(401, "Unauthorized")
            method = self._methods.get(call.method)
            if method is None:
                raise _Refusal(404, "Not Found")
            call.parameters = await _parameters(request)
            result, description = await method(call.parameters)
        except _Refusal as refusal:
            body: dict[str, Any] = {"ok": False, "error_code": refusal.code, "description": str(refusal)}
            if refusal.parameters:
                body["parameters"] = refusal.parameters
            headers = {"Retry-After": str(refusal.parameters["retry_after"])} if refusal.code == 429 else None
            return web.json_response(body, status=refusal.code, headers=headers)
        if method == self._get_updates:
            return web.Response(body=b'{"ok":true,"result":%b}' % answer_json(result), content_type="application/json")
        answer = {"ok": True, "result": result}
        if description:
            answer["description"] = description
        return web.json_response(answer)

    async def _get_me(self, _: dict[str, Any]) -> tuple[Any, str]:
        me = {
            "id": self._telegram.bot_id,
            "is_bot": True,
            "first_name": "Test bot",
            "username": "telefact_test_bot",
            "can_join_groups": True,
            "can_read_all_group_messages": True,
            "supports_inline_queries": True,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }
        return me, ""

    async def _set_webhook(self, parameters: dict[str, Any]) -> tuple[Any, str]:
        telegram = self._telegram
        url = str(parameters.get("url", ""))
        if not url:
            return await self._delete_webhook(parameters)
        now = telegram.clock.time()
        if self._set_at is not None and now < self._set_at + 1.0:
            raise _Refusal(429, "Too Many Requests: retry after 1", retry_after=1)
        if not url.startswith("http://"):
            raise _Refusal(400, "Bad Request: bad webhook: this fake speaks plain http only, as a local server may")
        secret = str(parameters.get("secret_token", ""))
        if secret and not _SECRET.fullmatch(secret):
            raise _Refusal(400, "Bad Request: secret token contains unallowed characters")
        certificate = parameters.get("certificate")
        self._certificate = certificate.file.read() if isinstance(certificate, web.FileField) else b""
        self._ip_address = str(parameters.get("ip_address", "")) or "127.0.0.1"
        self._set_at = now
        telegram.polling.abort_for_webhook()
        limit = _integer(parameters.get("max_connections"), MAX_CONNECTIONS_DEFAULT)
        self._set_allowed(parameters.get("allowed_updates"))
        if _boolean(parameters.get("drop_pending_updates")):
            telegram.delivery.drop_pending()
        telegram.set_webhooks([url], secret, max(1, min(limit, 100)))
        return True, "Webhook was set"

    def _set_allowed(self, value: Any) -> None:
        if isinstance(value, str) and value:
            value = _json_or_none(value)
        if isinstance(value, list):
            self._allowed = [kind for kind in value if kind in KINDS] or None
        allowed = self._allowed
        if allowed is None:
            self._telegram.allowed_kinds = lambda kind: kind not in KINDS_NOT_BY_DEFAULT
        else:
            self._telegram.allowed_kinds = lambda kind: kind in allowed

    async def _delete_webhook(self, parameters: dict[str, Any]) -> tuple[Any, str]:
        telegram = self._telegram
        was_set = bool(telegram.webhooks)
        if _boolean(parameters.get("drop_pending_updates")):
            telegram.delivery.drop_pending()
        telegram.set_webhooks([])
        return True, "Webhook was deleted" if was_set else "Webhook is already deleted"

    async def _get_webhook_info(self, _: dict[str, Any]) -> tuple[Any, str]:
        telegram = self._telegram
        info: dict[str, Any] = {
            "url": telegram.webhooks[0] if telegram.webhooks else "",
            "has_custom_certificate": bool(telegram.webhooks and self._certificate),
            "pending_update_count": telegram.delivery.pending,
        }
        if telegram.webhooks:
            info["max_connections"] = telegram.max_connections
            info["ip_address"] = self._ip_address
            error = telegram.delivery.last_error or telegram.delivery.pool.last_error
            if error:
                info["last_error_date"] = int(telegram.delivery.last_error_at or telegram.clock.time())
                info["last_error_message"] = error
        if self._allowed is not None:
            info["allowed_updates"] = self._allowed
        return info, ""

    async def _get_updates(self, parameters: dict[str, Any]) -> tuple[Any, str]:
        polling = self._telegram.polling
        try:
            if self._telegram.webhooks:
                raise await polling.conflict(WEBHOOK_IS_SET)
            self._set_allowed(parameters.get("allowed_updates"))
            offset = _integer(parameters.get("offset"), 0)
            limit = _integer(parameters.get("limit"), LIMIT_MAX)
            return await polling.get_updates(offset, limit, _integer(parameters.get("timeout"), 0)), ""
        except Conflict as conflict:
            raise _Refusal(409, str(conflict)) from None


def _send_damaged(request: web.Request, raw: bytes) -> None:
    """Write this and close; what aiohttp then tries to send goes nowhere."""
    assert request.transport is not None
    request.transport.write(raw)
    request.transport.close()


async def _parameters(request: web.Request) -> dict[str, Any]:
    parameters: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        body = _json_or_none(await request.text())
        if not isinstance(body, dict):
            raise _Refusal(400, "Bad Request: can't parse JSON object")
        parameters.update(body)
    elif request.can_read_body:
        parameters.update(await request.post())
    return parameters


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _integer(value: Any, default: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return default


def _boolean(value: Any) -> bool:
    return str(value).lower() in ("true", "1", "yes")
