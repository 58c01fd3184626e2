"""The rendered set-up at work: each program with its pod's own environment, its principal at Kafka, its role at PostgreSQL,
and no right beyond what the manifests give. What the operators would do tests/support/manifests/ground.py does.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import grpc
import psycopg
import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ConfigSource, ResourceType

from deploy.local.kafka import Guard
from deploy.local.servers import Servers
from tests.conftest import running_servers
from tests.support.canary import RPC_TOKEN, SECRET, TOKEN
from tests.support.certificates import Authority
from tests.support.gateway import text_update
from tests.support.manifests import render
from tests.support.manifests.ground import Ground
from tests.support.manifests.objects import Manifest
from tests.support.processes import run_command
from tests.support.protos import read_grpc, read_pb2
from tests.support.telegram import FakeTelegram

BINARIES = render.ROOT / "build" / "release" / "bin"
PATIENCE_S = 120.0  # on a busy machine
EVENTS = "telefact.events.v1"
GROUP = "telefact-store-g1"

RENDERINGS: dict[str, Callable[[], Manifest]] = {
    "polling": lambda: render.overlay("dev"),
    "webhook": lambda: render.base_with(["network-policy", "tools", "strimzi", "cnpg"]),
}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


@pytest.fixture
def guarded(authority: Authority, tmp_path: Path) -> Iterator[Servers]:
    """Who comes to Kafka shows a certificate and may do what the ACLs allow."""
    broker = authority.issue("broker", "broker")
    own = tmp_path / "broker.pem"
    own.write_text(broker.key.read_text() + broker.certificate.read_text())
    with running_servers("manifests", guard=Guard.tls(own, authority.certificate)) as servers:
        yield servers


@pytest.fixture
def make_ground(guarded: Servers, authority: Authority, work_dir: Path) -> Callable[[Manifest], Ground]:
    def make(manifest: Manifest) -> Ground:
        ground = Ground(guarded, authority, manifest, work_dir)
        ground.prepare()
        return ground

    return make


class Telegram:
    """Hands updates over, by whichever way the gateway takes them."""

    def __init__(self, fake: FakeTelegram, environment: dict[str, str]) -> None:
        self._fake = fake
        self._environment = environment

    async def send(self, update_id: int, user: int) -> None:
        body = json.dumps(text_update(update_id, user, "/start")).encode()
        if self._environment["GATEWAY_MODE"] == "polling":
            self._fake.enqueue(body)
            return
        url = f"http://{self._environment['GATEWAY_WEBHOOK_LISTEN']}{self._environment['GATEWAY_WEBHOOK_PATH']}"
        async with aiohttp.ClientSession() as http:
            async with http.post(url, data=body, headers={"X-Telegram-Bot-Api-Secret-Token": SECRET}) as answer:
                assert answer.status == 200, f"answered {answer.status}"


@asynccontextmanager
async def deployed(ground: Ground) -> AsyncIterator[tuple[Telegram, str]]:
    """Everything that is rendered runs: Telegram's side, and where ReadService is."""
    async with FakeTelegram(token=TOKEN) as fake:
        fake.allowed_kinds = lambda kind: True
        gateway = ground.environment("gateway-ingest", GATEWAY_API_BASE_URL=fake.api_url)
        ingest, rpc = ground.environment("store-ingest"), ground.environment("store-rpc")
        async with (
            ground.service("gateway-ingest", BINARIES, gateway),
            ground.service("store-ingest", BINARIES, ingest),
            ground.service("store-rpc", BINARIES, rpc),
        ):
            yield Telegram(fake, gateway), rpc["STORE_RPC_LISTEN"]


async def until_read(address: str, user: int) -> None:
    """Until ReadService knows the user."""
    async with grpc.aio.insecure_channel(address) as channel, asyncio.timeout(PATIENCE_S):
        stub = read_grpc.ReadServiceStub(channel)
        while True:
            try:
                await stub.GetUser(read_pb2.GetUserRequest(user_id=user), timeout=30,
                                   metadata=(("authorization", f"Bearer {RPC_TOKEN}"),))
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.NOT_FOUND, error
                await asyncio.sleep(0.02)
            else:
                return


