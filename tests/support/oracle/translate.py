"""From the JSON of an update to the events it must make: the contract's rules, written a second time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.support.oracle import ids, strict_json

LANGS = frozenset({"ar", "en", "hi", "id", "ru", "so", "uk", "vi"})
CHAT_TYPES = {"private": 1, "group": 2, "supergroup": 3, "channel": 4}
START, TEXT, PRIVATE_MESSAGE = 1, 2, 3
LINK_BYTES_MAX = 2048
NAME_BYTES_MAX = 256
NO_EVENT, UNPARSABLE, TOO_DEEP = 1, 2, 3
DATE_MAX = 253_402_300_799  # the last second of the year 9999
BLANKS = " \t\n\v\f\r"


@dataclass(slots=True)
class Event:
    """One expected event."""

    event_id: bytes
    kind: str
    subject_id: int
    update_id: int
    occurred_at_ms: int | None
    """None: the gateway's clock at receipt, which no JSON shows."""
    fields: dict[str, Any]
    """The payload's proto fields that are set, by name; `personal` is a dict of its own."""
    ordinal: int = 0
    is_published: bool = False


@dataclass(slots=True)
class Translation:
    """What one update must become: events, or a record of the raw topic for one of the reasons."""

    update_id: int | None
    """None: it may or may not have been readable."""
    events: list[Event] = field(default_factory=list)
    reasons: frozenset[int] = frozenset()
    """More than one where the contract leaves the choice open."""


class _Unparsable(Exception):
    """A value that is needed is missing, of the wrong type, or stands twice."""


def translate(body: bytes, bot_id: int) -> Translation:
    """The events of an update, or why there are none."""
    try:
        update = strict_json.parse(body)
    except strict_json.Refused:
        return Translation(0, reasons=frozenset({UNPARSABLE}))
    except strict_json.TooDeep as deep:
        return Translation(None, reasons=frozenset({TOO_DEEP, UNPARSABLE} if deep.also_broken else {TOO_DEEP}))
    try:
        update_id = _int64(update, "update_id")
        _demand(update_id > 0, "update_id")
    except _Unparsable:
        return Translation(0, reasons=frozenset({UNPARSABLE}))
    try:
        events = list(_events(update, update_id, bot_id))
    except _Unparsable:
        return Translation(update_id, reasons=frozenset({UNPARSABLE}))
    return Translation(update_id, events, frozenset() if events else frozenset({NO_EVENT}))


def _events(update: Any, update_id: int, bot_id: int) -> Iterator[Event]:
    for name, rule in _RULES.items():
        if _is_absent(update, name):
            continue
        payload = _object(update, name)
        ordinals: dict[str, int] = {}
        for draft in rule(payload):
            ordinal = ordinals[draft.kind] = ordinals.get(draft.kind, -1) + 1
            event_id = ids.of_update(bot_id, draft.kind, ordinal, update_id, draft.natural_id, draft.date)
            yield Event(event_id, draft.kind, draft.subject_id, update_id, draft.occurred_at_ms, draft.fields, ordinal)
        return


@dataclass(slots=True)
class _Draft:
    kind: str
    subject_id: int
    fields: dict[str, Any]
    natural_id: str
    date: int
    occurred_at_ms: int | None


def _of_message(message: strict_json.Object) -> Iterator[_Draft]:
    chat_id, chat_type = _chat(message)
    date = _date(message, "date" if _is_absent(message, "edit_date") else "edit_date")
    natural_id = f"m:{chat_id}:{_int64(message, 'message_id')}"

    def draft(kind: str, fields: dict[str, Any]) -> _Draft:
        return _Draft(kind, chat_id, fields, natural_id, date, date * 1000)

    text = _text(message, "text")
    is_private = chat_type == CHAT_TYPES["private"]
    command, payload = _command(text) if is_private and text is not None else ("", "")
    if command == "/mode":
        yield draft("user_mode_changed", {"user_id": chat_id, "toggle": True})
    elif chat_type and (text or is_private):
        source = START if command == "/start" else TEXT if text else PRIVATE_MESSAGE
        yield draft("user_seen", _user_seen(message, chat_id, chat_type, source, payload))
    if not _is_absent(message, "migrate_to_chat_id"):
        new_id = _int64(message, "migrate_to_chat_id")
        yield draft("chat_migrated", {"old_id": chat_id, "new_id": new_id})
    if not _is_absent(message, "migrate_from_chat_id"):
        old_id = _int64(message, "migrate_from_chat_id")
        yield draft("chat_migrated", {"old_id": old_id, "new_id": chat_id})


