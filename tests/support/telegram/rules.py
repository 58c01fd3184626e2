"""The real server's constants and pure rules: queues, lifetimes, retry delays, defaults."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, NamedTuple

QUEUE_UPDATES_MAX = 100_000
QUEUE_BYTES_MAX = 128 << 20
UPDATE_BYTES_MAX = 512 << 10
DAY_S = 86_400
RETRY_AFTER_MAX_S = 3_600
RESEND_CAP_S = 60
IDLE_LIMIT_S = 60.0
GONE_LIMIT_S = 23 * 3600.0
ACTIVE_WINDOW_S = 10.0
MAX_CONNECTIONS_DEFAULT = 40
KINDS_NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
METHODS_NEVER_EXECUTED = frozenset({"deletewebhook", "setwebhook", "close", "logout"})


class Classified(NamedTuple):
    """What the server knows of an update it queues."""

    update_id: int | None
    kind: str
    queue: str
    """Empty: the update gets a queue of its own."""
    expires_at: float


class _Kind(NamedTuple):
    queue: str
    """Prefix of the queue id; kinds with the same prefix share a queue."""
    owner: Callable[[dict[str, Any]], Any]
    life_s: int
    dated: tuple[str, ...] = ()
    """Fields the lifetime counts from, the first that is set; none: from now."""


def _chat(value: dict[str, Any]) -> Any:
    return value["chat"]["id"]


def _sender(value: dict[str, Any]) -> Any:
    return value["from"]["id"]


def _user(value: dict[str, Any]) -> Any:
    return value["user"]["id"]


_MESSAGE = _Kind("chat", _chat, DAY_S, ("edit_date", "date"))
_BUSINESS = _Kind("business", _chat, DAY_S, ("edit_date", "date"))
_MEMBER = _Kind("member", lambda value: value.get("new_chat_member", value)["user"]["id"], DAY_S, ("date",))
_PAYMENT = _Kind("payment", _sender, 150)

KINDS: dict[str, _Kind] = {
    "message": _MESSAGE,
    "edited_message": _MESSAGE,
    "channel_post": _MESSAGE,
    "edited_channel_post": _MESSAGE,
    "guest_message": _Kind("guest", _chat, DAY_S, ("edit_date", "date")),
    "business_connection": _Kind("business_connection", _user, DAY_S),
    "business_message": _BUSINESS,
    "edited_business_message": _BUSINESS,
    "deleted_business_messages": _Kind("business", _chat, DAY_S),
    "message_reaction": _Kind("reaction", _chat, DAY_S, ("date",)),
    "message_reaction_count": _Kind("reaction_count", _chat, DAY_S, ("date",)),
    "inline_query": _Kind("inline", _sender, 30),
    "chosen_inline_result": _Kind("chosen", _sender, 600),
    "callback_query": _Kind("callback", _sender, 150),
    "shipping_query": _PAYMENT,
    "pre_checkout_query": _PAYMENT,
    "purchased_paid_media": _Kind("paid_media", _sender, DAY_S),
    "poll": _Kind("poll", lambda value: value["id"], DAY_S),
    "poll_answer": _Kind("poll_answer", lambda value: value["poll_id"], DAY_S),
    "my_chat_member": _Kind("my_member", _chat, DAY_S, ("date",)),
    "chat_member": _MEMBER,
    "chat_join_request": _Kind("member", _sender, DAY_S, ("date",)),
    "chat_boost": _Kind("boost", _chat, DAY_S),
    "removed_chat_boost": _Kind("boost", _chat, DAY_S),
    "managed_bot": _Kind("managed_bot", _user, DAY_S),
}


def classify(body: bytes, now: float) -> Classified:
    """Kind, queue and lifetime of an update. Unreadable bodies, which the real server never has, live a day."""
    unreadable = Classified(None, "?", "", now + DAY_S)
    try:
        update = json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return unreadable
    if not isinstance(update, dict):
        return unreadable
    update_id = update.get("update_id")
    if type(update_id) is not int:
        update_id = None
    for name, value in update.items():
        if name != "update_id" and isinstance(value, dict):
            return _classify_payload(update_id, name, value, now)
    return unreadable._replace(update_id=update_id)


def _classify_payload(update_id: int | None, name: str, value: dict[str, Any], now: float) -> Classified:
    rule = KINDS.get(name)
    if rule is None:
        return Classified(update_id, name, "", now + DAY_S)
    try:
        owner = rule.owner(value)
    except (KeyError, TypeError, AttributeError):
        owner = None
    queue = f"{rule.queue}:{owner}" if isinstance(owner, (int, str)) else ""
    dates = (value.get(field) for field in rule.dated)
    date = next((date for date in dates if type(date) is int and 0 < date < 1 << 31), now)
    return Classified(update_id, name, queue, date + rule.life_s)


def next_delay(delay: int, fail_count: int, retry_after: int, rng: random.Random) -> tuple[int, int]:
    """After a failure: (delay to remember, delay to wait). Start with delay 1 and fail_count 0."""
    retry_after = max(0, min(retry_after, RETRY_AFTER_MAX_S))
    if retry_after == 0 and fail_count > 0:
        delay = min(delay * 2, rng.randint(RESEND_CAP_S, RESEND_CAP_S * 2))
        return delay, delay
    return delay, retry_after


def is_executed(method: str) -> bool:
    """Whether a `method` in a webhook's answer is carried out."""
    lower = method.lower()
    return bool(lower) and lower not in METHODS_NEVER_EXECUTED and not lower.startswith("get")
