"""What happens in one round of chaos and when: a pure function of the seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

COMMON_POINTS = (
    "gateway.received",
    "gateway.translated",
    "gateway.before_produce",
    "gateway.after_produce",
    "gateway.delivered",
    "publish.received",
    "publish.before_produce",
    "publish.after_produce",
    "publish.delivered",
    "publish.answered",
)
WEBHOOK_POINTS = ("gateway.answered",)
POLLING_POINTS = ("gateway.polled", "gateway.before_confirm")
STORE_POINTS = (
    "store.polled",
    "store.decoded",
    "store.begun",
    "store.fenced",
    "store.copying",
    "store.facts_written",
    "store.folded",
    "store.rows_written",
    "store.before_commit",
    "store.commit_sent",
    "store.committed",
    "store.exported",
)
TABLES = ("g1.fence", "g1.users", "g1.applied", "g1.totals")
ANSWERS = (
    "too_many_requests",
    "bad_gateway",
    "not_ok",
    "malformed",
    "truncated",
    "no_answer",
    "wrong_length",
)
WEBHOOK, POLLING, BOTH = "webhook", "polling", "both"
CALM_FIRST_S = 2.0
GAP_S = (0.4, 3.0)


@dataclass(frozen=True, slots=True)
class Shape:
    """What is hurt, and by how much load.

    intake  how updates come in: webhook, polling, or both, one after the other (begins with the webhook)
    """

    gateways: int
    stores: int
    partitions: int
    rate: float
    brokers: int = 1
    intake: str = WEBHOOK


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    at_s        seconds after the round's begin
    kind        see KINDS
    target      gateway0, gateways, store1, kafka0, postgres, network.kafka0, telegram, log …
    duration_s  until it is healed; 0: at once
    detail      a crash point, a table, the byte of a COMMIT exchange …
    """

    at_s: float
    kind: str
    target: str
    duration_s: float
    detail: str = ""

    def __str__(self) -> str:
        for_ = f" for {self.duration_s:.1f} s" if self.duration_s else ""
        return f"{self.at_s:5.1f} s  {self.target}: {self.kind}{' ' + self.detail if self.detail else ''}{for_}"


class Kind(NamedTuple):
    """How long a fault lasts, how likely it is beside the others of its target, and in which rounds it can be."""

    shortest_s: float
    longest_s: float
    weight: int
    fits: Callable[[Shape], bool] = lambda shape: True


_OF_SERVICE = {
    "kill": Kind(0.1, 6.0, 4),
    "terminate": Kind(0.1, 8.0, 4),
    "stop": Kind(0.2, 12.0, 4),
    "crash": Kind(8.0, 14.0, 6),
    "short calls": Kind(2.0, 8.0, 2),
    "no memory": Kind(3.0, 6.0, 1),
    "no descriptors": Kind(0.5, 5.0, 1),
}
_OF_SERVICES = {"restart in turn": Kind(0.1, 2.0, 2), "kill all": Kind(0.1, 2.0, 1)}
_OF_NETWORK = {
    "delay": Kind(1.0, 6.0, 2),
    "hold": Kind(0.5, 7.0, 2),
    "reset": Kind(0.0, 0.0, 2),
}
_KINDS: dict[str, dict[str, Kind]] = {
    "gateway": _OF_SERVICE,
    "store": {**_OF_SERVICE, "wrong clock": Kind(1.0, 9.0, 1)},
    "gateways": _OF_SERVICES,
    "stores": {**_OF_SERVICES, "delete group": Kind(0.1, 2.0, 1)},
    "kafka": {
        "stop": Kind(0.5, 8.0, 3),
        "kill": Kind(0.2, 6.0, 2),
        "terminate": Kind(0.2, 4.0, 2),
    },
    "postgres": {
        "kill": Kind(0.1, 6.0, 3),
        "restart": Kind(0.1, 3.0, 1),
        "end sessions": Kind(0.0, 0.0, 3),
        "stop sessions": Kind(0.5, 6.0, 2),
        "lock": Kind(0.5, 7.0, 3),
        "read only": Kind(0.5, 6.0, 1),
        "no connections": Kind(0.5, 6.0, 1),
    },
    "network.kafka": _OF_NETWORK,
    "network.postgres": {
        **_OF_NETWORK,
        "refuse": Kind(0.5, 5.0, 1),
        "cut commit": Kind(4.0, 8.0, 5),
    },
    "log": {
        "poison": Kind(2.0, 8.0, 2),
        "elect leaders": Kind(0.0, 0.0, 3, lambda shape: shape.brokers > 1),
    },
    "telegram": {
        "answer": Kind(2.0, 6.0, 6),
        "revoke token": Kind(1.0, 4.0, 1),
        "second poller": Kind(1.0, 4.0, 2, lambda shape: shape.intake != WEBHOOK),
        "switch": Kind(0.1, 2.0, 8, lambda shape: shape.intake == BOTH),
    },
}
KINDS = {family: frozenset(kinds) for family, kinds in _KINDS.items()}


