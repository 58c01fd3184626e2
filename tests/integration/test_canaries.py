"""The search for canaries can fail: each one is planted in each kind of place and must be reported. And no core is left."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import grpc
import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.local.servers import Servers
from tests.integration.refusals.rows_start import GOOD
from tests.integration.store_log import connected, store, wait_applied
from tests.support import canaries
from tests.support.background import Background
from tests.support.canary import BOT_ID, NAME, RPC_TOKEN, SECRET, TEXT, TOKEN
from tests.support.gateway import Gateway, until
from tests.support.processes import Service, free_port, http_get
from tests.support.protos import event_pb2, raw_pb2
from tests.support.updates import generate

PLANTED = {"token": TOKEN, "secret": SECRET, "rpc token": RPC_TOKEN, "name": NAME, "text": TEXT}
UPDATES = 300
EVENTS, RAW = "t.planted.events.v1", "t.planted.raw.v1"


def marks(found: list[canaries.Finding]) -> list[str]:
    return sorted(finding.mark for finding in found)


@pytest.mark.parametrize("mark", PLANTED)
def test_a_log_is_searched(mark: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "deep").mkdir()
        (Path(folder) / "deep" / "gateway.log").write_text(f"level=info text={PLANTED[mark]}\n")
        (Path(folder) / "other.log").write_text("level=info text=nothing\n")
        [finding] = canaries.in_files(Path(folder))
    assert (finding.mark, "gateway.log" in finding.place) == (mark, True)


def test_a_password_of_a_database_is_a_canary(servers: Servers) -> None:
    password = servers.postgres.state["password"]
    assert [finding.mark[:8] for finding in canaries.find("file", f"connect to {servers.database_url}")] == ["password"]
    assert password in servers.database_url


@contextmanager
def topics(servers: Servers) -> Iterator[Producer]:
    """Two topics, which are gone before the session's own search."""
    admin = AdminClient({"bootstrap.servers": servers.kafka_bootstrap, "log_level": 2})
    for made in admin.create_topics([NewTopic(name, 2, 1) for name in (EVENTS, RAW)]).values():
        made.result(30)
    producer = Producer({"bootstrap.servers": servers.kafka_bootstrap, "log_level": 2})
    try:
        yield producer
    finally:
        for gone in admin.delete_topics([EVENTS, RAW]).values():
            gone.result(30)


def seen(chat_type: int, **fields: str) -> bytes:
    event = event_pb2.Event(event_id=b"e" * 16, bot_id=BOT_ID)
    event.user_seen.user_id = 5
    event.user_seen.chat_type = chat_type
    event.user_seen.lang = fields.pop("lang", "en")
    for name, value in fields.items():
        setattr(event.user_seen.personal.clear, name, value)
    return event.SerializeToString()


def test_topics_are_searched(servers: Servers) -> None:
    private, group = event_pb2.CHAT_TYPE_PRIVATE, event_pb2.CHAT_TYPE_GROUP
    with topics(servers) as producer:
        for number in range(1000):
            producer.produce(EVENTS, seen(private, first_name=f"{NAME} {number}"), b"1:5")
            producer.produce(RAW, raw_pb2.RawUpdate(body=f"{NAME} {TEXT}".encode()).SerializeToString())
        producer.flush(30)
        assert canaries.in_topics(servers.kafka_bootstrap, "t.planted") == [], "where it is allowed"
        for value in PLANTED.values():
            producer.produce(EVENTS, b"v", value.encode())
            producer.produce(EVENTS, b"v", b"k", headers=[("planted", value.encode())])
            producer.produce(EVENTS, b"no event " + value.encode(), b"k")
            producer.produce(EVENTS, seen(private, first_name="x", lang=value), b"k")
            producer.produce(RAW, b"raw " + value.encode())
        producer.produce(EVENTS, seen(private, first_name=f"{NAME} {TEXT}"), b"k")
        producer.produce(EVENTS, seen(group, first_name=NAME), b"k")
        producer.flush(30)
        found = marks(canaries.in_topics(servers.kafka_bootstrap, "t.planted"))
    expected = [mark for mark in PLANTED for _ in range(4)]
    expected += ["token", "secret", "rpc token"]  # the raw topic may hold the rest
    expected += ["text", "name", "name"]  # a personal that holds a text is as bad with its name; and that of a group
    assert found == sorted(expected)


