"""Updates in realistic proportions from a skewed population of chats, with odd ones between."""

from __future__ import annotations

import itertools
import json
import random
from collections import deque
from collections.abc import Iterator

from tests.support.updates.kinds import MAKERS, Update
from tests.support.updates.odd import TRICKS, Trick
from tests.support.updates.world import World

DEFAULT_BOT_ID = 123456789

_ESCAPED = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, check_circular=False).encode
_PLAIN = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode
_WEIGHTS = list(itertools.accumulate(weight for weight, _ in MAKERS))
_MAKERS = [maker for _, maker in MAKERS]


def serialise(update_id: int, update: Update, *, escaped: bool = True) -> bytes:
    """An update as the Bot API server writes it: compact, a line end after the id."""
    kind, payload = update
    encode = _ESCAPED if escaped else _PLAIN
    return f'{{"update_id":{update_id},\n"{kind}":{encode(payload)}}}'.encode()


def generate(
    seed: int,
    count: int,
    bot_id: int = DEFAULT_BOT_ID,
    now: int = 1_760_000_000,
    *,
    odd: float = 0.01,
    chats: int = 2_000,
    first_update_id: int = 900_000_000,
    span_s: int = 3_600,
    big: bool = True,
) -> Iterator[bytes]:
    """Yield `count` updates as raw JSON bytes.

    now     unix time of the last update; the first is `span_s` older.
    odd     fraction of hostile bodies between the good ones (see `hostile`).
    chats   size of the population; a tenth of it makes most of the traffic.
    big     whether hostile bodies of 512 KiB and 1 MiB are among them.
    """
    rng = random.Random(f"updates {seed}")
    world = World(rng, bot_id, now - span_s, chats)
    tricks = _tricks(big, settled_only=True)
    trick_weights = list(itertools.accumulate(trick.weight for trick in tricks))
    waiting: deque[Update] = deque()
    for number in range(count):
        world.now = now - span_s + span_s * (number + 1) // count
        update_id = first_update_id + number
        if rng.random() < odd:
            yield rng.choices(tricks, cum_weights=trick_weights)[0].make(update_id, world.now, rng)
            continue
        if not waiting:
            waiting.extend(rng.choices(_MAKERS, cum_weights=_WEIGHTS)[0](world))
        yield serialise(update_id, waiting.popleft(), escaped=rng.random() < 0.7)


def hostile(
    seed: int, now: int = 1_760_000_000, *, first_update_id: int = 1, big: bool = True, settled_only: bool = False
) -> list[tuple[str, bytes]]:
    """Every hostile body once, as (name of the trick, raw bytes)."""
    rng = random.Random(f"hostile {seed}")
    return [
        (trick.name, trick.make(first_update_id + number, now, rng))
        for number, trick in enumerate(_tricks(big, settled_only))
    ]


def _tricks(big: bool, settled_only: bool) -> list[Trick]:
    return [trick for trick in TRICKS if (big or not trick.is_big) and (trick.is_settled or not settled_only)]
