"""Every kind of update of the Bot API: (name of the payload, payload)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from tests.support.updates.messages import Payload, channel_post, edited, group_message, private_message
from tests.support.updates.words import EMOJI, LOCALES, photo_link, sentence, video_id, video_link
from tests.support.updates.world import ANONYMOUS_ADMIN, World, private_header

Update = tuple[str, Payload]


def _message_private(world: World) -> list[Update]:
    return [("message", private_message(world, world.user()))]


def _message_group(world: World) -> list[Update]:
    return [("message", group_message(world, world.chat(world.groups)))]


def _message_supergroup(world: World) -> list[Update]:
    return [("message", group_message(world, world.chat(world.supergroups)))]


def _migration(world: World) -> list[Update]:
    old = world.chat(world.groups)
    new = world.migrate(old)
    old.messages += 1
    new.messages = 1
    sender = {"from": ANONYMOUS_ADMIN, "sender_chat": new.header}
    return [
        (
            "message",
            {"message_id": old.messages, **sender, "chat": old.header, "date": world.now, "migrate_to_chat_id": new.id},
        ),
        ("message", {"message_id": 1, **sender, "chat": new.header, "date": world.now, "migrate_from_chat_id": old.id}),
    ]


def _edited_message(world: World) -> list[Update]:
    if world.rng.random() < 0.6:
        return [("edited_message", edited(world, private_message(world, world.user())))]
    return [("edited_message", edited(world, group_message(world, world.chat(world.supergroups))))]


def _channel_post(world: World) -> list[Update]:
    return [("channel_post", channel_post(world, world.chat(world.channels)))]


def _edited_channel_post(world: World) -> list[Update]:
    return [("edited_channel_post", edited(world, channel_post(world, world.chat(world.channels))))]


def _guest_message(world: World) -> list[Update]:
    message = group_message(world, world.chat(world.supergroups))
    message["guest_query_id"] = world.query_id()
    return [("guest_message", message)]


def _business_connection(world: World) -> list[Update]:
    user = world.user()
    connection = {
        "id": f"bc{world.unique()}",
        "user": user.profile,
        "user_chat_id": user.id,
        "date": world.now,
        "rights": {"can_reply": True},
        "is_enabled": world.rng.random() < 0.8,
    }
    return [("business_connection", connection)]


def _business_message(world: World) -> list[Update]:
    message = private_message(world, world.user())
    message["business_connection_id"] = f"bc{world.rng.randrange(100)}"
    if world.rng.random() < 0.3:
        return [("edited_business_message", edited(world, message))]
    return [("business_message", message)]


def _deleted_business_messages(world: World) -> list[Update]:
    deleted = {
        "business_connection_id": f"bc{world.rng.randrange(100)}",
        "chat": private_header(world.user()),
        "message_ids": sorted(world.rng.sample(range(1, 1000), 3)),
    }
    return [("deleted_business_messages", deleted)]


_CALLBACK_DATA: tuple[tuple[float, Callable[[World], str]], ...] = (
    (30, lambda world: f"lang/{world.rng.choice(LOCALES)}"),
    (
        3,
        lambda world: world.rng.choice(
            ("lang/de", "lang/", "lang/EN", "lang/en/x", "lang/pt-br", "lang", "language/en")
        ),
    ),
    (40, lambda world: f"id/{video_id(world.rng)}"),
    (3, lambda world: world.rng.choice(("id/", "id/abc", "id/-5", "stats_noop", "loading"))),
    (5, lambda world: "retry_video"),
    (5, lambda world: f"slide:{world.rng.randrange(9)}"),
    (4, lambda world: f"ir:tt:{video_link(world.rng)}"[:64]),
)
_CALLBACK_WEIGHTS = list(itertools.accumulate(weight for weight, _ in _CALLBACK_DATA))


def _callback_query(world: World) -> list[Update]:
    rng = world.rng
    user = world.user()
    query: Payload = {"id": world.query_id(), "from": user.profile}
    dice = rng.random()
    if dice < 0.7:
        chat: dict[str, Any] = private_header(user)
    else:
        place = world.chat(world.supergroups if dice < 0.9 else world.groups)
        chat = place.header
    place_dice = rng.random()
    if place_dice < 0.08:
        query["inline_message_id"] = f"AgAAA{world.unique()}"
    elif place_dice < 0.14:
        query["message"] = {"chat": chat, "message_id": rng.randrange(1, 1000), "date": 0}
    else:
        query["message"] = {
            "message_id": rng.randrange(1, 1000),
            "from": world.bot,
            "chat": chat,
            "date": world.now - rng.randrange(86_400),
            "text": "Choose",
            "reply_markup": {"inline_keyboard": [[{"text": "English 🇺🇳", "callback_data": "lang/en"}]]},
        }
    query["chat_instance"] = str(-rng.getrandbits(62))
    if rng.random() < 0.02:
        query["game_short_name"] = "game"
    else:
        query["data"] = rng.choices(_CALLBACK_DATA, cum_weights=_CALLBACK_WEIGHTS)[0][1](world)
    return [("callback_query", query)]


def _inline_query(world: World) -> list[Update]:
    rng = world.rng
    text = video_link(rng) if rng.random() < 0.6 else sentence(rng)
    query = {"id": world.query_id(), "from": world.user().profile, "query": text, "offset": ""}
    if rng.random() < 0.8:
        query["chat_type"] = rng.choice(("sender", "private", "group", "supergroup", "channel"))
    return [("inline_query", query)]


def _chosen_inline_result(world: World) -> list[Update]:
    rng = world.rng
    is_photo = rng.random() < 0.2
    result = {
        "result_id": "ig_download" if is_photo else "tt_download",
        "from": world.user().profile,
        "query": photo_link(rng) if is_photo else video_link(rng),
    }
    if rng.random() < 0.95:
        result["inline_message_id"] = f"BQAAA{world.unique()}"
    return [("chosen_inline_result", result)]


def _payment_query(world: World) -> list[Update]:
    query = {"id": world.query_id(), "from": world.user().profile, "invoice_payload": "coffee-1"}
    if world.rng.random() < 0.5:
        address = {
            "country_code": "XX",
            "state": "",
            "city": "City",
            "street_line1": "1",
            "street_line2": "",
            "post_code": "0",
        }
        return [("shipping_query", {**query, "shipping_address": address})]
    return [("pre_checkout_query", {**query, "currency": "XTR", "total_amount": 1 + world.rng.randrange(500)})]


def _purchased_paid_media(world: World) -> list[Update]:
    return [("purchased_paid_media", {"from": world.user().profile, "paid_media_payload": f"pm{world.unique()}"})]


def _poll(world: World) -> list[Update]:
    rng = world.rng
    poll_id = str(5_000_000_000_000_000_000 + rng.randrange(50))
    if rng.random() < 0.5:
        answer: Payload = {"poll_id": poll_id, "option_ids": [rng.randrange(2)]}
        answer["option_persistent_ids"] = [str(each) for each in answer["option_ids"]]
        if rng.random() < 0.2:
            answer["voter_chat"] = world.chat(world.channels).header
            answer["user"] = ANONYMOUS_ADMIN
        else:
            answer["user"] = world.user().profile
        return [("poll_answer", answer)]
    votes = rng.randrange(100)
    poll = {
        "id": poll_id,
        "question": sentence(rng),
        "options": [
            {"persistent_id": "0", "text": "yes", "voter_count": votes},
            {"persistent_id": "1", "text": "no 🙂", "voter_count": 0},
        ],
        "total_voter_count": votes,
        "is_closed": rng.random() < 0.2,
        "is_anonymous": True,
        "type": "regular",
        "allows_multiple_answers": False,
        "allows_revoting": True,
        "members_only": False,
    }
    return [("poll", poll)]


_RIGHTS = ("change_info", "invite_users", "pin_messages", "manage_topics")
_SENDING = ("messages", "audios", "documents", "photos", "videos", "video_notes", "voice_notes", "polls")
_ADMIN_RIGHTS = (
    *("be_edited", "manage_chat", "delete_messages", "manage_video_chats", "restrict_members", "promote_members"),
    *(
        "send_welcome_messages",
        "post_stories",
        "edit_stories",
        "delete_stories",
        "manage_direct_messages",
        "manage_tags",
        *_RIGHTS,
    ),
)
_STANDING: dict[str, Payload] = {
    "kicked": {"until_date": 0},
    "administrator": {**{f"can_{right}": False for right in _ADMIN_RIGHTS}, "is_anonymous": False},
    "restricted": {
        **{f"can_send_{what}": False for what in (*_SENDING, "other_messages")},
        **{f"can_{right}": False for right in ("add_web_page_previews", "react_to_messages", "edit_tag", *_RIGHTS)},
        "is_member": True,
        "until_date": 0,
    },
}


def _member_change(world: World, user: Payload, old: str, new: str) -> Payload:
    before, after = ({"user": user, "status": status, **_STANDING.get(status, {})} for status in (old, new))
    return {"date": world.now, "old_chat_member": before, "new_chat_member": after}


def _my_chat_member(world: World) -> list[Update]:
    rng = world.rng
    if rng.random() < 0.75:
        user = world.user()
        user.is_blocking = not user.is_blocking
        states = ("member", "kicked") if user.is_blocking else ("kicked", "member")
        change = {"chat": private_header(user), "from": user.profile}
    else:
        chats = rng.choice((world.groups, world.supergroups, world.channels))
        states = rng.choice((("left", "member"), ("member", "left"), ("member", "administrator"), ("member", "kicked")))
        change = {"chat": world.chat(chats).header, "from": world.user().profile}
    return [("my_chat_member", {**change, **_member_change(world, world.bot, *states)})]


def _chat_member(world: World) -> list[Update]:
    rng = world.rng
    chat = world.chat(world.supergroups)
    user = rng.choice(chat.members)
    states = rng.choice((("left", "member"), ("member", "left"), ("member", "restricted"), ("member", "kicked")))
    change = {"chat": chat.header, "from": user.profile, **_member_change(world, user.profile, *states)}
    return [("chat_member", change)]


def _chat_join_request(world: World) -> list[Update]:
    user = world.user()
    request = {
        "chat": world.chat(world.supergroups).header,
        "from": user.profile,
        "user_chat_id": user.id,
        "date": world.now,
    }
    return [("chat_join_request", request)]


def _reaction(world: World) -> list[Update]:
    rng = world.rng
    chat = world.chat(world.supergroups)
    place = {"chat": chat.header, "message_id": 1 + rng.randrange(max(1, chat.messages)), "date": world.now}
    reaction = {"type": "emoji", "emoji": rng.choice(EMOJI)}
    if rng.random() < 0.3:
        return [
            (
                "message_reaction_count",
                {**place, "reactions": [{"type": reaction, "total_count": rng.randrange(1, 99)}]},
            )
        ]
    who = {"actor_chat": chat.header} if rng.random() < 0.1 else {"user": rng.choice(chat.members).profile}
    return [("message_reaction", {**place, **who, "old_reaction": [], "new_reaction": [reaction]})]


def _boost(world: World) -> list[Update]:
    chat = world.chat(world.channels).header
    source = {"source": "premium", "user": world.user().profile}
    boost_id = f"boost{world.unique()}"
    if world.rng.random() < 0.4:
        return [
            ("removed_chat_boost", {"chat": chat, "boost_id": boost_id, "remove_date": world.now, "source": source})
        ]
    boost = {"boost_id": boost_id, "add_date": world.now, "expiration_date": world.now + 86_400, "source": source}
    return [("chat_boost", {"chat": chat, "boost": boost})]


def _managed_bot(world: World) -> list[Update]:
    return [("managed_bot", {"user": world.user().profile, "bot": world.bot})]


MAKERS: tuple[tuple[float, Callable[[World], list[Update]]], ...] = (
    (52, _message_private),
    (5, _message_group),
    (11, _message_supergroup),
    (0.15, _migration),
    (2.5, _edited_message),
    (2, _channel_post),
    (0.5, _edited_channel_post),
    (0.3, _guest_message),
    (0.2, _business_connection),
    (1, _business_message),
    (0.2, _deleted_business_messages),
    (11, _callback_query),
    (4, _inline_query),
    (3, _chosen_inline_result),
    (0.3, _payment_query),
    (0.1, _purchased_paid_media),
    (0.8, _poll),
    (2, _my_chat_member),
    (1.2, _chat_member),
    (0.3, _chat_join_request),
    (1.5, _reaction),
    (0.3, _boost),
    (0.1, _managed_bot),
)
"""Makers with weights. Each gives one update, a migration two."""
