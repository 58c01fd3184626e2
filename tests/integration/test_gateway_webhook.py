"""The webhook listener in front of a real Kafka: what is answered, and what stands in the log for it."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from confluent_kafka import Message

from deploy.local.servers import Servers
from tests.support.canary import SECRET_BEFORE
from tests.support.gateway import BOT_ID, PATH, SECRET, Gateway, text_update, until
from tests.support.protos import event_pb2, raw_pb2

MIB = 1 << 20


@pytest.fixture(scope="module")
def shared(
    servers: Servers, binaries: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    settings = {"GATEWAY_WEBHOOK_SECRET_PREVIOUS": SECRET_BEFORE, "GATEWAY_REQUEST_DEADLINE_MS": "1500"}
    folder = tmp_path_factory.mktemp("webhook")
    with Gateway(servers, binaries, folder, "t.gateway_webhook", settings) as gateway:
        yield gateway


def raw_of(gateway: Gateway, body: bytes) -> list[raw_pb2.RawUpdate]:
    """Raw updates with this body."""
    raws = [raw_pb2.RawUpdate.FromString(message.value()) for message in gateway.records("raw")]
    return [raw for raw in raws if raw.body == body]


def exchange_raw(gateway: Gateway, request: bytes, timeout_s: float = 10.0) -> bytes:
    """Send bytes, read until the server closes."""
    with socket.create_connection(("127.0.0.1", gateway.hook), timeout=timeout_s) as connection:
        connection.sendall(request)
        answer = b""
        while more := connection.recv(65536):
            answer += more
        return answer


def head(*lines: str) -> bytes:
    """A request head with the secret."""
    fixed = (f"POST {PATH} HTTP/1.1", "Host: x", f"X-Telegram-Bot-Api-Secret-Token: {SECRET}")
    return "\r\n".join((*fixed, *lines, "", "")).encode()


def test_an_update_becomes_an_event_with_key_headers_and_position(shared: Gateway) -> None:
    answer = shared.post(text_update(1001, 7001, "/start ref"), {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    assert (answer.status, answer.body) == (200, b"")
    partition, offset = (int(part) for part in answer.headers["telefact-position"].split(":"))
    [message] = [message for message in shared.records("events") if message.key() == f"{BOT_ID}:7001".encode()]
    assert (message.partition(), message.offset() + 1) == (partition, offset)
    event = event_pb2.Event.FromString(message.value())
    assert (event.bot_id, event.update_id, event.occurred_at_ms) == (BOT_ID, 1001, 1_760_000_000_000)
    assert (event.user_seen.user_id, event.user_seen.lang, event.user_seen.link) == (7001, "ru", "ref")
    headers = {name: value.decode() for name, value in message.headers()}
    assert headers["ce_id"] == event.event_id.hex()
    assert headers["ce_type"] == "telefact.event.v1.user_seen"
    assert headers["ce_source"] == f"/telegram/bot/{BOT_ID}"
    assert headers["ce_subject"] == "7001"
    assert headers["content-type"] == "application/protobuf"
    assert headers["traceparent"] == f"00-{'a' * 32}-{'b' * 16}-01"


def headers_of(messages: list[Message]) -> list[dict[str, str]]:
    return [{name: value.decode() for name, value in message.headers()} for message in messages]


def test_a_request_without_a_trace_begins_one(shared: Gateway) -> None:
    longest = "a=" + "x" * 510
    kept = f"00-{'a' * 32}-{'b' * 16}-00"
    for number, sent in enumerate(
        ({}, {"traceparent": f"00-{'0' * 32}-{'b' * 16}-01"}, {"traceparent": kept, "tracestate": longest},
         {"traceparent": kept, "tracestate": longest + "x"}), 1_100
    ):
        assert shared.post(text_update(number, 7110), sent).status == 200
    found = headers_of([each for each in shared.records("events") if each.key() == f"{BOT_ID}:7110".encode()])
    none, zero, state, long = found
    for begun in (none["traceparent"], zero["traceparent"]):
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", begun) and "0" * 16 not in begun
    assert none["traceparent"] != zero["traceparent"]
    assert (state["traceparent"], state["tracestate"]) == (kept, longest)
    assert long["traceparent"] == kept and "tracestate" not in long


def test_what_cannot_be_read_keeps_its_trace_in_the_raw_topic_and_the_log(shared: Gateway) -> None:
    trace_id = "c" * 32
    body = b"no json at all"
    shared.post(body, {"traceparent": f"00-{trace_id}-{'b' * 16}-01", "tracestate": "a=1"})
    (headers,) = headers_of([each for each in shared.records("raw") if raw_pb2.RawUpdate.FromString(each.value()).body == body])
    assert (headers["traceparent"], headers["tracestate"]) == (f"00-{trace_id}-{'b' * 16}-01", "a=1")
    lines = [line for line in shared.log().splitlines() if "where=update code=unparsable" in line]
    assert all("trace_id=" in line for line in lines)


def test_the_same_update_twice_is_the_same_event(shared: Gateway) -> None:
    for _ in range(2):
        assert shared.post(text_update(1002, 7002)).status == 200
    records = [message for message in shared.records("events") if message.key() == f"{BOT_ID}:7002".encode()]
    ids = {event_pb2.Event.FromString(message.value()).event_id for message in records}
    assert (len(records), len(ids)) == (2, 1)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"update_id": 31, "message"', raw_pb2.RAW_REASON_UNPARSABLE),
        (b"\xff\xfe not json", raw_pb2.RAW_REASON_UNPARSABLE),
        (b"", raw_pb2.RAW_REASON_UNPARSABLE),
        (b'{"update_id": 32, "brand_new_kind": {"id": 1}}', raw_pb2.RAW_REASON_NO_EVENT),
        (b'{"update_id": 33, "x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", raw_pb2.RAW_REASON_TOO_DEEP),
        (b'{"update_id": 34, "pad": "' + b"p" * (MIB - 28) + b'"}', raw_pb2.RAW_REASON_NO_EVENT),
    ],
    ids=["cut", "not_json", "empty", "unknown_kind", "too_deep", "one_mib"],
)
def test_what_makes_no_event_is_kept_raw_and_answered_200(
    shared: Gateway, body: bytes, reason: int
) -> None:
    assert len(body) <= MIB
    answer = shared.post(body)
    assert (answer.status, answer.body) == (200, b"")
    assert "telefact-position" not in answer.headers
    [raw] = raw_of(shared, body)
    assert (raw.bot_id, raw.reason) == (BOT_ID, reason)


@pytest.mark.parametrize(
    "secret",
    ["", "wrong", SECRET[:-1], SECRET + "x", SECRET.upper()],
    ids=["none", "wrong", "shorter", "longer", "upper case"],
)
def test_T08_a_stranger_is_refused_without_detail(shared: Gateway, secret: str) -> None:
    answer = shared.post(text_update(1, 7100), {"X-Telegram-Bot-Api-Secret-Token": secret})
    assert (answer.status, answer.body) == (401, b"")
    assert not [message for message in shared.records("events") if message.key() == f"{BOT_ID}:7100".encode()]


def test_both_secrets_are_valid_during_rotation(shared: Gateway) -> None:
    assert shared.post(text_update(1003, 7003), {"X-Telegram-Bot-Api-Secret-Token": SECRET_BEFORE}).status == 200
    assert shared.post(text_update(1004, 7003)).status == 200


def test_a_stranger_is_refused_before_the_body_is_sent(shared: Gateway) -> None:
    request = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n".encode()
    assert exchange_raw(shared, request).startswith(b"HTTP/1.1 401 ")


def test_only_post_on_the_path_is_taken(shared: Gateway) -> None:
    assert shared.post(text_update(1, 1), path="/other").status == 404
    connection = shared.connect()
    connection.request("GET", PATH, headers={"X-Telegram-Bot-Api-Secret-Token": SECRET})
    response = connection.getresponse()
    assert (response.status, response.getheader("Allow")) == (405, "POST")


def test_T10_a_declared_oversize_is_refused_without_reading(shared: Gateway) -> None:
    assert exchange_raw(shared, head("Content-Length: 2147483648")).startswith(b"HTTP/1.1 413 ")


def test_T10_an_endless_body_is_refused_at_the_limit(shared: Gateway) -> None:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with socket.create_connection(("127.0.0.1", shared.hook), timeout=10) as connection:
        connection.sendall(head("Transfer-Encoding: chunked"))
        with pytest.raises(OSError):
            for _ in range(2000):
                connection.sendall(chunk)


def test_a_chunked_body_is_an_update(shared: Gateway) -> None:
    body = json.dumps(text_update(1005, 7005)).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    answer = exchange_raw(shared, head("Transfer-Encoding: chunked", "Connection: close") + chunks)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"telefact-position: " in answer


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 4", "Content-Length: 4"),
        ("Content-Length: 4", "Content-Length: 5"),
        ("Content-Length: 4", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 4"),
        ("Content-Length: +4",),
        ("Content-Length : 4",),
        ("Transfer-Encoding: xchunked",),
    ],
    ids=["twice", "twice_other", "length_and_coding", "coding_and_length", "sign", "blank", "unknown_coding"],
)
def test_T18_doubtful_framing_is_400_and_close(shared: Gateway, lines: tuple[str, ...]) -> None:
    answer = exchange_raw(shared, head(*lines) + b"null" + head("Content-Length: 2") + b"{}")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


_SMUGGLED = b'{"update_id":7999,"message":{"message_id":1,"date":1,"chat":{"id":7999,"type":"private"},"text":"x"}}'


@pytest.mark.parametrize(
    "request_bytes",
    [
        head("Transfer-Encoding: chunked") + b"zz\r\n\r\n",
        head("Transfer-Encoding: chunked") + b"2\r\n{}X\r\n0\r\n\r\n",
        head("Transfer-Encoding: chunked") + b"-2\r\n{}\r\n0\r\n\r\n",
        head("Transfer-Encoding: chunked") + b"0x2\r\n{}\r\n0\r\n\r\n",
        head("Transfer-Encoding: chunked") + b"FFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n",
        head("Transfer-Encoding: chunked, identity"),
        head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        head("Content-Length: 99999999999999999999"),
        head("Content-Length: 2, 2") + b"{}",
        head("Content-Length: 2\n") + b"{}",
        head("X: a\r\n folded", "Content-Length: 2") + b"{}",
        head("X: a\x00b", "Content-Length: 2") + b"{}",
        head("Content-Length: 2").replace(b"HTTP/1.1", b"HTTP/1.1 x") + b"{}",
        head("Content-Length: 2").replace(b"HTTP/1.1", b"HTTP/2.0") + b"{}",
        head("Content-Length: 2").replace(b"POST ", b"POST\t") + b"{}",
        head("Content-Length: 2").replace(b"Host: x\r\n", b"Host : x\r\n") + b"{}",
        head("Content-Length: 2").replace(b"POST " + PATH.encode(), b"POST http://x" + PATH.encode()) + b"{}",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=lambda request: request.partition(SECRET.encode())[2][:40].strip().decode("latin-1") or request[:8].hex(),
)
def test_T18_requests_that_could_be_read_in_two_ways_are_refused(shared: Gateway, request_bytes: bytes) -> None:
    behind = head(f"Content-Length: {len(_SMUGGLED)}") + _SMUGGLED
    answer = exchange_raw(shared, request_bytes + behind)
    status = int(answer.split()[1]) if answer else 0
    assert status in (0, 400, 404, 413, 414, 431, 501, 505), answer[:100]
    assert answer.count(b"HTTP/1.1") <= 1, "closed after it"
    assert not [message for message in shared.records("events") if message.key() == f"{BOT_ID}:7999".encode()]


def test_T18_http_1_0_and_pipelining_are_one_answer_each(shared: Gateway) -> None:
    body = json.dumps(text_update(1800, 7180)).encode()
    old = head(f"Content-Length: {len(body)}").replace(b"HTTP/1.1", b"HTTP/1.0") + body
    answer = exchange_raw(shared, old)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer[9:12] in (b"200", b"400")
    updates = [json.dumps(text_update(1801 + number, 7181)).encode() for number in range(5)]
    lines = [("Connection: close",) if update is updates[-1] else () for update in updates]
    answers = exchange_raw(
        shared,
        b"".join(
            head(f"Content-Length: {len(update)}", *more) + update for update, more in zip(updates, lines, strict=True)
        ),
    )
    assert answers.count(b"HTTP/1.1 200 ") in (1, 5), answers
    found = [message for message in shared.records("events") if message.key() == f"{BOT_ID}:7181".encode()]
    ids = {event_pb2.Event.FromString(message.value()).update_id for message in found}
    assert len(ids) == answers.count(b"HTTP/1.1 200 "), "as many as were answered"


def test_T09_a_slow_request_is_closed_at_the_deadline(shared: Gateway) -> None:
    """A byte now and then does not help: the deadline is that of the whole request."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", shared.hook), timeout=0.1) as connection:
        connection.sendall(head("Content-Length: 1000"))
        answer: bytes | None = None
        while answer is None and time.monotonic() - began < 8:
            try:
                connection.sendall(b"x")
                answer = connection.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                answer = b""
    assert answer is not None and b" 200 " not in answer
    assert 1.0 < time.monotonic() - began < 4.0


