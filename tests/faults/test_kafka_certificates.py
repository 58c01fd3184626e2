"""K12: certificates expire and are renewed, authorities change, files are bad; nobody is restarted and nothing is lost."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from deploy.local.kafka import Guard
from deploy.local.servers import Servers
from tests.conftest import running_servers
from tests.e2e.conftest import Run, wait_not_ready
from tests.faults.guarded import Guarded, sample, wait_logged, wait_sample
from tests.support.certificates import DAY_S, Authority, Issued
from tests.support.pair import Pair, PairPlan
from tests.support.polled import polled
from tests.support.processes import Service

pytestmark = pytest.mark.timeout(280)
SHORT_S = 40  # for a certificate that a test sees expire
EXPIRY = "kafka_certificate_expiry_timestamp_seconds"
OWN = 'file="certificate",certificate="first"'
RELOADS = "kafka_certificate_reloads_total"
OF_NO_USE = 'where="kafka",code="certificates_of_no_use"'
USERS = ("gateway", "store")


class Files:
    """What the broker and the services show and trust. Each file is replaced in one step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.first, self.second = Authority(folder, "first"), Authority(folder, "second")
        self._numbers = itertools.count(1)

    def reset(self) -> None:
        """Everybody is of the first authority."""
        for user in USERS:
            self.trust(user, self.first)
            self.renew(user, self.first)

    def path(self, user: str, kind: str) -> Path:
        """Where a user's "ca", "certificate" or "key" is."""
        return self.folder / f"{user}.{kind}.pem"

    def settings(self, service: str, guarded: str) -> dict[str, str]:
        """Of a service ("GATEWAY", "STORE") that comes by the guarded listener with these files."""
        user = service.lower()
        return {
            f"{service}_KAFKA_BOOTSTRAP_SERVERS": guarded,
            f"{service}_KAFKA_SECURITY_PROTOCOL": "SSL",
            f"{service}_KAFKA_SSL_CA_LOCATION": str(self.path(user, "ca")),
            f"{service}_KAFKA_SSL_CERTIFICATE_LOCATION": str(self.path(user, "certificate")),
            f"{service}_KAFKA_SSL_KEY_LOCATION": str(self.path(user, "key")),
        }

    def put(self, user: str, kind: str, text: str) -> None:
        """Write one of a user's files."""
        part = self.folder / "part"
        part.write_text(text)
        os.replace(part, self.path(user, kind))

    def trust(self, user: str, *authorities: Authority) -> None:
        """Whom the user trusts from now on."""
        self.put(user, "ca", "".join(authority.certificate.read_text() for authority in authorities))

    def issue(self, user: str, authority: Authority, valid_s: float = DAY_S) -> Issued:
        """A new key and certificate, not yet in place."""
        return authority.issue(f"issued{next(self._numbers)}", user, valid_s=valid_s)

    def renew(self, user: str, authority: Authority, valid_s: float = DAY_S) -> Issued:
        """A new key and certificate in place of the old ones."""
        issued = self.issue(user, authority, valid_s)
        self.put(user, "key", issued.key.read_text())
        self.put(user, "certificate", issued.certificate.read_text())
        return issued

    def broker_own(self, authority: Authority) -> Path:
        """A new key and certificate of the broker in one file."""
        issued = self.issue("broker", authority)
        path = issued.certificate.with_suffix(".broker.pem")
        path.write_text(issued.key.read_text() + issued.certificate.read_text())
        return path

    def broker_known(self, *authorities: Authority) -> Path:
        """Whose clients a broker lets in."""
        path = self.folder / f"known{next(self._numbers)}.pem"
        path.write_text("".join(authority.certificate.read_text() for authority in authorities))
        return path


@pytest.fixture(scope="module")
def all_files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def tls_servers(all_files: Files) -> Iterator[Servers]:
    guard = Guard.tls(all_files.broker_own(all_files.first), all_files.broker_known(all_files.first))
    with running_servers("tls", guard=guard) as servers:
        yield servers