def test_tables_are_searched(servers: Servers, database_url: str) -> None:
    name = database_url.rpartition("/")[2]
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute("CREATE SCHEMA g7")
        for table in ("videos", "profiles", "dead_letters"):
            database.execute(f"CREATE TABLE g7.{table} (shown text, bytes bytea)")  # type: ignore[arg-type]
            for value in PLANTED.values():
                database.execute(f"INSERT INTO g7.{table} VALUES (%s, NULL), (NULL, %s)",  # type: ignore[arg-type]
                                 (value, value.encode()))
            found = canaries.in_databases(servers.admin_dsn, name)
            assert marks(found) == sorted(PLANTED.keys() - ({"name"} if table != "videos" else set())), table
            database.execute(f"DROP TABLE g7.{table}")  # type: ignore[arg-type]


def test_what_the_services_make_of_the_tests_traffic_is_searched(
    servers: Servers,
    binaries: Path,
    work_dir: Path,
    topic_prefix: str,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Canaries do stand where they may, and the search sees them there as soon as they may not."""
    with Gateway(servers, binaries, work_dir, topic_prefix) as gateway, Background() as loop:
        updates = list(generate(5, UPDATES, BOT_ID, int(time.time()), odd=0.0))
        with ThreadPoolExecutor(8) as pool:
            assert {answer.status for answer in pool.map(gateway.post, updates)} == {200}
        log = SimpleNamespace(bootstrap=servers.kafka_bootstrap, prefix=topic_prefix)
        service = store(log, database_url, binaries, work_dir)  # type: ignore[arg-type]
        loop.run(service.start())
        with connected(database_url) as database:
            wait_applied(database, len(gateway.records("events")), 60)
        assert loop.run(service.stop()) == 0

    def found() -> set[tuple[str, str]]:
        held = canaries.in_topics(servers.kafka_bootstrap, f"{topic_prefix}.")
        held += canaries.in_databases(servers.admin_dsn, database_url.rpartition("/")[2])
        return {(finding.place.split()[0] + " " + finding.place.split()[1], finding.mark) for finding in held}

    assert found() == set()
    monkeypatch.setattr(canaries, "ALLOWED", {})
    assert found() == {
        ("topic raw", "name"),
        ("topic raw", "text"),
        (f"topic {topic_prefix}.events.v1", "name"),
        ("table profiles", "name"),
    }


class Leaking(grpc.GenericRpcHandler):
    """Ends every call with a status that tells too much."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        def end(_: bytes, context: grpc.ServicerContext) -> bytes:
            context.abort(grpc.StatusCode.INTERNAL, f"cannot use {TOKEN}")

        return grpc.unary_unary_rpc_method_handler(end)


def test_replies_of_rpcs_are_searched() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[Leaking()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()

    async def call_aio() -> None:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await channel.unary_unary("/a.b/C")(b"")
            await asyncio.sleep(0)

    try:
        with canaries.planted() as caught:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, pytest.raises(grpc.RpcError):
                channel.unary_unary("/a.b/C")(b"")
        assert marks(caught) == ["token"]
        with canaries.planted() as caught:
            asyncio.run(call_aio())
        assert marks(caught) == ["token"]
    finally:
        server.stop(None)


@pytest.mark.parametrize("mark", PLANTED)
def test_replies_and_metrics_over_http_are_searched(mark: str) -> None:
    async def body() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 200 OK\r\n\r\nsamples{{label=\"{PLANTED[mark]}\"}} 1\n".encode())
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            await http_get(f"{host}:{port}", "/metrics")

    with canaries.planted() as caught:
        asyncio.run(body())
    assert marks(caught) == [mark]


LEAKS = f"""
from tests.support import canaries

def test_noted(): canaries.look("reply", {SECRET!r})
def test_nothing(): assert {SECRET!r}
def test_in_a_log(work_dir): (work_dir / "x.log").write_text({SECRET!r})
def test_in_a_log_of_the_session(tmp_path_factory): (tmp_path_factory.mktemp("m") / "x.log").write_text({SECRET!r})
"""
IN_THE_FILE = f"def test_it(record_property): record_property('said', {SECRET!r})"


def test_a_leak_fails_a_session_of_pytest(tmp_path: Path) -> None:
    """Noted by a test, left in a log, left in a log that outlives its test, and in the file that pytest writes."""
    status, told = _session(tmp_path, LEAKS)
    assert status == 1
    for name in ("test_noted", "test_in_a_log", "test_in_a_log_of_the_session"):
        assert f"::{name} - AssertionError: what must not come out" in told, told
    assert "test_nothing" not in told
    status, told = _session(tmp_path, IN_THE_FILE)
    assert (status, "the secret stands in file" in told) == (1, True)


def _session(folder: Path, text: str) -> tuple[int, str]:
    """A session of pytest of its own; exit status and output."""
    test, root = folder / "test_planted.py", Path(__file__).resolve().parents[2]
    test.write_text(text)
    words = ["-c", root / "pyproject.toml", "-p", "tests.conftest", f"--junitxml={folder / 'out.xml'}", "--tb=line", "-q"]
    with tempfile.TemporaryDirectory() as base:  # not below ours, which is searched too
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", *words, f"--basetemp={base}/base", test],
            cwd=root, capture_output=True, text=True, check=False, timeout=240,
        )  # fmt: skip
    test.unlink()
    (folder / "out.xml").unlink()
    return ended.returncode, ended.stdout


def test_a_gateway_leaves_no_core(servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str) -> None:
    with Gateway(servers, binaries, work_dir, topic_prefix) as gateway:
        assert gateway.process is not None
        _check_no_core(gateway.process.pid)


def test_a_store_leaves_no_core(binaries: Path, work_dir: Path, database_url: str) -> None:
    admin = f"127.0.0.1:{free_port()}"
    environment = GOOD["telefact-store"] | {
        "STORE_DATABASE_URL": database_url, "STORE_ADMIN_LISTEN": admin, "STORE_RPC_LISTEN": f"127.0.0.1:{free_port()}",
    }

    async def body() -> None:
        store = Service("store", binaries / "telefact-store", environment, admin, work_dir)
        await store.spawn()
        try:
            while True:
                try:
                    await http_get(admin, "/livez")
                    break
                except OSError:
                    await asyncio.sleep(0.02)
            _check_no_core(store.pid)
        finally:
            await store.kill()

    asyncio.run(body())


def _check_no_core(pid: int) -> None:
    limits = Path(f"/proc/{pid}/limits").read_text()
    assert [line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core file size")] == [["0", "0"]]


@pytest.mark.parametrize("program", GOOD)
def test_a_process_that_crashes_dumps_nothing_and_nobody_may_look_into_it(
    binaries: Path, program: str, work_dir: Path
) -> None:
    """As another user than root, whose processes are seen by their owner unless they are not dumpable."""
    admin = free_port()
    prefix = program.removeprefix("telefact-").upper()
    environment = GOOD[program] | {
        f"{prefix}_ADMIN_LISTEN": f"127.0.0.1:{admin}", f"{prefix}_RPC_LISTEN": f"127.0.0.1:{free_port()}",
        "GATEWAY_WEBHOOK_LISTEN": f"127.0.0.1:{free_port()}",
    }
    environment = {name: value for name, value in environment.items() if name.startswith(prefix)}

    def allow_cores() -> None:
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    user = "nobody" if os.geteuid() == 0 else None
    process = subprocess.Popen(
        [binaries / program], env=environment, cwd="/tmp", user=user, preexec_fn=allow_cores, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: _answers(admin), 20, "it to live")
        assert Path(f"/proc/{process.pid}/environ").stat().st_uid == 0, "its user owns it, so it is dumpable"
        _check_no_core(process.pid)
    finally:
        os.kill(process.pid, signal.SIGABRT)
        _, status = os.waitpid(process.pid, 0)
        process.returncode = status
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGABRT
    assert not os.WCOREDUMP(status)


def _answers(port: int) -> bool:
    try:
        return asyncio.run(http_get(f"127.0.0.1:{port}", "/livez"))[0] == 200
    except OSError:
        return False
