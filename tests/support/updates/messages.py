"""Message objects: texts, commands, media and service messages in every kind of chat."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

from tests.support.updates.words import (
    EMOJI,
    other_link,
    photo_link,
    sentence,
    utf16_length,
    video_link,
)
from tests.support.updates.world import ANONYMOUS_ADMIN, CHANNEL_BOT, SERVICE_USER, Chat, User, World, private_header

Payload = dict[str, Any]


def private_message(world: World, user: User) -> Payload:
    """A user writes to the bot."""
    user.messages += 1
    if world.rng.random() < 0.01:
        world.rename(user)
    message: Payload = {
        "message_id": user.messages,
        "from": user.profile,
        "chat": private_header(user),
        "date": world.now,
    }
    _PRIVATE.fill(world, message)
    return message


def group_message(world: World, chat: Chat) -> Payload:
    """Somebody writes in a group where the bot reads along."""
    rng = world.rng
    chat.messages += 1
    sender = rng.choice(chat.members)
    message: Payload = {"message_id": chat.messages, "from": sender.profile, "chat": chat.header, "date": world.now}
    dice = rng.random()
    if dice < 0.04:
        message["from"] = ANONYMOUS_ADMIN
        message["sender_chat"] = chat.header
        message["author_signature"] = "admin"
    elif dice < 0.06:
        message["from"] = CHANNEL_BOT
        message["sender_chat"] = world.chat(world.channels).header
    elif dice < 0.07:
        message["from"] = SERVICE_USER
        message["sender_chat"] = world.chat(world.channels).header
        message["is_automatic_forward"] = True
    elif dice < 0.075:
        del message["from"]
    if chat.header.get("is_forum"):
        message["message_thread_id"] = rng.randrange(1, 50)
        message["is_topic_message"] = True
    _GROUP.fill(world, message)
    return message


def channel_post(world: World, chat: Chat) -> Payload:
    """A post in a channel: no `from`."""
    chat.messages += 1
    post: Payload = {"message_id": chat.messages, "sender_chat": chat.header, "chat": chat.header, "date": world.now}
    if world.rng.random() < 0.3:
        post["author_signature"] = "editor"
    _POST.fill(world, post)
    return post


def edited(world: World, message: Payload) -> Payload:
    """The same message, edited now; its own date is some minutes older."""
    message["date"] = world.now - world.rng.randrange(1, 600)
    message["edit_date"] = world.now
    return message


def put_text(message: Payload, text: str) -> None:
    """Set the text with the entities Telegram would find in it."""
    message["text"] = text
    entities = []
    if text.startswith("/"):
        entities.append({"offset": 0, "length": utf16_length(text.split()[0]), "type": "bot_command"})
    at = text.find("https://")
    if at >= 0:
        length = utf16_length(text[at:].split()[0])
        entities.append({"offset": utf16_length(text[:at]), "length": length, "type": "url"})
    if entities:
        message["entities"] = entities


Filler = Callable[[World, Payload], None]


class _Mix:
    """Fillers with weights."""

    def __init__(self, *fillers: tuple[float, Filler]) -> None:
        self._weights = list(itertools.accumulate(weight for weight, _ in fillers))
        self._fillers = [filler for _, filler in fillers]

    def fill(self, world: World, message: Payload) -> None:
        world.rng.choices(self._fillers, cum_weights=self._weights)[0](world, message)


def _text(make: Callable[[random.Random], str]) -> Filler:
    return lambda world, message: put_text(message, make(world.rng))


def _link_in_words(make: Callable[[random.Random], str]) -> Callable[[random.Random], str]:
    return lambda rng: make(rng) if rng.random() < 0.8 else f"{sentence(rng)} {make(rng)} {rng.choice(EMOJI)}"


def _start(rng: random.Random) -> str:
    return "/start" if rng.random() < 0.9 else "/start@telefact_test_bot"


def _start_payload(rng: random.Random) -> str:
    payload = rng.choice(("ref42", "REF42", "inline", "abc-DEF_9", f"friend{rng.randrange(30)}", "кампания", "🙂"))
    dice = rng.random()
    if dice < 0.02:
        payload = "long-" * 600
    elif dice < 0.05:
        payload = "two words"
    return f"/start {payload}"


def _almost_command(rng: random.Random) -> str:
    return rng.choice(("/starter", "/help", "/stop", "/model", "start", "/", "//start", "see /start", "/settings 1"))


def _photo(world: World, message: Payload) -> None:
    number = world.unique()
    sizes = ((90, 51), (320, 180), (1280, 720))
    message["photo"] = [
        {
            "file_id": f"AgACAgI{number}s{width}",
            "file_unique_id": f"AQAD{number}{width}",
            "file_size": width * height // 9,
            "width": width,
            "height": height,
        }
        for width, height in sizes
    ]
    if world.rng.random() < 0.4:
        message["caption"] = sentence(world.rng)


def _file(kind: str, **more: Any) -> Filler:
    def fill(world: World, message: Payload) -> None:
        number = world.unique()
        message[kind] = {
            "file_id": f"BAACAgI{number}",
            "file_unique_id": f"Ag{number}",
            "file_size": 1000 + number,
            **more,
        }

    return fill


def _sticker(world: World, message: Payload) -> None:
    number = world.unique()
    message["sticker"] = {
        "width": 512,
        "height": 512,
        "emoji": world.rng.choice(EMOJI),
        "is_animated": False,
        "is_video": False,
        "type": "regular",
        "file_id": f"CAACAgI{number}",
        "file_unique_id": f"AgAD{number}",
    }


def _fixed(**fields: Any) -> Filler:
    return lambda world, message: message.update(fields)


def _member_joined(world: World, message: Payload) -> None:
    member = world.user().profile
    message["new_chat_participant"] = message["new_chat_member"] = member
    message["new_chat_members"] = [member]


def _member_left(world: World, message: Payload) -> None:
    message["left_chat_member"] = world.user().profile


def _title(world: World, message: Payload) -> None:
    message["new_chat_title"] = sentence(world.rng)


def _pinned(world: World, message: Payload) -> None:
    message["pinned_message"] = {"message_id": max(1, message["message_id"] - 1), "chat": message["chat"], "date": 0}


def _reply(world: World, message: Payload) -> None:
    put_text(message, sentence(world.rng))
    message["reply_to_message"] = {
        "message_id": max(1, message["message_id"] - 1),
        "from": world.bot,
        "chat": message["chat"],
        "date": message["date"] - 60,
        "text": "Send a link",
    }


def _forward(world: World, message: Payload) -> None:
    message["forward_origin"] = {
        "type": "hidden_user",
        "sender_user_name": "Hidden user",
        "date": message["date"] - 3600,
    }
    put_text(message, sentence(world.rng))


_MEDIA: tuple[tuple[float, Filler], ...] = (
    (4, _photo),
    (4, _sticker),
    (2, _file("voice", duration=3, mime_type="audio/ogg")),
    (2, _file("video", width=640, height=360, duration=9)),
    (1, _file("document", file_name="list 1.txt", mime_type="text/plain")),
    (1, _file("video_note", length=240, duration=5)),
    (1, _file("audio", duration=60, title="Tone 440")),
    (0.5, _fixed(location={"latitude": 0.5, "longitude": -0.5})),
    (0.5, _fixed(dice={"emoji": "🎲", "value": 4})),
    (0.3, _fixed(contact={"phone_number": "+10000000000", "first_name": "Contact"})),
)

_PRIVATE = _Mix(
    (28, _text(sentence)),
    (24, _text(_link_in_words(video_link))),
    (6, _text(_link_in_words(photo_link))),
    (3, _text(_link_in_words(other_link))),
    (8, _text(_start)),
    (6, _text(_start_payload)),
    (3, _text(lambda rng: "/mode" if rng.random() < 0.85 else "/mode@telefact_test_bot")),
    (2, _text(lambda rng: "/lang")),
    (1, _text(_almost_command)),
    (3, _reply),
    (1, _forward),
    (0.5, _pinned),
    (0.2, _fixed(message_auto_delete_timer_changed={"message_auto_delete_time": 86400})),
    *_MEDIA,
)

_GROUP = _Mix(
    (45, _text(sentence)),
    (10, _text(_link_in_words(video_link))),
    (2, _text(_link_in_words(photo_link))),
    (2, _text(_start)),
    (2, _text(lambda rng: "/mode@telefact_test_bot" if rng.random() < 0.5 else "/mode")),
    (1, _text(_almost_command)),
    (5, _reply),
    (2, _member_joined),
    (1.5, _member_left),
    (0.5, _title),
    (0.5, _pinned),
    (0.2, _fixed(delete_chat_photo=True)),
    (0.2, _fixed(supergroup_chat_created=True)),
    *_MEDIA,
)

_POST = _Mix((60, _text(sentence)), (15, _text(_link_in_words(video_link))), *_MEDIA)