def test_updates_of_a_chat_at_the_same_time_are_all_done(shared: Gateway) -> None:
    updates = [text_update(2000 + number, 7200 + number % 3) for number in range(60)]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(shared.post, updates))
    assert {answer.status for answer in answers} == {200}
    ids = {event_pb2.Event.FromString(message.value()).update_id for message in shared.records("events")}
    assert ids >= {update["update_id"] for update in updates}


def test_keep_alive_connections_take_one_update_after_the_other(shared: Gateway) -> None:
    connection = shared.connect()
    answers = [shared.post(text_update(3000 + number, 7300), connection=connection) for number in range(20)]
    assert {answer.status for answer in answers} == {200}
    offsets = [int(answer.headers["telefact-position"].split(":")[1]) for answer in answers]
    assert offsets == sorted(offsets)


def test_metrics_tell_kinds_codes_and_reasons(shared: Gateway) -> None:
    before = shared.metrics()
    shared.post(text_update(4000, 7400))
    shared.post(b"no json")
    shared.post(b"{}", {"X-Telegram-Bot-Api-Secret-Token": "x"})
    after = shared.metrics()
    for sample in (
        'updates_received_total{source="webhook",type="message"}',
        'raw_updates_total{reason="unparsable"}',
        'webhook_requests_total{code="401"}',
    ):
        assert after[sample] == before[sample] + 1, sample
    assert after["webhook_duration_seconds_count"] == before["webhook_duration_seconds_count"] + 2
    assert after["kafka_delivery_seconds_count"] == before["kafka_delivery_seconds_count"] + 2