@pytest.fixture
def files(all_files: Files) -> Files:
    """As every test begins."""
    all_files.reset()
    return all_files


MakeTlsPlan = Callable[..., PairPlan]


@pytest.fixture
def make_tls_plan(tls_servers: Servers, files: Files, binaries: Path, work_dir: Path, name: str) -> MakeTlsPlan:
    """A plan whose services have certificates; more gateway settings may be given."""

    def make(gateway_settings: dict[str, str] | None = None, **more: int) -> PairPlan:
        where = tls_servers.kafka.guarded
        gateway = {**(gateway_settings or {}), **files.settings("GATEWAY", where)}
        store = files.settings("STORE", where)
        more.setdefault("gateways", 1)
        return PairPlan(tls_servers, binaries, work_dir, name, gateway_settings=gateway, store_settings=store, **more)

    return make


@pytest.fixture
def guarded(make_tls_plan: MakeTlsPlan) -> Guarded:
    return Guarded(make_tls_plan())


def user_of(service: Service) -> str:
    return "store" if service.name.startswith("store") else "gateway"


async def reloads(services: list[Service]) -> list[float]:
    return [await sample(service, RELOADS) for service in services]


async def taken_up(pair: Pair, before: list[float]) -> None:
    """Wait until every process has taken changed files into use."""
    for service, count in zip(pair.services, before, strict=True):
        await wait_sample(service, RELOADS, "", count)


async def renew_all(pair: Pair, files: Files, authority: Authority, valid_s: float = DAY_S) -> dict[str, int]:
    """New certificates for everybody, in use; returns when each of them expires."""
    before = await reloads(pair.services)
    expiries = {user: files.renew(user, authority, valid_s).expires_at for user in USERS}
    await taken_up(pair, before)
    return expiries


def test_K12_renewed_certificates_are_taken_up_under_load_and_nothing_is_refused(
    run: Run, guarded: Guarded, files: Files
) -> None:
    async def body() -> None:
        async with guarded.loaded(121) as traffic:
            pair = guarded.pair
            for days in (3, 2, 5):
                expiries = await renew_all(pair, files, files.first, days * DAY_S)
                for service in pair.services:
                    assert await sample(service, EXPIRY, OWN) == expiries[user_of(service)]
                await traffic.acked_more(200, 60)
            assert traffic.answered(503) == 0, "what is on its way is not given up"
            assert [await sample(service, "refusals_total", OF_NO_USE) for service in pair.services] == [0.0, 0.0]

    run(body())


def test_K12_an_expired_certificate_is_told_and_renewed_without_a_restart(
    run: Run, guarded: Guarded, files: Files, tls_servers: Servers
) -> None:
    async def body() -> None:
        async with guarded.loaded(122) as traffic:
            pair = guarded.pair
            expiries = await renew_all(pair, files, files.first, SHORT_S)
            while time.time() <= max(expiries.values()):
                await traffic.acked_more(20, 60)
            await traffic.acked_more(200, 60)  # the connections are still the old ones
            for service in pair.services:
                await wait_logged(service, "level=error", "code=certificate_expired file=certificate ")
                assert await sample(service, EXPIRY, OWN) < time.time()
                assert await service.is_ready()
            assert traffic.answered(503) == 0

            await asyncio.to_thread(tls_servers.kill_kafka)
            await asyncio.to_thread(tls_servers.start_kafka)
            for service in pair.services:
                await wait_not_ready(service, 60)
                await wait_logged(service, "level=error", "where=kafka code=tls_failed ")
                assert await sample(service, "refusals_total", 'where="kafka",code="tls_failed"') > 0
            before = await reloads(pair.services)
            for user in USERS:
                files.renew(user, files.first)
            await taken_up(pair, before)
            await asyncio.gather(*(service.wait_ready(60) for service in pair.services))

    run(body())


