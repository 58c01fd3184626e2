"""The status page over HTTP: its figures are the RPCs' answers, and only those see it who may."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from google.protobuf.json_format import MessageToDict

from tests.integration import busy_bot
from tests.integration.read_store import BOT_ID, Body, asker
from tests.integration.store_command import run_store
from tests.integration.store_log import Log, seen, store, video, wait_for
from tests.support.background import Background
from tests.support.processes import Service, free_port, run_command
from tests.support.protos import event_pb2, read_pb2
from tests.support.statistics import DAY, HOUR

NOW = int(time.time())
TOKEN = "a-token-for-the-page-alone"
CLASSES = {"all": 1, "users": 2, "groups": 3}
SERIES = {"users": 1, "videos": 2, "music": 3, "images": 4}
BUCKETS = {"hour": 1, "day": 2}


class Answer:
    """One answer of the admin listener."""

    def __init__(self, port: int, path: str, headers: Mapping[str, str] = {}, method: str = "GET") -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request(method, path, headers=dict(headers))
            got = connection.getresponse()
            self.status, self.headers, self.body = got.status, got.headers, got.read()
        finally:
            connection.close()

    def json(self) -> Any:
        assert self.status == 200, self.body
        assert self.headers["Content-Type"] == "application/json; charset=utf-8"
        assert self.headers["Cache-Control"] == "no-store"
        return json.loads(self.body)


@contextmanager
def reading(url: str, binaries: Path, work_dir: Path, listen: str = "127.0.0.1", **settings: str) -> Iterator[int]:
    """A store that only reads; the port of its admin listener."""
    port = free_port()
    environment = {
        "STORE_BOT_ID": str(BOT_ID), "STORE_DATABASE_URL": url, "STORE_ROLES": "rpc",
        "STORE_RPC_LISTEN": f"127.0.0.1:{free_port()}", "STORE_ADMIN_LISTEN": f"{listen}:{port}"} | settings
    with Background() as loop:
        loop.run(run_command(binaries / "telefact-store", ["migrate"], environment))
        service = Service("store", binaries / "telefact-store", environment, f"127.0.0.1:{port}", work_dir)
        loop.run(service.start())
        try:
            yield port
        finally:
            assert loop.run(service.stop()) == 0


# ---- figures ----


def _ask_all(url: str, binaries: Path, work_dir: Path, body: Body, admin: int) -> None:
    asker(url, binaries, work_dir, lambda database: busy_bot.into_tables(database, busy_bot.history(NOW)), admin)(body)


def test_the_figures_are_the_rpcs_answers(database_url: str, binaries: Path, work_dir: Path) -> None:
    admin = free_port()

    async def page(name: str, **query: object) -> dict[str, Any]:
        text = "&".join(f"{key}={value}" for key, value in query.items())
        answer = (await asyncio.to_thread(Answer, admin, f"/api/v1/{name}.json?{text}".rstrip("?"))).json()
        assert answer.pop("generation") == 1
        answer.pop("position")
        return answer

    async def body(stub: Any, _: Any) -> None:
        for of, number in CLASSES.items():
            for seconds in (0, HOUR, DAY, 31 * DAY):
                wanted = await stub.GetBotStats(read_pb2.GetBotStatsRequest(chat_class=number, seconds=seconds, now=NOW))
                got = await page("bot-stats", **{"class": of}, seconds=seconds, now=NOW)
                assert read_pb2.GetBotStatsResponse(**got) == wanted
            for series, bucket, first in ((s, b, NOW - n) for s in SERIES for b in BUCKETS for n in (DAY, 61 * DAY)):
                request = read_pb2.GetTimeSeriesRequest(
                    series=SERIES[series], bucket=BUCKETS[bucket], to=NOW + 1, chat_class=number, **{"from": first})
                wanted = await stub.GetTimeSeries(request)
                got = await page("time-series", **{"class": of, "from": first}, series=series, bucket=bucket, to=NOW + 1)
                assert got["counts"] == [point.count for point in wanted.points]
                assert sum(got["counts"]) > 0
                assert [got["start"] + n * got["step"] for n in range(len(wanted.points))] == [p.start for p in wanted.points]
                assert got["first"] == wanted.first
        others = MessageToDict(await stub.GetOtherStats(read_pb2.GetOtherStatsRequest()), preserving_proto_field_name=True)
        assert _numbers(await page("other-stats")) == _numbers(others | {"file_mode_count": 0})
        links = await stub.GetReferralStats(read_pb2.GetReferralStatsRequest(limit=5))
        assert len(links.referrals) == 5
        assert _numbers(await page("referral-stats", limit=5)) == _numbers(MessageToDict(links))

    _ask_all(database_url, binaries, work_dir, body, admin)


def _numbers(value: Any) -> Any:
    """With the texts of protobuf's JSON for int64 as numbers."""
    if isinstance(value, dict):
        return {key: _numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_numbers(each) for each in value]
    return int(value) if isinstance(value, str) and value.lstrip("-").isdecimal() else value