def test_every_refusal_is_told_with_its_code(
    servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str
) -> None:
    refusals = {
        "malformed_request": (400, head("Content-Length: +4")),
        "wrong_secret": (401, b"POST /telegram HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
        "unknown_path": (404, b"POST /other HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
        "wrong_method": (405, b"GET /telegram HTTP/1.1\r\nHost: x\r\n\r\n"),
        "late_request": (408, head("Content-Length: 4")),
        "large_body": (413, head("Content-Length: 999999999")),
        "large_head": (431, b"POST /telegram HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 10_000),
    }
    with Gateway(servers, binaries, work_dir, topic_prefix, {"GATEWAY_REQUEST_DEADLINE_MS": "500"}) as gateway:
        for code, (status, request) in refusals.items():
            for _ in range(2):
                assert exchange_raw(gateway, request).startswith(b"HTTP/1.1 %d " % status), code
            assert gateway.log().count(f"code={code} status={status} ") == 1, gateway.log()
            assert gateway.metrics()[f'webhook_requests_total{{code="{status}"}}'] == 2


def test_T07_too_much_in_flight_is_503_at_once(
    servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str
) -> None:
    settings = {"GATEWAY_MAX_IN_FLIGHT": "2", "GATEWAY_KAFKA_LINGER_MS": "900"}
    with Gateway(servers, binaries, work_dir, topic_prefix, settings) as gateway:
        with ThreadPoolExecutor(2) as pool:
            slow = [pool.submit(gateway.post, text_update(number, number)) for number in (1, 2)]
            until(lambda: gateway.metrics()["in_flight_updates"] == 2, 5, "two updates in flight")
            began = time.monotonic()
            answer = gateway.post(text_update(3, 3))
            assert answer.status == 503
            assert "code=in_flight_full" in gateway.log()
            assert 1 <= int(answer.headers["retry-after"]) <= 5
            assert time.monotonic() - began < 0.3
            assert [future.result().status for future in slow] == [200, 200]
        assert gateway.post(text_update(3, 3)).status == 200


def test_connections_beyond_the_cap_wait(
    servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str
) -> None:
    with Gateway(servers, binaries, work_dir, topic_prefix, {"GATEWAY_MAX_CONNECTIONS": "2"}) as gateway:
        busy = [socket.create_connection(("127.0.0.1", gateway.hook)) for _ in range(2)]
        for connection in busy:
            connection.sendall(head("Content-Length: 9"))
        until(lambda: gateway.metrics()["webhook_connections"] == 2, 5, "two connections")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(gateway.post, text_update(1, 1))
            with pytest.raises(TimeoutError):
                waiting.result(0.5)
            busy[0].close()
            assert waiting.result(5).status == 200
        busy[1].close()
