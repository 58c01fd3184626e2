"""Invented neutral text: words, emoji, right-to-left, links. Nothing here was said by anybody."""

from __future__ import annotations

import random

from tests.support.canary import TEXT

LOCALES = ("ar", "en", "hi", "id", "ru", "so", "uk", "vi")
"""The bot's own languages."""

LANGUAGE_CODES = (
    *("en",) * 24,
    *("ru",) * 14,
    *("uk", "ar", "id", "hi", "vi") * 5,
    *("so",) * 2,
    *(None,) * 6,
    *("de", "fr", "es", "pt-br", "en-GB", "zh-hans", "EN", "ru-RU", "fa", "tr"),
)
"""Telegram's language_code, with the weight of repetition; None: absent."""

WORDS = (
    "apple", "river", "stone", "window", "paper", "green", "seven", "cloud", "button", "yellow",
    "листок", "вода", "ответ", "синий", "хмара", "سماء", "باب", "שלום", "नीला", "पानी", "nước", "xanh",
    "samaa", "biru", "tautan", "straße", "naïve", "中文", "カメラ", "e\u0301te\u0301", "𝔘𝔫𝔦", "\u202bيمين\u202c",
)  # fmt: skip

EMOJI = ("🙂", "🎬", "❤️", "👍🏽", "👩‍💻", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇺🇳", "1️⃣", "🫶", "🧑🏿‍🚀", "☕")

VIDEO_HOSTS = (
    "www.tiktok.com/@user{0}/video/{1}",
    "vm.tiktok.com/Z{0}a{1}/",
    "vt.tiktok.com/ZS{0}/",
    "m.tiktok.com/v/{1}.html",
)
PHOTO_HOSTS = ("www.instagram.com/reel/C{0}x{1}/", "www.instagram.com/p/B{0}_{1}/", "instagram.com/stories/user{0}/{1}")
OTHER_HOSTS = ("example.com/watch?v={0}&t={1}", "example.org/{0}/страница/{1}", "example.net/{0}#part-{1}")


def sentence(rng: random.Random) -> str:
    """The canary and one to eight words, sometimes with emoji, sometimes over two lines."""
    words = [TEXT, *(rng.choice(WORDS) for _ in range(1 + int(rng.random() * 8)))]
    if rng.random() < 0.3:
        words.append(rng.choice(EMOJI))
    return ("\n" if rng.random() < 0.05 else " ").join(words)


def video_id(rng: random.Random) -> int:
    """A video's id as TikTok's look: 19 digits, below 2^63."""
    return 7_000_000_000_000_000_000 + rng.getrandbits(57)


def video_link(rng: random.Random) -> str:
    """A link to a video; one in two hundred is longer than 2,048 bytes."""
    link = "https://" + rng.choice(VIDEO_HOSTS).format(rng.randrange(1000), video_id(rng))
    if rng.random() < 0.005:
        link += "?q=" + "длинно-" * 200
    elif rng.random() < 0.2:
        link += f"?_r=1&u={rng.randrange(100)}"
    return link


def photo_link(rng: random.Random) -> str:
    """A link the bot downloads without advertisements."""
    return "https://" + rng.choice(PHOTO_HOSTS).format(rng.randrange(1000), rng.randrange(10**9))


def other_link(rng: random.Random) -> str:
    """A link the bot does not know."""
    return "https://" + rng.choice(OTHER_HOSTS).format(rng.randrange(1000), rng.randrange(10**9))


def utf16_length(text: str) -> int:
    """Length as Telegram's entities count it."""
    return len(text) + sum(character > "\uffff" for character in text)
