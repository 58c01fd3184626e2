"""The table, row by row: answer, one count, one line of the log; and a right request is still taken afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local.servers import Servers
from tests.e2e.kafka_tools import stalled
from tests.integration.refusals import rows_admin, rows_kafka, rows_log, rows_page, rows_publish, rows_read, rows_rebuild
from tests.integration.refusals import rows_rpc
from tests.integration.refusals import rows_telegram, rows_webhook
from tests.integration.refusals.rows_admin import AdminBench
from tests.integration.refusals.rows_log import LogBench
from tests.integration.refusals.rows_read import ReadBench
from tests.integration.refusals.rows_rpc import RpcBench
from tests.integration.refusals.rows_telegram import OURS, TelegramBench
from tests.integration.refusals.rows_webhook import EVENTS_MAX, GatewayBench
from tests.integration.refusals.table import Code, Process, Row, codes
from tests.integration.store_log import BOT_ID, Log, connected, store
from tests.integration.test_gateway_forward import Bot
from tests.support.background import Background
from tests.support.canary import RPC_TOKEN, TOKEN
from tests.support.gateway import Gateway, until
from tests.support.processes import Service, free_port, run_command
from tests.support.telegram import FakeTelegram



# ---- the gateway: webhook, updates, Publish ----


@contextmanager
def running_bot() -> Iterator[Bot]:
    bot, started, ended = Bot(), threading.Event(), threading.Event()
    thread = threading.Thread(target=bot.run, args=(started, ended))
    thread.start()
    try:
        assert started.wait(10)
        yield bot
    finally:
        ended.set()
        thread.join()


@pytest.fixture(scope="module")
def at_gateway(
    servers: Servers, binaries: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[GatewayBench, Process]]:
    folder = tmp_path_factory.mktemp("refusing_gateway")
    (folder / "tokens").write_text(RPC_TOKEN + "\n")
    with running_bot() as bot:
        settings = {
            "GATEWAY_RPC_TOKENS_FILE": str(folder / "tokens"),
            "GATEWAY_FORWARD_URL": f"http://127.0.0.1:{bot.port}/bot",
            "GATEWAY_FORWARD_TIMEOUT_MS": "500",
            "GATEWAY_REQUEST_DEADLINE_MS": "500",
            "GATEWAY_DELIVERY_TIMEOUT_MS": "1500",
            "GATEWAY_MAX_IN_FLIGHT": str(EVENTS_MAX),
        }
        with Gateway(servers, binaries, folder, "t.refusals", settings) as gateway:
            yield GatewayBench(gateway, bot, RPC_TOKEN), Process(gateway.metrics, gateway.log_path)


GATEWAY_ROWS = [*rows_webhook.WEBHOOK, *rows_webhook.UPDATE, *rows_publish.PUBLISH]
ADMIN_CODES = codes(rows_admin.ADMIN) | {*rows_admin.SHOWN_ELSEWHERE}
STALLED_ROWS = [*rows_publish.PUBLISH_WITHOUT_KAFKA, *rows_webhook.UPDATE_WITHOUT_KAFKA]


@pytest.mark.parametrize("row", GATEWAY_ROWS, ids=str)
def test_the_gateway_refuses(at_gateway: tuple[GatewayBench, Process], row: Row) -> None:
    bench, process = at_gateway
    process.hold(row, bench)
    bench.good()


@pytest.mark.parametrize("row", rows_rpc.RPC, ids=str)
def test_the_gateways_rpc_server_refuses(at_gateway: tuple[GatewayBench, Process], row: Row) -> None:
    bench, process = at_gateway
    process.hold(row, RpcBench(bench.gateway.rpc, RPC_TOKEN, "/telefact.gateway.v1.PublishService/Publish"))
    assert rows_publish.publish(bench, rows_publish.counted()) == "OK"


@pytest.mark.parametrize("row", rows_admin.ADMIN, ids=str)
def test_the_gateways_admin_listener_refuses(at_gateway: tuple[GatewayBench, Process], row: Row) -> None:
    bench, process = at_gateway
    admin = AdminBench(bench.gateway.admin)
    process.hold(row, admin)
    admin.good()


def test_the_gateway_refuses_what_kafka_does_not_acknowledge(
    servers: Servers, at_gateway: tuple[GatewayBench, Process]
) -> None:
    """As many events as may be in flight wait for Kafka; whatever comes meanwhile is too much."""
    bench, process = at_gateway
    full_publish, unacknowledged_publish, full_update, unacknowledged_update = STALLED_ROWS
    with stalled(servers), ThreadPoolExecutor(1) as pool:
        counted, told = process.counts(), len(process.told())
        slow = pool.submit(unacknowledged_publish.provoke, bench)
        until(lambda: bench.gateway.metrics()["in_flight_updates"] == EVENTS_MAX, 5, "events in flight")
        process.hold(full_publish, bench)
        process.hold(full_update, bench)
        for row in (full_publish, full_update):
            counted[row.key] += 1
            told += 1
        assert slow.result(20).startswith(unacknowledged_publish.answer)
        process.expect(unacknowledged_publish.key, counted, told)
        process.hold(unacknowledged_update, bench)
    bench.good()
    assert rows_publish.publish(bench, rows_publish.counted()) == "OK"


def test_the_table_has_every_code_of_the_gateway(at_gateway: tuple[GatewayBench, Process]) -> None:
    _, process = at_gateway
    known = codes([*GATEWAY_ROWS, *STALLED_ROWS, *rows_rpc.RPC]) | ADMIN_CODES | {*rows_kafka.SHOWN_ELSEWHERE}
    assert set(process.counts()) == known
    process.check_lines()


# ---- the store: reads ----


@contextmanager
def running(loop: Background, service: Service) -> Iterator[Process]:
    """A service on another thread's loop."""
    loop.run(service.start())
    try:
        yield Process(lambda: loop.run(service.metrics()), service.log_path)
    finally:
        assert loop.run(service.stop()) == 0


