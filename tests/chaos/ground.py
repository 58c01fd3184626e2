"""What chaos happens to: servers behind proxies, the pair on them, and the fake Telegram before it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.servers import Servers
from tests.chaos.schedule import POLLING, WEBHOOK, Shape
from tests.support.pair import SECRET, Pair, PairPlan
from tests.support.polled import POLLING as POLLING_SETTINGS
from tests.support.processes import Service
from tests.support.proxy import Proxy
from tests.support.telegram import FakeTelegram

READY_S = 120.0
SERVERS_S = 240.0
MODES = {
    WEBHOOK: {"GATEWAY_MODE": "webhook", "GATEWAY_WEBHOOK_SECRET": SECRET},
    POLLING: POLLING_SETTINGS,
}
_OF_GATEWAYS = {
    "GATEWAY_DELIVERY_TIMEOUT_MS": "4000",
    "GATEWAY_POLL_TIMEOUT_S": "5",
    "GATEWAY_WEBHOOK_CHECK_S": "1",
}
_OF_STORES = {
    "STORE_KAFKA_SESSION_TIMEOUT_MS": "6000",
    "STORE_KAFKA_HEARTBEAT_INTERVAL_MS": "1000",
    "STORE_LOCK_TIMEOUT_MS": "1000",
    "STORE_ZOMBIE_AFTER_MS": "3000",
    "STORE_DEAD_LETTERS_PER_1000": "1000",
}


class Trouble(RuntimeError):
    """A server, not a service, did not do what a round needs: the round says nothing."""


@dataclass(frozen=True, slots=True)
class Proxies:
    """Every client's way to the brokers, but for its first question, and the stores' way to PostgreSQL."""

    kafka: list[Proxy]
    postgres: Proxy

    def heal(self) -> None:
        """Everything passes again."""
        for net in (*self.kafka, self.postgres):
            net.heal()
            net.accept()


@contextlib.contextmanager
def running_servers(folder: Path, brokers: int) -> Iterator[tuple[Servers, Proxies]]:
    """Servers of the round's own. They are killed in the end; their data stays."""
    folder.mkdir(parents=True)
    servers = Servers(folder)
    servers.kafka.prepare(brokers)
    with contextlib.ExitStack() as stack:
        stack.callback(servers.kill_postgres)
        stack.callback(servers.kill_kafka)
        kafka = [_stand_before(servers, node, stack) for node in servers.kafka.state["nodes"]]
        start(servers)
        postgres = stack.enter_context(Proxy(("127.0.0.1", int(servers.postgres.state["port"]))))
        yield servers, Proxies(kafka, postgres)


def start(servers: Servers) -> None:
    """Start what does not run, and give it the time that a busy machine takes; raises Trouble."""
    deadline = time.monotonic() + SERVERS_S
    while True:
        try:
            servers.launch_kafka()
            servers.start_postgres()
            return servers.kafka.wait_ready()
        except RuntimeError as error:
            if time.monotonic() > deadline:
                raise Trouble(str(error)) from error


def _stand_before(servers: Servers, node: Mapping[str, int], stack: contextlib.ExitStack) -> Proxy:
    """A proxy that this broker tells everybody to talk to, the other brokers included."""
    proxy = stack.enter_context(Proxy(("127.0.0.1", node["port"])))
    properties = servers.kafka.home / f"node{node['id']}" / "server.properties"
    text = properties.read_text()
    advertised = f"advertised.listeners=PLAINTEXT://127.0.0.1:{node['port']}"
    assert advertised in text
    told = f"advertised.listeners=PLAINTEXT://127.0.0.1:{proxy.port}"
    properties.write_text(text.replace(advertised, told))
    return proxy


@dataclass(slots=True)
class Ground:
    """One round's world.

    hook_url  one address for all webhooks
    mode      how the gateways are meant to take updates now
    shim      makes a service's calls fail (tests/support/shims)
    broken    what must not be; notes: what may
    """

    servers: Servers
    proxies: Proxies
    pair: Pair
    telegram: FakeTelegram
    shape: Shape
    hook_url: str
    shim: Path
    mode: str
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    def lock(self, target: str) -> asyncio.Lock:
        """Whoever has it hurts the target; nobody else does."""
        return self._locks.setdefault(target, asyncio.Lock())

    @property
    def services(self) -> dict[str, Service]:
        """By the name of the target."""
        named = {f"gateway{number}": each for number, each in enumerate(self.pair.gateways)}
        return named | {f"store{number}": each for number, each in enumerate(self.pair.stores)}

    def of_family(self, family: str) -> list[str]:
        """The targets that are gateways, or stores."""
        return [target for target in self.services if target.startswith(family)]


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What tells the pair of one round from that of another. `planted` is the name of a bug, or empty."""

    binaries: Path
    work_dir: Path
    seed: int
    shape: Shape
    api_url: str
    planted: str = ""


def plan_of(servers: Servers, proxies: Proxies, options: PlanOptions) -> PairPlan:
    """A pair of this shape whose stores reach PostgreSQL through the proxy."""
    shape, name = options.shape, f"chaos_{options.seed}"
    url = servers.postgres.url(f"t_{name}").replace(
        f":{servers.postgres.state['port']}/", f":{proxies.postgres.port}/"
    )
    bug = {"TELEFACT_PLANT": options.planted} if options.planted else {}
    mode = POLLING if shape.intake == POLLING else WEBHOOK
    return PairPlan(
        servers,
        options.binaries,
        options.work_dir,
        name,
        gateways=shape.gateways,
        stores=shape.stores,
        partitions=shape.partitions,
        seed=options.seed,
        ready_s=READY_S,
        gateway_settings={
            **_OF_GATEWAYS,
            **MODES[mode],
            **(bug if options.planted.startswith("gateway.") else {}),
            "GATEWAY_API_BASE_URL": options.api_url,
            "GATEWAY_TOPIC_REPLICATION_FACTOR": str(shape.brokers),
        },
        store_settings={
            **_OF_STORES,
            **(bug if options.planted.startswith("store.") else {}),
            "STORE_DATABASE_URL": url,
        },
    )
