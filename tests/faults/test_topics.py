"""K10: a topic is deleted under load at a broker that would make topics by itself."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from deploy.local.servers import Servers
from tests.e2e.conftest import Run, wait_not_ready
from tests.support.pair import Pair, PairPlan
from tests.support.processes import run_command
from tests.support.traffic import Traffic, TrafficPlan

AWAY_S = 8.0  # several looks at the metadata


def topics_of(pair: Pair) -> set[str]:
    admin = AdminClient({"bootstrap.servers": pair.bootstrap, "allow.auto.create.topics": "false", "log_level": 2})
    return set(admin.list_topics(timeout=10).topics)


@pytest.mark.timeout(240)
def test_K10_a_topic_deleted_under_load_is_never_made_by_itself(
    run: Run, binaries: Path, work_dir: Path, name: str
) -> None:
    async def body(servers: Servers) -> None:
        plan = PairPlan(servers, binaries, work_dir, name, gateways=2)
        async with Pair(plan) as pair, Traffic(pair, TrafficPlan(seed=76, rate=200)) as traffic:
            await traffic.acked(300, 60)
            admin = AdminClient({"bootstrap.servers": pair.bootstrap, "log_level": 2})
            await asyncio.to_thread(admin.delete_topics([pair.events_topic])[pair.events_topic].result, 20)
            for gateway in pair.gateways:
                await wait_not_ready(gateway, 60)
            until = time.monotonic() + AWAY_S
            while time.monotonic() < until:
                assert pair.events_topic not in await asyncio.to_thread(topics_of, pair), "somebody made it"
                await asyncio.sleep(0.5)
            for gateway in pair.gateways:
                assert not await gateway.is_ready()
                assert "topics are gone or wrong" in gateway.log_path.read_text()
            acked = traffic.acked_count
            await run_command(
                plan.binaries / "telefact-gateway", ["topics", "create"], pair.gateways[0].environment
            )
            for gateway in pair.gateways:
                await gateway.wait_ready()
            await traffic.acked(acked + 200, 60)
            statuses = {each.status for entry in traffic.telegram.ledger.entries for each in entry.attempts}
            assert statuses == {200, 503}
            assert [gateway.starts for gateway in pair.gateways] == [1, 1]
            assert not await pair.store.is_ready(), "to the store another log is an alarm (C5)"

    servers = Servers(work_dir / "servers")
    with contextlib.ExitStack() as stack:
        stack.callback(servers.stop)
        stack.callback(servers.kill_postgres)
        stack.callback(servers.kill_kafka)
        servers.folder.mkdir(parents=True, exist_ok=True)
        servers.kafka.prepare(1)
        properties = servers.kafka.home / "node1" / "server.properties"
        text = properties.read_text()
        assert text.count("auto.create.topics.enable=false") == 1
        properties.write_text(text.replace("auto.create.topics.enable=false", "auto.create.topics.enable=true"))
        servers.start()
        run(body(servers))