def _user_seen(message: strict_json.Object, chat_id: int, chat_type: int, source: int, payload: str) -> dict[str, Any]:
    is_anonymous = _is_absent(message, "from")
    sender = strict_json.Object() if is_anonymous else _object(message, "from")
    code = _text(sender, "language_code")
    fields: dict[str, Any] = {
        "user_id": chat_id,
        "chat_type": chat_type,
        "source": source,
        "lang": code if code in LANGS else "en",
    }
    if source == START and payload:
        fields["link"] = cut(payload, LINK_BYTES_MAX)
    if chat_type == CHAT_TYPES["private"] and not is_anonymous:
        names = {name: _text(sender, name) for name in ("username", "first_name", "last_name", "language_code")}
        fields["personal"] = {name: cut(text, NAME_BYTES_MAX) for name, text in names.items() if text is not None}
    return fields


def _of_callback(query: strict_json.Object) -> Iterator[_Draft]:
    data = _text(query, "data")
    if data is None or _is_absent(query, "message") or not data.startswith("lang/"):
        return
    lang = data[len("lang/") :]
    if lang not in LANGS:
        return
    chat_id, chat_type = _chat(_object(query, "message"))
    query_id = _text(query, "id")
    _demand(query_id is not None, "callback_query.id")
    if chat_type != CHAT_TYPES["private"]:
        return
    yield _Draft("user_lang_changed", chat_id, {"user_id": chat_id, "lang": lang}, f"cq:{query_id}", 0, None)


def _of_my_chat_member(change: strict_json.Object) -> Iterator[_Draft]:
    chat_id, chat_type = _chat(change)
    if chat_type != CHAT_TYPES["private"]:
        return
    date = _date(change, "date")
    status = _text(_object(change, "new_chat_member"), "status")
    _demand(status is not None, "new_chat_member.status")
    if status not in ("kicked", "member"):
        return
    natural_id = f"cm:{chat_id}:{_int64(_object(change, 'from'), 'id')}"
    fields = {"user_id": chat_id, "blocked": status == "kicked"}
    yield _Draft("user_blocked", chat_id, fields, natural_id, date, date * 1000)


_RULES: dict[str, Callable[[strict_json.Object], Iterator[_Draft]]] = {
    "message": _of_message,
    "callback_query": _of_callback,
    "my_chat_member": _of_my_chat_member,
}


def _command(text: str) -> tuple[str, str]:
    """The command word of a text without the bot's name, and what follows it."""
    text = text.lstrip(BLANKS)
    end = next((at for at, char in enumerate(text) if char in BLANKS), len(text))
    return text[:end].partition("@")[0], text[end:].lstrip(BLANKS)


def _demand(is_so: bool, name: str) -> None:
    if not is_so:
        raise _Unparsable(name)


def _chat(container: strict_json.Object) -> tuple[int, int]:
    """Id and type; type 0: one that the contract does not know."""
    chat = _object(container, "chat")
    chat_id, name = _int64(chat, "id"), _text(chat, "type")
    _demand(chat_id != 0 and name is not None, "chat")
    return chat_id, CHAT_TYPES.get(name or "", 0)


def _date(container: strict_json.Object, name: str) -> int:
    date = _int64(container, name)
    _demand(0 <= date <= DATE_MAX, name)
    return date


def _is_absent(container: strict_json.Object, name: str) -> bool:
    """Not there; null says the same."""
    return _value(container, name) is None


def _value(container: Any, name: str) -> Any:
    _demand(isinstance(container, strict_json.Object) and name not in container.repeated, name)
    return container.get(name)


def _object(container: Any, name: str) -> strict_json.Object:
    value = _value(container, name)
    _demand(isinstance(value, strict_json.Object), name)
    return value


def _int64(container: Any, name: str) -> int:
    value = _value(container, name)
    _demand(type(value) is int and -(1 << 63) <= value < 1 << 63, name)
    return value


def _text(container: Any, name: str) -> str | None:
    value = _value(container, name)
    if value is None:
        return None
    _demand(isinstance(value, str), name)
    return value.replace("\0", "\ufffd")


def cut(text: str, bytes_max: int) -> str:
    """The longest beginning of at most so many bytes of UTF-8 that ends with a whole character."""
    return text.encode("utf-8")[:bytes_max].decode("utf-8", "ignore")
