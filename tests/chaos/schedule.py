"""What happens in one round of chaos and when: a pure function of the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

GATEWAY_POINTS = (
    "gateway.received",
    "gateway.translated",
    "gateway.before_produce",
    "gateway.after_produce",
    "gateway.delivered",
    "gateway.answered",
    "publish.received",
    "publish.before_produce",
    "publish.after_produce",
    "publish.delivered",
    "publish.answered",
)
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
CALM_FIRST_S = 2.0
GAP_S = (0.5, 4.0)


@dataclass(frozen=True, slots=True)
class Shape:
    """What is hurt, and by how much load."""

    gateways: int
    stores: int
    partitions: int
    rate: float


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    at_s        seconds after the round's begin
    kind        see KINDS
    target      gateway0, store1, kafka, postgres, network.kafka, network.postgres, log
    duration_s  until it is healed; 0: at once
    detail      a crash point, a table, the byte of a COMMIT exchange
    """

    at_s: float
    kind: str
    target: str
    duration_s: float
    detail: str = ""

    def __str__(self) -> str:
        for_ = f" for {self.duration_s:.1f} s" if self.duration_s else ""
        return f"{self.at_s:5.1f} s  {self.target}: {self.kind}{' ' + self.detail if self.detail else ''}{for_}"


# kind -> how long it lasts, how likely it is beside the others of its target
_OF_SERVICE = {
    "kill": ((0.1, 6.0), 3),
    "terminate": ((0.1, 8.0), 3),
    "stop": ((0.2, 9.0), 3),
    "crash": ((8.0, 14.0), 4),
}
_OF_TARGET = {
    "kafka": {"stop": ((0.5, 8.0), 3), "kill": ((0.2, 6.0), 2), "terminate": ((0.2, 4.0), 1)},
    "postgres": {
        "kill": ((0.1, 6.0), 3),
        "restart": ((0.1, 3.0), 1),
        "end sessions": ((0.0, 0.0), 3),
        "stop sessions": ((0.5, 6.0), 2),
        "lock": ((0.5, 7.0), 3),
    },
    "network.kafka": {"delay": ((1.0, 6.0), 2), "hold": ((0.5, 7.0), 2), "reset": ((0.0, 0.0), 2)},
    "network.postgres": {
        "delay": ((1.0, 6.0), 2),
        "hold": ((0.5, 7.0), 2),
        "reset": ((0.0, 0.0), 2),
        "refuse": ((0.5, 5.0), 1),
        "cut commit": ((4.0, 8.0), 5),
    },
    "log": {"poison": ((0.0, 0.0), 1)},
}
KINDS = {target: tuple(kinds) for target, kinds in {"service": _OF_SERVICE, **_OF_TARGET}.items()}


def shape_of(seed: int) -> Shape:
    """How many of each, and how many updates a second."""
    dice = random.Random(f"shape {seed}")
    return Shape(
        gateways=dice.randint(1, 3),
        stores=dice.randint(1, 3),
        partitions=dice.choice((1, 4, 12)),
        rate=dice.choice((50.0, 150.0, 300.0)),
    )


def schedule(seed: int, seconds: float, shape: Shape) -> list[Fault]:
    """The faults in order of time; two never hurt the same target at once."""
    dice = random.Random(f"schedule {seed} {seconds}")
    gateways = [f"gateway{number}" for number in range(shape.gateways)]
    stores = [f"store{number}" for number in range(shape.stores)]
    targets = [
        *gateways,
        *stores,
        *stores,
        "kafka",
        "postgres",
        "postgres",
        "network.kafka",
        "network.postgres",
        "log",
    ]
    free_at: dict[str, float] = {}
    faults = []
    now = CALM_FIRST_S
    while now < seconds:
        target = dice.choice(targets)
        fault = _draw(dice, now, target, seconds)
        if free_at.get(target, 0.0) <= now:
            faults.append(fault)
            free_at[target] = now + fault.duration_s + 1.0
        now += dice.uniform(*GAP_S)
    return faults


def _draw(dice: random.Random, now: float, target: str, seconds: float) -> Fault:
    kinds = _OF_TARGET.get(target, _OF_SERVICE)
    kind = dice.choices(list(kinds), [weight for _, weight in kinds.values()])[0]
    longest = max(0.5, seconds - now)
    duration_s = min(dice.uniform(*kinds[kind][0]), longest)
    return Fault(round(now, 1), kind, target, round(duration_s, 1), _detail(dice, kind, target))


def _detail(dice: random.Random, kind: str, target: str) -> str:
    if kind == "crash":
        return dice.choice(GATEWAY_POINTS if target.startswith("gateway") else STORE_POINTS)
    if kind == "lock":
        return dice.choice(TABLES)
    if kind == "cut commit":
        return f"{dice.choice(('up', 'down'))} {dice.randint(0, 40)}"
    if kind == "hold":
        return dice.choice(("up", "down", "both"))
    if kind == "delay":
        return f"{dice.uniform(0.02, 0.5):.2f}"
    return ""
