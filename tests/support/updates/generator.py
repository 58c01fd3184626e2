"""Updates in realistic proportions from a skewed population of chats, with odd ones between."""

from __future__ import annotations

from collections.abc import Iterator

DEFAULT_BOT_ID = 123456789


def generate(
    seed: int,
    count: int,
    bot_id: int = DEFAULT_BOT_ID,
    now: int = 1_760_000_000,
    *,
    odd: float = 0.01,
    chats: int = 2_000,
    first_update_id: int = 900_000_000,
    big: bool = True,
) -> Iterator[bytes]:
    """Yield `count` updates as raw JSON bytes.

    now    unix time of the first update; later ones follow within minutes.
    odd    fraction of hostile bodies between the good ones (see `hostile`).
    chats  size of the population; a tenth of it makes most of the traffic.
    big    whether hostile bodies of 512 KiB and 1 MiB are among them.
    """
    raise NotImplementedError


def hostile(seed: int, now: int = 1_760_000_000, *, first_update_id: int = 1, big: bool = True) -> list[tuple[str, bytes]]:
    """Every hostile body once, as (name of the trick, raw bytes)."""
    raise NotImplementedError