def run(body: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(body())  # type: ignore[arg-type]


@pytest.mark.parametrize("way", RENDERINGS)
def test_an_update_is_read_and_a_rebuild_takes_over_with_the_rights_that_are_given(
    way: str, make_ground: Callable[[Manifest], Ground]
) -> None:
    ground = make_ground(RENDERINGS[way]())

    async def body() -> None:
        await ground.job("migrate", BINARIES)
        async with deployed(ground) as (telegram, address):
            await telegram.send(1, 41)
            await until_read(address, 41)

            await ground.job("tools", BINARIES, "replay", "start", "--swap", "--grace-hours", "0")
            await telegram.send(2, 42)
            await until_read(address, 42)  # written and read in the tables that the rebuild made
            await ground.job("tools", BINARIES, "verify")

            await ground.job("tools", BINARIES, "erase", "--user", "42", "--yes", "--wait")
            await asyncio.to_thread(_look_at_the_lag, ground)

    run(body)
    _may_not_do_more(ground)


def test_a_right_that_is_missing_is_seen(make_ground: Callable[[Manifest], Ground]) -> None:
    """The same steps without three of the rights: each that needs one fails."""
    manifest = RENDERINGS["webhook"]().copy()
    manifest.get("KafkaUser", "kafka-gateway")["spec"]["authorization"]["acls"][0]["operations"].remove("Write")
    manifest.get("KafkaUser", "kafka-store")["spec"]["authorization"]["acls"].pop()  # on its group
    roles = manifest.get("ConfigMap", "database-roles")["data"]
    given = "SELECT ON TABLES TO telefact_"
    roles["roles.sql"] = roles["roles.sql"].replace(f"{given}reader", f"{given}writer")
    ground = make_ground(manifest)

    async def body() -> None:
        await ground.job("migrate", BINARIES)
        async with FakeTelegram(token=TOKEN) as fake:
            gateway = ground.environment("gateway-ingest", GATEWAY_API_BASE_URL=fake.api_url)
            async with ground.service("gateway-ingest", BINARIES, gateway):
                with pytest.raises(AssertionError, match="answered 503"):
                    await Telegram(fake, gateway).send(1, 41)
        rpc = ground.environment("store-rpc")
        async with ground.service("store-rpc", BINARIES, rpc):
            with pytest.raises(AssertionError, match="permission denied|UNAVAILABLE|INTERNAL"):
                await until_read(rpc["STORE_RPC_LISTEN"], 41)
        ingest = ground.service("store-ingest", BINARIES, ground.environment("store-ingest"))
        await ingest.spawn()
        try:
            async with asyncio.timeout(PATIENCE_S):
                while '"code":"not_authorized"' not in ingest.log_end():
                    await asyncio.sleep(0.05)
            assert not await ingest.is_ready()
        finally:
            await ingest.kill()

    run(body)


def test_kafkas_topics_are_those_that_the_gateway_makes(make_ground: Callable[[Manifest], Ground]) -> None:
    """KafkaTopics beside `topics create`: the same settings, but for the replicas of one broker."""
    ground = make_ground(RENDERINGS["webhook"]())
    plain = {"GATEWAY_KAFKA_BOOTSTRAP_SERVERS": ground.servers.kafka_bootstrap, "GATEWAY_TOPIC_PREFIX": "other",
             "GATEWAY_TOPIC_REPLICATION_FACTOR": "1"}
    asyncio.run(run_command(BINARIES / "telefact-gateway", ["topics", "create"], plain))
    for kind in ("events", "raw", "lease"):
        names = [f"{prefix}.{kind}.v1" for prefix in ("telefact", "other")]
        ours, made = (_settings(ground, name) for name in names)
        assert ours == made, kind
        assert kind == "lease" or ours["retention.ms"] == {"events": "-1", "raw": "604800000"}[kind]


def _settings(ground: Ground, topic: str) -> dict[str, str]:
    """How many partitions, and what was set for this topic alone."""
    admin = AdminClient({"bootstrap.servers": ground.servers.kafka_bootstrap, "log_level": 2})
    (asked,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    own = {name: entry.value for name, entry in asked.result(30).items()
           if entry.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value and name != "min.insync.replicas"}
    return {**own, "partitions": str(len(admin.list_topics(topic, 30).topics[topic].partitions))}


def _look_at_the_lag(ground: Ground) -> None:
    """As KEDA does: ends of the log and what the group has committed, and no record."""
    login = ground.login("kafka-lag")
    consumer = Consumer({
        "bootstrap.servers": ground.servers.kafka.guarded, "security.protocol": "ssl", "group.id": GROUP, "log_level": 0,
        "ssl.ca.location": str(login.authority), "ssl.certificate.location": str(login.certificate),
        "ssl.key.location": str(login.key),
    })
    try:
        partitions = [TopicPartition(EVENTS, each) for each in consumer.list_topics(EVENTS, 30).topics[EVENTS].partitions]
        ends = [consumer.get_watermark_offsets(each, timeout=30)[1] for each in partitions]
        committed = consumer.committed(partitions, timeout=30)
        assert len(committed) == 12 and sum(ends) >= 2
        consumer.assign(partitions)
        message = consumer.poll(30)
        assert message is not None and message.error().code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    finally:
        consumer.close()


def _may_not_do_more(ground: Ground) -> None:
    refused = [
        ("reader", "DELETE FROM telefact.dead_letters"),
        ("reader", "INSERT INTO telefact.active VALUES (true, 1)"),
        ("reader", "CREATE TEMPORARY TABLE t (i int)"),
        ("writer", "CREATE SCHEMA g99"),
        ("writer", "DROP TABLE telefact.dead_letters"),
        ("writer", "TRUNCATE telefact.generations CASCADE"),
        ("writer", "CREATE TEMPORARY TABLE t (i int)"),
    ]
    for role, statement in refused:
        with psycopg.connect(ground.dsn(role), autocommit=True) as database, \
                pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.execute(statement)