def change_store(servers: Servers, name: str, path: Path) -> None:
    """Give the running broker another "keystore" or "truststore"."""
    admin = AdminClient({"bootstrap.servers": servers.kafka_bootstrap, "log_level": 2})
    entry = ConfigEntry(
        f"listener.name.guarded.ssl.{name}.location", str(path), incremental_operation=AlterConfigOpType.SET
    )
    resource = ConfigResource(ResourceType.BROKER, "1", incremental_configs=[entry])
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(30)


@pytest.fixture
def changed_broker(tls_servers: Servers, files: Files) -> Iterator[None]:
    """Afterwards the broker is of the first authority again."""
    yield
    change_store(tls_servers, "truststore", files.broker_known(files.first, files.second))
    change_store(tls_servers, "keystore", files.broker_own(files.first))
    change_store(tls_servers, "truststore", files.broker_known(files.first))


@pytest.mark.usefixtures("changed_broker")
def test_K12_the_authority_is_changed_under_load(
    run: Run, guarded: Guarded, files: Files, tls_servers: Servers
) -> None:
    """As it is done: everybody learns to trust the new one, gets certificates of it, forgets the old one."""

    async def change_broker(name: str, path: Path) -> None:
        await asyncio.to_thread(change_store, tls_servers, name, path)

    async def trust_all(pair: Pair, *authorities: Authority) -> None:
        before = await reloads(pair.services)
        for user in USERS:
            files.trust(user, *authorities)
        await taken_up(pair, before)

    async def body() -> None:
        async with guarded.loaded(123) as traffic:
            pair = guarded.pair
            await trust_all(pair, files.first, files.second)
            await change_broker("truststore", files.broker_known(files.first, files.second))
            await change_broker("keystore", files.broker_own(files.second))
            await traffic.acked_more(100, 60)
            await renew_all(pair, files, files.second)
            await traffic.acked_more(100, 60)
            await trust_all(pair, files.second)
            await change_broker("truststore", files.broker_known(files.second))
            await traffic.acked_more(100, 60)
            # What comes now is of the new authority alone.
            await renew_all(pair, files, files.second)
            assert traffic.answered(503) == 0
            assert [await sample(service, "refusals_total", OF_NO_USE) for service in pair.services] == [0.0, 0.0]

    run(body())


def put_text(files: Files, user: str) -> None:
    files.put(user, "certificate", "this is not a certificate\n")


def put_other_key(files: Files, user: str) -> None:
    files.put(user, "key", files.issue(user, files.first).key.read_text())


def remove_authorities(files: Files, user: str) -> None:
    files.path(user, "ca").unlink()


def put_foreign(files: Files, user: str) -> None:
    files.renew(user, files.second)


@pytest.mark.parametrize("spoil", [put_text, put_other_key, remove_authorities, put_foreign])
def test_K12_files_of_no_use_are_an_alarm_and_the_old_ones_stay_in_use(
    run: Run, guarded: Guarded, files: Files, spoil: Callable[[Files, str], None]
) -> None:
    async def body() -> None:
        async with guarded.loaded(124) as traffic:
            pair = guarded.pair
            for user in USERS:
                spoil(files, user)
            for service in pair.services:
                await wait_sample(service, "refusals_total", OF_NO_USE, 0)
                await wait_logged(service, "level=error", "code=certificates_of_no_use ")
                assert await service.is_ready()
            await traffic.acked_more(200, 60)
            assert await reloads(pair.services) == [0.0, 0.0]
            before = await reloads(pair.services)
            for user in USERS:
                files.trust(user, files.first)
                files.renew(user, files.first)
            await taken_up(pair, before)
            await traffic.acked_more(200, 60)
            assert traffic.answered(503) == 0

    run(body())


def test_K12_a_poller_goes_on_polling_with_renewed_certificates(
    run: Run, make_tls_plan: MakeTlsPlan, files: Files
) -> None:
    async def body() -> None:
        await Guarded(make_tls_plan()).open()  # the same topics as of the pair that polls
        async with polled(make_tls_plan, 125) as each:
            await each.acked_more(200, 60)
            for _ in range(2):
                await renew_all(each.pair, files, files.first)
                await each.acked_more(200, 60)
            await each.judge()

    run(body())