def shape_of(seed: int) -> Shape:
    """How many of each, and how many updates a second."""
    dice = random.Random(f"shape {seed}")
    brokers = dice.choice((1, 1, 3))
    return Shape(
        gateways=dice.randint(1, 3),
        stores=dice.randint(1, 3),
        partitions=dice.choice((1, 4, 12)),
        rate=dice.choice((50.0, 150.0, 300.0) if brokers == 1 else (50.0, 100.0)),
        brokers=brokers,
        intake=dice.choice((WEBHOOK, POLLING, BOTH)),
    )


def schedule(seed: int, seconds: float, shape: Shape) -> list[Fault]:
    """The faults in order of time; two never hurt the same target at once."""
    dice = random.Random(f"schedule {seed} {seconds}")
    targets = _targets(shape)
    free_at: dict[str, float] = {}
    faults = []
    now = CALM_FIRST_S
    while now < seconds:
        target = dice.choice(targets)
        fault = _draw(dice, now, target, shape, seconds)
        if free_at.get(target, 0.0) <= now:
            faults.append(fault)
            free_at[target] = now + fault.duration_s + 1.0
        now += dice.uniform(*GAP_S)
    return faults


def family_of(target: str) -> str:
    """The target without its number."""
    return target.rstrip("0123456789")


def _targets(shape: Shape) -> list[str]:
    """Those that stand there twice are hurt twice as often."""
    gateways = [f"gateway{number}" for number in range(shape.gateways)]
    stores = [f"store{number}" for number in range(shape.stores)]
    brokers = [f"kafka{number}" for number in range(shape.brokers)]
    networks = [f"network.{broker}" for broker in brokers] + ["network.postgres"]
    others = ["gateways", "stores", "postgres", "postgres", "log"]
    telegram = ["telegram"] * (1 if shape.intake == WEBHOOK else 2)
    return [*gateways, *stores, *stores, *brokers, *networks, *others, *telegram]


def _draw(dice: random.Random, now: float, target: str, shape: Shape, seconds: float) -> Fault:
    kinds = {name: kind for name, kind in _KINDS[family_of(target)].items() if kind.fits(shape)}
    name = dice.choices(list(kinds), [kind.weight for kind in kinds.values()])[0]
    longest = max(0.5, seconds - now)
    duration_s = min(dice.uniform(kinds[name].shortest_s, kinds[name].longest_s), longest)
    detail = _DETAILS[name](dice, target, shape) if name in _DETAILS else ""
    return Fault(round(now, 1), name, target, round(duration_s, 1), detail)


def _crash_point(dice: random.Random, target: str, shape: Shape) -> str:
    if family_of(target) == "store":
        return dice.choice(STORE_POINTS)
    own = {WEBHOOK: WEBHOOK_POINTS, POLLING: POLLING_POINTS, BOTH: WEBHOOK_POINTS + POLLING_POINTS}
    return dice.choice(COMMON_POINTS + own[shape.intake])


_DETAILS: dict[str, Callable[[random.Random, str, Shape], str]] = {
    "crash": _crash_point,
    "lock": lambda dice, target, shape: dice.choice(TABLES),
    "cut commit": lambda dice, target, shape: f"{dice.choice(('up', 'down'))} {dice.randint(0, 40)}",
    "hold": lambda dice, target, shape: dice.choice(("up", "down", "both")),
    "delay": lambda dice, target, shape: f"{dice.uniform(0.02, 0.5):.2f}",
    "no memory": lambda dice, target, shape: (
        f"{dice.choice((50, 500, 5_000, 50_000))}:{dice.choice(('once', 'ever'))}"
    ),
    "wrong clock": lambda dice, target, shape: str(dice.choice((-1, 1)) * dice.randint(1_000, 7_200_000)),
    "answer": lambda dice, target, shape: f"{dice.choice(ANSWERS)} {dice.randint(1, 3)}",
    "switch": lambda dice, target, shape: dice.choice(("restart first", "Telegram first")),
}