@pytest.fixture(scope="module")
def at_reads(
    servers: Servers, binaries: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ReadBench, Process]]:
    folder = tmp_path_factory.mktemp("refusing_reads")
    (folder / "tokens").write_text(RPC_TOKEN + "\n")
    (folder / "admin_tokens").write_text(rows_rebuild.ADMIN_TOKEN + "\n")
    (folder / "page_tokens").write_text(rows_page.PAGE_TOKEN + "\n")
    url, rpc, admin = servers.create_database("t_refusals_reads"), free_port(), free_port()
    environment = {
        "STORE_BOT_ID": str(BOT_ID), "STORE_DATABASE_URL": url, "STORE_ROLES": "rpc",
        "STORE_RPC_LISTEN": f"127.0.0.1:{rpc}", "STORE_ADMIN_LISTEN": f"127.0.0.1:{admin}",
        "STORE_RPC_TOKENS_FILE": str(folder / "tokens"), "STORE_RPC_POOL_MIN": "1", "STORE_RPC_POOL_MAX": "1",
        "STORE_LOCK_TIMEOUT_MS": "20000", "STORE_RPC_ADMIN_TOKENS_FILE": str(folder / "admin_tokens"),
        "STORE_KAFKA_BOOTSTRAP_SERVERS": servers.kafka_bootstrap, "STORE_PAGE_TOKENS_FILE": str(folder / "page_tokens"),
    }
    with Background() as loop:
        loop.run(run_command(binaries / "telefact-store", ["migrate"], environment))
        service = Service("store", binaries / "telefact-store", environment, f"127.0.0.1:{admin}", folder)
        with running(loop, service) as process:
            yield ReadBench(servers, url, RpcBench(rpc, RPC_TOKEN, rows_read.GET_USER), AdminBench(admin)), process


@pytest.mark.parametrize("row", rows_read.READ, ids=str)
def test_the_store_refuses_reads(at_reads: tuple[ReadBench, Process], row: Row) -> None:
    bench, process = at_reads
    process.hold(row, bench)
    bench.good()


@pytest.mark.parametrize("row", rows_rebuild.REBUILD, ids=str)
def test_the_store_refuses_orders_of_rebuilds(at_reads: tuple[ReadBench, Process], row: Row) -> None:
    bench, process = at_reads
    process.hold(row, bench)
    assert rows_rebuild.order(bench, "ListRebuilds") == "OK"


@pytest.mark.parametrize("row", rows_rpc.RPC, ids=str)
def test_the_stores_rpc_server_refuses(at_reads: tuple[ReadBench, Process], row: Row) -> None:
    bench, process = at_reads
    process.hold(row, bench.rpc)
    bench.good()


@pytest.mark.parametrize("row", rows_admin.ADMIN, ids=str)
def test_the_stores_admin_listener_refuses(at_reads: tuple[ReadBench, Process], row: Row) -> None:
    bench, process = at_reads
    process.hold(row, bench.admin)
    bench.admin.good()


@pytest.mark.parametrize("row", rows_page.AT_READS, ids=str)
def test_the_status_page_refuses(at_reads: tuple[ReadBench, Process], row: Row) -> None:
    bench, process = at_reads
    process.hold(row, bench)
    rows_page.good(bench.admin)


def test_the_table_has_every_code_of_a_store_that_reads(at_reads: tuple[ReadBench, Process]) -> None:
    _, process = at_reads
    known = {key for key in process.counts() if key[0] in ("admin", "page", "rpc", "read", "rebuild")}
    rows = [*rows_read.READ, *rows_rebuild.REBUILD, *rows_rpc.RPC, *rows_page.AT_READS, *rows_page.AT_LOG]
    assert known == codes(rows) | ADMIN_CODES | {*rows_rebuild.SHOWN_ELSEWHERE}
    process.check_lines()


# ---- the store: the log ----