# ---- the pipeline ----


def test_the_status_of_a_store_that_reads(database_url: str, binaries: Path, work_dir: Path) -> None:
    with reading(database_url, binaries, work_dir) as port, psycopg.connect(database_url, autocommit=True) as database:
        database.execute("INSERT INTO g1.fence (partition, next_offset, cluster_id) VALUES (0, 7, ''), (3, 9, '')")
        database.execute("""INSERT INTO telefact.dead_letters (partition, "offset", kind, cause, detail, record_ms, decision)
            VALUES (3, 1, '', 'bad_row', '', 50, 'open'), (3, 2, '', 'bad_row', '', 40, 'open'),
                   (3, 3, '', 'malformed', '', 60, 'open'), (0, 1, '', 'malformed', '', 10, 'dropped')""")
        database.execute("INSERT INTO telefact.generations (id, projection_version, state, detail) VALUES (2, 9, 'failed', 'x \"y\"')")
        status = Answer(port, "/api/v1/status.json").json()
    assert (status["bot_id"], status["is_rpc"], status["ingest"]) == (str(BOT_ID), True, None)
    tables = status["tables"]
    assert (tables["is_known"], tables["generation"], tables["position"]) == (True, 1, "0:7,3:9")
    assert tables["letters"] == [
        {"partition": 3, "cause": "bad_row", "count": 2, "oldest_ms": 40},
        {"partition": 3, "cause": "malformed", "count": 1, "oldest_ms": 60}]
    assert [(row["id"], row["state"], row["detail"]) for row in tables["generations"]] == [(2, "failed", 'x "y"'), (1, "live", "")]


def test_a_database_that_is_away_is_told(servers: Any, database_url: str, binaries: Path, work_dir: Path) -> None:
    with reading(database_url, binaries, work_dir) as port:
        name = database_url.rpartition("/")[2]
        with psycopg.connect(servers.admin_dsn, autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")  # type: ignore[arg-type]
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        tables = Answer(port, "/api/v1/status.json").json()["tables"]
        assert tables["is_known"] is False and tables["why"]


def test_the_pipeline_of_a_store_that_writes(servers: Any, database_url: str, topic_prefix: str, binaries: Path, work_dir: Path) -> None:
    log = Log(servers.kafka_bootstrap, topic_prefix)
    places = log.put([*(seen(user, f"seen {user}") for user in range(1, 40)), *(video(user, user) for user in range(1, 40))])
    ends = {partition: max(o for p, o in places if p == partition) + 1 for partition, _ in places}
    newer = event_pb2.Event(event_id=bytes(16), bot_id=BOT_ID).SerializeToString() + b"\x82\x06\x00"  # field 96
    log.put_raw([(f"{BOT_ID}:1".encode(), newer)], partition=2)
    with Background() as loop:
        service = store(log, database_url, binaries, work_dir)
        loop.run(service.spawn())
        port = int(service.admin.rpartition(":")[2])
        seen_rows: dict[int, dict[str, Any]] = {}

        def is_applied() -> bool:
            try:
                ingest = Answer(port, "/api/v1/status.json").json()["ingest"]
            except OSError:
                return False
            seen_rows.update({row["partition"]: row for row in ingest["partitions"]})
            return {p: row["applied"] for p, row in seen_rows.items()} == ends and seen_rows[2]["state"] == "stopped"

        wait_for("the status to show what is applied", is_applied)
        status = Answer(port, "/api/v1/status.json").json()
        assert loop.run(service.stop()) == 0
    assert status["ingest"]["topic_partitions"] == log.partitions
    assert status["topic"] == log.topic
    assert status["is_rpc"] is False and "role rpc" in status["tables"]["why"]
    stopped = seen_rows.pop(2)
    assert (stopped["reason"], stopped["why"]) == ("unknown_payload", "an event of a newer version: upgrade telefact-store")
    assert 0 < stopped["since_ms"] <= status["now_ms"]
    assert {row["state"] for row in seen_rows.values()} == {"running"}
    assert all(row["end"] == row["applied"] for row in seen_rows.values())


# ---- who sees it ----


def _is_off(port: int) -> bool:
    return {Answer(port, path).status for path in ("/", "/page.js", "/api/v1/status.json")} == {404}


def test_beyond_loopback_it_is_off_without_a_guard(database_url: str, binaries: Path, work_dir: Path) -> None:
    with reading(database_url, binaries, work_dir, "0.0.0.0") as port:
        assert _is_off(port)
        assert Answer(port, "/livez").status == Answer(port, "/metrics").status == 200
    assert "the status page is off" in (work_dir / "store.log").read_text()


@pytest.fixture
def tokens(work_dir: Path) -> str:
    path = work_dir / "page-tokens"
    path.write_text(f"# people\n{TOKEN}\n")
    return str(path)


@pytest.mark.parametrize("listen", ["0.0.0.0", "127.0.0.1"])
def test_a_token_opens_it(database_url: str, binaries: Path, work_dir: Path, tokens: str, listen: str) -> None:
    with reading(database_url, binaries, work_dir, listen, STORE_PAGE_TOKENS_FILE=tokens) as port:
        path = "/api/v1/other-stats.json"
        assert Answer(port, "/").status == Answer(port, "/metrics").status == 200
        refused = Answer(port, path)
        assert refused.status == 401 and refused.headers["WWW-Authenticate"] == "Bearer"
        assert Answer(port, path, {"Authorization": f"Bearer {TOKEN}x"}).status == 401
        assert Answer(port, path, {"Authorization": f"Bearer {TOKEN}"}).json()["top_users"] == []


def test_a_proxy_that_authenticates_opens_it(database_url: str, binaries: Path, work_dir: Path) -> None:
    with reading(database_url, binaries, work_dir, "0.0.0.0", STORE_PAGE_PROXY_HEADER="X-Forwarded-User") as port:
        assert Answer(port, "/api/v1/status.json").status == 401
        assert Answer(port, "/api/v1/status.json", {"X-Forwarded-User": ""}).status == 401
        assert Answer(port, "/api/v1/status.json", {"X-Forwarded-User": "olga"}).json()["is_rpc"] is True


def test_a_free_page_is_not_shown_under_a_foreign_name(database_url: str, binaries: Path, work_dir: Path) -> None:
    with reading(database_url, binaries, work_dir) as port:
        assert Answer(port, "/api/v1/status.json", {"Host": f"localhost:{port}"}).status == 200
        assert Answer(port, "/api/v1/status.json", {"Host": "rebound.example"}).status == 403


def test_every_answer_keeps_the_browser_on_a_leash(database_url: str, binaries: Path, work_dir: Path) -> None:
    with reading(database_url, binaries, work_dir) as port:
        answers = {path: Answer(port, path) for path in ("/", "/page.css", "/page.js", "/icon.svg", "/api/v1/status.json",
                                                         "/api/v1/time-series.json")}
        head, post = Answer(port, "/", method="HEAD"), Answer(port, "/api/v1/status.json", method="POST")
    for path, answer in answers.items():
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'",
                "form-action 'none'", "frame-ancestors 'none'"} <= set(policy), path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answers["/api/v1/time-series.json"].status == 400
    assert (head.status, head.body, post.status) == (200, b"", 405)
    assert b"://" not in answers["/"].body


