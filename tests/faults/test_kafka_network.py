"""K13: the way between the gateway and one of three brokers is cut, in one direction or in both; the brokers are well."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.process import free_ports
from deploy.local.servers import Servers
from tests.e2e.conftest import Run
from tests.faults.test_kafka_rows import leaders
from tests.support.pair import Pair, PairPlan
from tests.support.processes import Service
from tests.support.proxy import DOWN, UP, Proxy
from tests.support.traffic import Traffic, TrafficPlan

SOCKET_TIMEOUT_S = 10.0  # of the gateway's own configuration
SETTINGS = {"GATEWAY_TOPIC_REPLICATION_FACTOR": "3", "GATEWAY_DELIVERY_TIMEOUT_MS": "4000"}


@contextlib.contextmanager
def clients_behind(servers: Servers) -> Iterator[dict[int, Proxy]]:
    """A proxy for each broker, by its id: clients go through them, the brokers among themselves do not."""
    with contextlib.ExitStack() as stack:
        servers.folder.mkdir(parents=True, exist_ok=True)
        servers.kafka.prepare(3)
        proxies = {}
        for node in servers.kafka.state["nodes"]:
            proxies[node["id"]] = proxy = stack.enter_context(Proxy(("127.0.0.1", node["port"])))
            properties = servers.kafka.home / f"node{node['id']}" / "server.properties"
            own, inner = f"127.0.0.1:{node['port']}", f"127.0.0.1:{free_ports(1)[0]}"
            lines = []
            for line in properties.read_text().splitlines():
                name, _, value = line.partition("=")
                if name == "listeners":
                    value += f",INNER://{inner}"
                elif name == "advertised.listeners":
                    assert f"PLAINTEXT://{own}" in value
                    value = value.replace(f"PLAINTEXT://{own}", f"PLAINTEXT://{proxy.address}") + f",INNER://{inner}"
                elif name == "listener.security.protocol.map":
                    value += ",INNER:PLAINTEXT"
                lines.append(f"{name}={value}")
            properties.write_text("\n".join([*lines, "inter.broker.listener.name=INNER", ""]))
        yield proxies


@pytest.mark.timeout(280)
@pytest.mark.parametrize("direction", [(UP,), (DOWN,), (UP, DOWN)], ids=["up", "down", "both"])
def test_K13_a_way_to_one_broker_that_swallows_everything_is_noticed_and_left(
    run: Run, binaries: Path, work_dir: Path, name: str, direction: tuple[int, ...]
) -> None:
    """Its connections stay open and say nothing. The other brokers' chats go on; its own are told to come again."""

    async def body(servers: Servers, proxies: dict[int, Proxy]) -> None:
        plan = PairPlan(servers, binaries, work_dir, name, gateways=1, gateway_settings=SETTINGS)
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=73, rate=150)) as traffic:
            gateway = pair.gateways[0]
            await traffic.acked(300, 60)
            cut = (await asyncio.to_thread(leaders, pair))[0]
            before = lost_connections(gateway)
            proxies[cut].blackhole(*direction)
            began = time.monotonic()
            await traffic.acked_more(100, 60)
            while lost_connections(gateway) == before:
                assert time.monotonic() - began < 6 * SOCKET_TIMEOUT_S, "the silent connection is kept"
                await asyncio.sleep(0.1)
            print(f"noticed after {time.monotonic() - began:.1f} s")
            proxies[cut].heal()
            await traffic.acked_more(300, 60)
            verdict = await traffic.settle_and_judge(deadline_s=120)
            assert verdict.is_green, verdict.report()
            statuses = {each.status for entry in traffic.telegram.ledger.entries for each in entry.attempts}
            assert statuses == {200, 503}
            assert gateway.starts == 1

    servers = Servers(work_dir / "servers")
    with clients_behind(servers) as proxies, contextlib.ExitStack() as stack:
        stack.callback(servers.stop)
        stack.callback(servers.kill_postgres)
        stack.callback(servers.kill_kafka)
        servers.start(brokers=3)
        run(body(servers, proxies))


def lost_connections(gateway: Service) -> int:
    """How often the gateway's log tells of requests to a broker that timed out."""
    return gateway.log_path.read_text().count("timed out")