@pytest.fixture(scope="module")
def at_log(
    servers: Servers, binaries: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LogBench, Process]]:
    log = Log(servers.kafka_bootstrap, "t.refusals_log", rows_log.PARTITIONS)
    url = servers.create_database("t_refusals_log")
    folder = tmp_path_factory.mktemp("refusing_log")
    settings = {
        "STORE_POSITION_CHECK_MS": "300", "STORE_DEAD_LETTERS_PER_1000": str(rows_log.LETTERS_MAX),
        "STORE_DATABASE_URL": url,
    }
    with Background() as loop:
        service = store(log, url, binaries, folder, **settings)
        with running(loop, service) as process, connected(url) as database:
            port = int(service.admin.rpartition(":")[2])
            yield LogBench(log, database, lambda: loop.run(service.metrics()), port), process


@pytest.mark.parametrize("row", [*rows_log.RECORD, *rows_log.LOG, *rows_page.AT_LOG], ids=str)
def test_the_store_refuses_of_the_log(at_log: tuple[LogBench, Process], row: Row) -> None:
    bench, process = at_log
    process.hold(row, bench)
    bench.good()


def test_the_table_has_every_code_of_a_store_that_ingests(at_log: tuple[LogBench, Process]) -> None:
    bench, process = at_log
    process.hold(rows_log.LAST, bench)
    known = codes([*rows_log.RECORD, *rows_log.LOG, rows_log.LAST, *rows_page.AT_READS, *rows_page.AT_LOG]) | ADMIN_CODES
    assert set(process.counts()) == known | {*rows_log.SHOWN_ELSEWHERE} | {*rows_kafka.SHOWN_ELSEWHERE}
    process.check_lines()


# ---- the Bot API ----


@contextmanager
def at_telegram(
    servers: Servers, binaries: Path, folder: Path, name: str, webhooks: list[str], **settings: str
) -> Iterator[tuple[TelegramBench, Process]]:
    """A gateway that asks a fake Telegram."""
    folder.mkdir()
    with Background() as loop:
        telegram = FakeTelegram(token=TOKEN, webhooks=webhooks, secret="secret")
        loop.run(telegram.__aenter__())
        try:
            settings |= {"GATEWAY_API_BASE_URL": telegram.api_url}
            with Gateway(servers, binaries, folder, f"t.refusals_{name}", settings) as gateway:
                yield TelegramBench(gateway, telegram, loop.call), Process(gateway.metrics, gateway.log_path)
        finally:
            loop.run(telegram.__aexit__(None, None, None))


POLLING = {"GATEWAY_MODE": "polling", "GATEWAY_POLL_TIMEOUT_S": "1"}


def _polling(servers: Servers, binaries: Path, folder: Path) -> set[Code]:
    with at_telegram(servers, binaries, folder, "polling", [], **POLLING) as (bench, process):
        bench.polled()
        for row in rows_telegram.POLLING:
            process.hold(row, bench)
            bench.polled()
        process.check_lines()
        metrics = bench.gateway.metrics()
        errors = {status: metrics[f'telegram_api_errors_total{{code="{status}"}}'] for status in ("409", "429", "502", "none", "401")}
        assert errors == {"409": 1, "429": 1, "502": 1, "none": 1, "401": 0}
        return set(process.counts())


def _no_access(servers: Servers, binaries: Path, folder: Path) -> set[Code]:
    with at_telegram(servers, binaries, folder, "no_access", [], **POLLING) as (bench, process):
        bench.polled()
        process.hold(rows_telegram.NO_ACCESS, bench)
        bench.alive()
        return set(process.counts())


def _webhook_set(servers: Servers, binaries: Path, folder: Path) -> set[Code]:
    """It is set again while the gateway starts, so that it does not see it as a conflict."""
    with at_telegram(servers, binaries, folder, "webhook_set", [], **POLLING) as (bench, process):
        bench.polled()
        bench.gateway.terminate()
        assert bench.gateway.wait() == 0
        rows_telegram.WEBHOOK_SET.provoke(bench)
        bench.gateway.spawn()
        until(lambda: bench.gateway.probe("/livez") == 200, 10, "the gateway to live")
        process.expect(rows_telegram.WEBHOOK_SET.key, dict.fromkeys(process.counts(), 0), 0)
        bench.alive()
        return set(process.counts())


def _watching(servers: Servers, binaries: Path, folder: Path) -> set[Code]:
    settings = {"GATEWAY_WEBHOOK_CHECK_S": "1", "GATEWAY_WEBHOOK_URL": OURS}
    with at_telegram(servers, binaries, folder, "watching", [OURS], **settings) as (bench, process):
        until(lambda: "the webhook is as it must be" in bench.gateway.log(), 10, "a look")
        for row in rows_telegram.WATCHING:
            process.hold(row, bench)
            bench.posted()
        process.check_lines()
        return set(process.counts())


def test_the_gateway_refuses_answers_of_the_bot_api(servers: Servers, binaries: Path, work_dir: Path) -> None:
    """Four gateways beside each other, because they wait most of the time."""
    works = [_polling, _no_access, _webhook_set, _watching]
    with ThreadPoolExecutor(len(works)) as pool:
        futures = [pool.submit(work, servers, binaries, work_dir / work.__name__) for work in works]
        known = set[Code]().union(*(future.result() for future in futures))
    assert {key for key in known if key[0] == "telegram"} == codes(rows_telegram.TELEGRAM)
