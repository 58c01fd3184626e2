"""The generator is deterministic, covers every kind, and its odd ones are what they claim to be."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any

import pytest

from tests.support.telegram.rules import KINDS, classify
from tests.support.updates import generate, hostile

NOW = 1_760_000_000


@pytest.fixture(scope="module")
def updates() -> list[dict[str, Any]]:
    """20,000 good updates, decoded."""
    return [json.loads(body) for body in generate(7, 20_000, odd=0.0)]


def payload(update: dict[str, Any]) -> dict[str, Any]:
    (value,) = (value for name, value in update.items() if name != "update_id")
    return dict(value)


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert list(generate(5, 3_000, odd=0.1)) == list(generate(5, 3_000, odd=0.1))
    assert list(generate(5, 100)) != list(generate(6, 100))
    assert hostile(1) == hostile(1)


def test_every_kind_of_the_bot_api_appears(updates: list[dict[str, Any]]) -> None:
    seen = {name for update in updates for name in update if name != "update_id"}
    assert seen == set(KINDS)


def test_update_ids_increase_and_dates_stay_within_the_span() -> None:
    bodies = list(generate(3, 2_000, now=NOW, odd=0.0, first_update_id=50, span_s=600))
    ids = [json.loads(body)["update_id"] for body in bodies]
    assert ids == list(range(50, 2_050))
    dates = [json.loads(body)["message"]["date"] for body in bodies if b'"message":' in body[:40]]
    assert dates == sorted(dates)
    assert NOW - 600 <= dates[0] and dates[-1] <= NOW


def test_message_ids_of_a_chat_increase(updates: list[dict[str, Any]]) -> None:
    last: dict[int, int] = defaultdict(int)
    for update in updates:
        message = update.get("message") or update.get("channel_post")
        if message is not None:
            chat = message["chat"]["id"]
            assert message["message_id"] > last[chat]
            last[chat] = message["message_id"]


def test_chats_of_every_type_and_their_ids(updates: list[dict[str, Any]]) -> None:
    chats = {}
    for update in updates:
        chat = payload(update).get("chat")
        if chat is not None:
            chats[chat["id"]] = chat["type"]
    assert set(chats.values()) == {"private", "group", "supergroup", "channel"}
    for chat_id, kind in chats.items():
        assert (chat_id > 0) == (kind == "private")
        assert (chat_id < -1_000_000_000_000) == (kind in ("supergroup", "channel"))
    assert any(chat_id > 1 << 51 for chat_id in chats), "no id of 52 bits"


def test_what_makes_events_is_among_them(updates: list[dict[str, Any]]) -> None:
    texts = Counter()
    for update in updates:
        message = update.get("message", {})
        text = message.get("text")
        kind = message.get("chat", {}).get("type")
        if text is not None:
            texts[(kind, text.split()[0].split("@")[0] if text.startswith("/") else "text")] += 1
            texts["payload"] += text.startswith("/start ")
            texts["with bot name"] += text.startswith("/start@")
            texts["video"] += "tiktok.com" in text
            texts["long link"] += len(text.encode()) > 2_048
        for name in ("migrate_to_chat_id", "migrate_from_chat_id"):
            texts[name] += name in message
        texts["anonymous"] += message.get("from", {}).get("username") == "GroupAnonymousBot"
        texts["no from"] += bool(message) and "from" not in message
    wanted = [("private", "/start"), ("private", "/mode"), ("private", "text"), ("supergroup", "/mode")]
    wanted += [("supergroup", "text"), ("group", "text"), "payload", "with bot name", "video", "long link"]
    wanted += ["migrate_to_chat_id", "migrate_from_chat_id", "anonymous", "no from"]
    assert not [name for name in wanted if not texts[name]]
    buttons = [update["callback_query"] for update in updates if "callback_query" in update]
    assert any("inline_message_id" in button and "message" not in button for button in buttons)
    assert any(button.get("message", {}).get("date") == 0 for button in buttons)
    data = {button.get("data", "") for button in buttons}
    assert {f"lang/{code}" for code in ("ar", "en", "hi", "id", "ru", "so", "uk", "vi", "de")} <= data
    states = {
        update["my_chat_member"]["new_chat_member"]["status"]
        for update in updates
        if update.get("my_chat_member", {}).get("chat", {}).get("type") == "private"
    }
    assert states == {"kicked", "member"}


def test_a_few_chats_make_most_of_the_traffic(updates: list[dict[str, Any]]) -> None:
    chats = Counter(update["message"]["chat"]["id"] for update in updates if "message" in update)
    top = sum(count for _, count in chats.most_common(len(chats) // 10))
    assert top > 0.35 * chats.total()
    assert len(chats) > 1_000


def test_a_migrated_group_is_silent_afterwards(updates: list[dict[str, Any]]) -> None:
    gone: dict[int, int] = {}
    arrived: dict[int, int] = {}
    for update in updates:
        message = update.get("message", {})
        if "migrate_to_chat_id" in message:
            gone[message["chat"]["id"]] = message["migrate_to_chat_id"]
        elif "migrate_from_chat_id" in message:
            arrived[message["migrate_from_chat_id"]] = message["chat"]["id"]
        else:
            assert message.get("chat", {}).get("id") not in gone
    assert gone and arrived.items() <= gone.items()


def test_both_escaped_and_plain_text_appear() -> None:
    bodies = list(generate(2, 500, odd=0.0))
    assert any(b"\\ud83d" in body for body in bodies)
    assert any("🙂".encode() in body for body in bodies)
    assert all(body.startswith(b'{"update_id":') and b',\n"' in body[:40] for body in bodies)


def test_hostile_bodies_are_what_they_claim() -> None:
    tricks = dict(hostile(1))
    assert len(tricks) == len(hostile(1)), "two tricks of one name"
    for name in ("empty", "truncated", "trailing_garbage", "single_quotes", "comment", "trailing_comma"):
        with pytest.raises(ValueError):
            json.loads(tricks[name])
    for name in ("invalid_utf8", "overlong_utf8", "surrogate_utf8", "cut_utf8"):
        with pytest.raises(UnicodeDecodeError):
            tricks[name].decode()
    assert len(tricks["padded_512_kib"]) == 512 << 10
    assert len(tricks["padded_1_mib"]) == len(tricks["unknown_kind_1_mib"]) == 1 << 20
    assert json.loads(tricks["nul_in_payload"])["message"]["text"] == "/start a\0b"
    for levels in (60, 64, 65, 200):
        assert _depth(tricks[f"depth_{levels}"]) == levels
    assert tricks["depth_10000"].count(b"[") == 9_998


def test_odd_ones_are_mixed_in_and_survive_classification() -> None:
    bodies = list(generate(9, 3_000, odd=0.5))
    kinds = Counter(classify(body, NOW).kind for body in bodies)
    assert kinds["?"] > 300 and kinds["message"] > 300
    assert max(map(len, bodies)) == 1 << 20
    assert max(map(len, generate(9, 3_000, odd=0.5, big=False))) < 1 << 17


def _depth(body: bytes) -> int:
    depth = deepest = 0
    for byte in body:
        depth += (byte in b"[{") - (byte in b"]}")
        deepest = max(deepest, depth)
    return deepest