# ---- settings ----


def _check(binaries: Path, **settings: str) -> tuple[int, str]:
    environment = {"STORE_BOT_ID": "1", "STORE_DATABASE_URL": "postgresql://x/y", "STORE_ROLES": "rpc"} | settings
    done = run_store(binaries, environment, "--check-config")
    return done.code, done.out + done.err


def test_check_config_says_how_to_turn_it_on(binaries: Path, tokens: str) -> None:
    status, said = _check(binaries, STORE_ADMIN_LISTEN="0.0.0.0:9101")
    assert status == 0 and "status page is off" in said and "set STORE_PAGE_TOKENS_FILE" in said
    for settings in ({}, {"STORE_PAGE_TOKENS_FILE": tokens, "STORE_ADMIN_LISTEN": "0.0.0.0:9101"},
                     {"STORE_PAGE_PROXY_HEADER": "X-Forwarded-User", "STORE_ADMIN_LISTEN": "0.0.0.0:9101"}):
        status, said = _check(binaries, **settings)
        assert status == 0 and "status page is off" not in said


def test_wrong_settings_are_told(binaries: Path, tokens: str, work_dir: Path) -> None:
    for settings, told in (
            ({"STORE_PAGE_TOKENS_FILE": str(work_dir / "none")}, "STORE_PAGE_TOKENS_FILE: "),
            ({"STORE_PAGE_PROXY_HEADER": "X-Forwarded-For"}, "STORE_PAGE_PROXY_HEADER: x-forwarded-for is sent by anybody"),
            ({"STORE_PAGE_PROXY_HEADER": "X User"}, "STORE_PAGE_PROXY_HEADER: not a name"),
            ({"STORE_PAGE_TOKENS_FILE": tokens, "STORE_RPC_ADMIN_TOKENS_FILE": tokens,
              "STORE_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, "STORE_PAGE_TOKENS_FILE: a token is in")):
        status, said = _check(binaries, **settings)
        assert status == 78 and told in said, said
