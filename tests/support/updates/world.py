"""Who writes: a skewed population of users, groups and channels, with the ids Telegram would give."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from tests.support.canary import NAME
from tests.support.updates.words import EMOJI, LANGUAGE_CODES, WORDS

ANONYMOUS_ADMIN = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
CHANNEL_BOT = {"id": 136817688, "is_bot": True, "first_name": "Channel", "username": "Channel_Bot"}
SERVICE_USER = {"id": 777000, "is_bot": False, "first_name": "Telegram"}


@dataclass(slots=True)
class User:
    """A person who writes; `profile` is the User object of the Bot API."""

    id: int
    profile: dict[str, Any]
    messages: int = 0
    is_blocking: bool = False


@dataclass(slots=True)
class Chat:
    """A group, supergroup or channel; `header` is the Chat object of the Bot API."""

    id: int
    header: dict[str, Any]
    members: list[User] = field(default_factory=list)
    messages: int = 0
    is_migrated: bool = False


class World:
    """The population and the clock of one generated run."""

    def __init__(self, rng: random.Random, bot_id: int, now: int, chats: int) -> None:
        self.rng = rng
        self.now = now
        """Unix time of the update being made."""
        self.bot = {"id": bot_id, "is_bot": True, "first_name": "Test bot", "username": "telefact_test_bot"}
        self.users = [self._make_user(number) for number in range(max(1, chats * 8 // 10))]
        self.groups = [self._make_chat(number, "group") for number in range(max(1, chats // 20))]
        self.supergroups = [self._make_chat(number, "supergroup") for number in range(max(1, chats // 10))]
        self.channels = [self._make_chat(number, "channel") for number in range(max(1, chats // 25))]
        self._ids = 0

    def user(self) -> User:
        """Somebody; a tenth of the population makes half of the traffic."""
        return self.users[int(len(self.users) * self.rng.random() ** 3.3)]

    def chat(self, chats: list[Chat]) -> Chat:
        """One of these, skewed as users are."""
        return chats[int(len(chats) * self.rng.random() ** 3.3)]

    def unique(self) -> int:
        """A number not used before in this run."""
        self._ids += 1
        return self._ids

    def query_id(self) -> str:
        """An id of a query: a decimal string of up to 19 digits, unique."""
        return str((self.rng.getrandbits(40) << 20 | self.unique()) + 1)

    def migrate(self, group: Chat) -> Chat:
        """Turn a group into a supergroup: the new chat, with the same members."""
        chat = self._make_chat(len(self.supergroups), "supergroup")
        chat.header["title"] = group.header["title"]
        chat.members = group.members
        group.is_migrated = True
        self.groups.remove(group)
        if not self.groups:
            self.groups.append(self._make_chat(1_000_000 + self.unique(), "group"))
        self.supergroups.append(chat)
        return chat

    def rename(self, user: User) -> None:
        """The user changed the profile."""
        user.profile = dict(user.profile, first_name=f"{self.rng.choice(WORDS)} {self.rng.choice(EMOJI)}")
        if self.rng.random() < 0.5:
            user.profile.pop("username", None)
        else:
            user.profile["username"] = f"user_{user.id % 100_000}_{self.rng.randrange(100)}"

    def _make_user(self, number: int) -> User:
        rng = self.rng
        if number % 50 == 49:
            user_id = (1 << 52) - 1 - number
        else:
            user_id = 100_000_000 + number * 4_999_999 + rng.randrange(4_999_999)
        profile: dict[str, Any] = {"id": user_id, "is_bot": False, "first_name": f"{NAME} {number}"}
        if number % 9 == 4:
            profile["first_name"] = rng.choice(EMOJI)
        if number % 11 == 5:
            profile["last_name"] = f"{NAME} {rng.choice(WORDS)}"
        if number % 3 != 1:
            profile["username"] = f"{NAME}_{number}"
        code = rng.choice(LANGUAGE_CODES)
        if code is not None:
            profile["language_code"] = code
        if number % 17 == 3:
            profile["is_premium"] = True
        return User(user_id, profile, rng.randrange(1000))

    def _make_chat(self, number: int, kind: str) -> Chat:
        rng = self.rng
        if kind == "group":
            chat_id = -(100_000_000 + number * 999_983 + rng.randrange(999_983))
        else:
            base = {"supergroup": 1_000_000_000, "channel": 2_500_000_000}[kind]
            chat_id = -1_000_000_000_000 - base - number * 499_979 - rng.randrange(499_979)
        header: dict[str, Any] = {
            "id": chat_id,
            "title": f"{kind.capitalize()} {number} {rng.choice(EMOJI)}",
            "type": kind,
        }
        if kind != "group" and number % 2:
            header["username"] = f"{kind}_{number}"
        if kind == "group":
            header["all_members_are_administrators"] = False
        if kind == "supergroup" and number % 7 == 0:
            header["is_forum"] = True
        members = [self.users[rng.randrange(len(self.users))] for _ in range(12)]
        return Chat(chat_id, header, members, rng.randrange(10_000))


def private_header(user: User) -> dict[str, Any]:
    """The Chat object of the private chat with a user."""
    profile = user.profile
    header: dict[str, Any] = {"id": user.id, "first_name": profile["first_name"]}
    for name in ("last_name", "username"):
        if name in profile:
            header[name] = profile[name]
    header["type"] = "private"
    return header
