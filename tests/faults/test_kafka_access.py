"""K11: passwords are wrong or rights are taken at a real broker, and come back: nobody is restarted, nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from deploy.local.kafka import Guard
from deploy.local.servers import Servers
from tests.conftest import running_servers
from tests.e2e.conftest import Run, wait_not_ready
from tests.faults.guarded import Guarded, sample, wait_logged, wait_sample
from tests.support import kafka_access
from tests.support.kafka_access import login
from tests.support.pair import PairPlan
from tests.support.processes import Service, run_command
from tests.support.traffic import Traffic, TrafficPlan, until

pytestmark = pytest.mark.timeout(280)
PASSWORDS = {"gateway": "canary-password-of-the-gateway", "store": "canary-password-of-the-store"}


@pytest.fixture(scope="module")
def guarded_servers() -> Iterator[Servers]:
    with running_servers("guarded", guard=Guard.sasl(PASSWORDS)) as servers:
        yield servers


@pytest.fixture
def guarded(guarded_servers: Servers, binaries: Path, work_dir: Path, name: str) -> Guarded:
    where = guarded_servers.kafka.guarded
    gateway = {
        **login("GATEWAY", where, "gateway", PASSWORDS["gateway"]),
        "GATEWAY_DELIVERY_TIMEOUT_MS": "3000",
    }
    store = login("STORE", where, "store", PASSWORDS["store"])
    return Guarded(
        PairPlan(
            guarded_servers, binaries, work_dir, name, gateways=1, gateway_settings=gateway, store_settings=store
        )
    )


async def wait_alarm(service: Service, code: str, before: float = 0) -> None:
    """Wait for the line that a person must see, and for the count that a rule watches."""
    await wait_sample(service, "refusals_total", f'where="kafka",code="{code}"', before)
    await wait_logged(service, "level=error", f"where=kafka code={code} ")


async def refusals(service: Service, code: str) -> float:
    return await sample(service, "refusals_total", f'where="kafka",code="{code}"')


@pytest.mark.parametrize("taken", [["WRITE"], list(kafka_access.GATEWAY)], ids=["write", "everything"])
def test_K11_a_gateway_that_may_not_write_says_503_until_it_may(
    run: Run, guarded: Guarded, taken: Sequence[str]
) -> None:
    async def body() -> None:
        async with guarded.loaded(111) as traffic:
            (gateway,) = guarded.pair.gateways
            for _ in range(2):
                before = await refusals(gateway, "not_authorized")
                await guarded.revoke("gateway", taken)
                await wait_not_ready(gateway, 30)
                await wait_alarm(gateway, "not_authorized", before)
                refused = traffic.answered(503)
                await until(lambda: traffic.answered(503) > refused + 50, 60, "updates to be refused")
                acked = traffic.acked_count
                await until(lambda: traffic.answered(503) > refused + 100, 60, "further updates to be refused")
                assert traffic.acked_count == acked, "nothing is acknowledged without the right"
                await guarded.allow("gateway", taken)
                await gateway.wait_ready(60)
                await traffic.acked_more(200, 60)
            attempts = [attempt for entry in traffic.telegram.ledger.entries for attempt in entry.attempts]
            assert {attempt.status for attempt in attempts if attempt.status} == {200, 503}

    run(body())


@pytest.mark.parametrize(
    ("taken", "kind"),
    [(["READ"], "TOPIC"), (list(kafka_access.STORE), "TOPIC"), (["READ"], "GROUP")],
    ids=["read", "everything", "group"],
)
def test_K11_a_store_that_may_not_read_pauses_until_it_may(
    run: Run, guarded: Guarded, taken: Sequence[str], kind: str
) -> None:
    async def body() -> None:
        async with guarded.loaded(112) as traffic:
            store = guarded.pair.store
            for _ in range(2):
                before = await refusals(store, "not_authorized")
                await guarded.revoke("store", taken, kind)
                await wait_not_ready(store, 60)
                await wait_alarm(store, "not_authorized", before)
                await traffic.acked_more(300, 60)  # the gateway does not mind
                assert not await store.is_ready()
                await guarded.allow("store", taken, kind)
                await store.wait_ready(60)
                await until(lambda: guarded.pair.lag() < 100, 60, "the store to catch up")

    run(body())


def test_K11_wrong_passwords_are_said_without_saying_them(run: Run, guarded: Guarded, guarded_servers: Servers) -> None:
    def change_passwords(passwords: dict[str, str]) -> None:
        guarded_servers.stop_kafka()
        guarded_servers.kafka.change_guard(Guard.sasl(passwords))
        guarded_servers.start_kafka()

    async def body() -> None:
        await guarded.open()
        async with guarded.pair as pair, Traffic(pair, TrafficPlan(seed=113, rate=100)) as traffic:
            await traffic.acked(200, 60)
            await asyncio.to_thread(change_passwords, dict.fromkeys(PASSWORDS, "another-one"))
            try:
                for service in pair.services:
                    await wait_alarm(service, "not_authenticated")
                    assert not await service.is_ready()
                gateway = pair.gateways[0]
                with pytest.raises(RuntimeError, match="SASL authentication error") as failure:
                    await run_command(gateway.binary, ["topics", "check"], gateway.environment)
                assert "canary-password" not in str(failure.value)
                await pair.store.stop()  # the next one does not come as far as the last one
                await pair.store.spawn()
                await wait_alarm(pair.store, "not_authenticated")
            finally:
                await asyncio.to_thread(change_passwords, PASSWORDS)
            await asyncio.gather(*(service.wait_ready(60) for service in pair.services))
            await traffic.acked_more(200, 60)
            verdict = await traffic.settle_and_judge(deadline_s=90)
            assert verdict.is_green, verdict.report()
            logs = [service.log_path.read_text() for service in pair.services]
            assert not any("canary-password" in log for log in logs)

    run(body())
