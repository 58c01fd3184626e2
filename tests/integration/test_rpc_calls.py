"""libs/rpc with grpcio: what a call brings and gets."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from tests.support.rpc_echo_server import SERVICE, EchoServer, EchoServiceStub, pb, until

MIB = 1 << 20


@pytest.fixture(scope="module")
def server() -> Iterator[EchoServer]:
    with EchoServer() as server:
        yield server


@pytest.fixture
def stub(server: EchoServer) -> EchoServiceStub:
    return server.stub()


def failure(call: object) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call()  # type: ignore[operator]
    return caught.value


def test_a_unary_call_is_answered(stub: EchoServiceStub) -> None:
    request = pb.EchoRequest(text="grüße \U0001f680", raw=bytes(range(256)))
    request.parts.add(name="a", number=-1)
    request.parts.add(name="b", text="x")
    answer = stub.Echo(request)
    assert (answer.text, answer.raw, answer.part_count) == (request.text, request.raw, 2)


def test_an_empty_message_is_a_message(stub: EchoServiceStub) -> None:
    assert stub.Echo(pb.EchoRequest()).text == ""


def test_messages_up_to_the_limit_pass(stub: EchoServiceStub) -> None:
    overhead = len(pb.EchoRequest(raw=bytes(MIB - 100)).SerializeToString()) - (MIB - 100)
    request = pb.EchoRequest(raw=bytes(MIB - overhead))
    assert request.ByteSize() == MIB
    assert len(stub.Echo(request).raw) == MIB - overhead


def test_metadata_goes_both_ways(stub: EchoServiceStub) -> None:
    sent = [("echo-text", "3:1043,5:78"), ("echo-bin", b"\x00\xff\x01")]
    answer, call = stub.Echo.with_call(pb.EchoRequest(), metadata=sent)
    got = {key: value for key, value in call.initial_metadata()}
    assert got["echo-text"] == "3:1043,5:78"
    assert got["echo-bin"] == b"\x00\xff\x01"


@pytest.mark.parametrize("message", ["100% sure", "nö – \U0001f4a5", "line\r\nbreak\ttab", "", "%41 %zz"])
def test_a_status_and_its_message_arrive(stub: EchoServiceStub, message: str) -> None:
    for status in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION):
        error = failure(lambda: list(stub.Fail(pb.FailRequest(status=status.value[0], message=message))))
        assert (error.code(), error.details()) == (status, message)


def test_a_long_status_message_is_cut_between_characters(stub: EchoServiceStub) -> None:
    error = failure(lambda: list(stub.Fail(pb.FailRequest(status=13, message="ä" * 3000))))
    assert error.details() == "ä" * 512


def test_a_stream_may_fail_after_messages(stub: EchoServiceStub) -> None:
    stream = stub.Fail(pb.FailRequest(status=10, message="half", messages=3))
    got = []
    error = failure(lambda: got.extend(stream) or [got.append(one) for one in stream])
    assert error.code() == grpc.StatusCode.ABORTED
    assert error.details() == "half"


def test_a_stream_keeps_its_order(stub: EchoServiceStub) -> None:
    numbers = [answer.number for answer in stub.Count(pb.CountRequest(count=100_000, padding=8), timeout=29)]
    assert numbers == list(range(100_000))


def test_an_empty_stream_ends_well(stub: EchoServiceStub) -> None:
    assert list(stub.Count(pb.CountRequest(count=0))) == []


def test_a_slow_reader_slows_the_stream_and_fills_no_memory(server: EchoServer) -> None:
    stub = server.stub()
    stub.Echo(pb.EchoRequest())
    before = server.rss_bytes()
    stream = stub.Count(pb.CountRequest(count=100_000, padding=1000), timeout=29)
    read = 0
    peak = 0
    for answer in stream:
        assert answer.number == read
        read += 1
        if read in (1, 100, 10_000):
            time.sleep(0.5)
            peak = max(peak, server.rss_bytes() - before)
    assert read == 100_000
    assert peak < 8 * MIB * server.rss_factor()


def test_a_deadline_passes_at_the_server(stub: EchoServiceStub) -> None:
    cancelled = stub.Stats(pb.StatsRequest()).cancelled
    began = time.monotonic()
    error = failure(lambda: stub.Sleep(pb.SleepRequest(ms=20_000), timeout=0.3))
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert 0.2 < time.monotonic() - began < 2
    until(lambda: stub.Stats(pb.StatsRequest()).cancelled == cancelled + 1)


def test_the_deadline_reaches_the_handler(stub: EchoServiceStub) -> None:
    assert 6_000 < stub.Echo(pb.EchoRequest(), timeout=7).deadline_in_ms <= 7_100  # grpc rounds it up
    assert 4_000 < stub.Echo(pb.EchoRequest()).deadline_in_ms <= 5_000
    assert 29_000 < stub.Echo(pb.EchoRequest(), timeout=3600).deadline_in_ms <= 30_000


def test_without_a_deadline_the_server_has_one() -> None:
    with EchoServer(default_deadline_ms=300) as server:
        error = failure(lambda: server.stub().Sleep(pb.SleepRequest(ms=20_000)))
        assert (error.code(), error.details()) == (grpc.StatusCode.DEADLINE_EXCEEDED, "deadline exceeded")


def test_a_deadline_in_the_middle_of_a_stream_is_told_after_whole_messages() -> None:
    with EchoServer(max_deadline_ms=700) as server:
        stream = server.stub().Count(pb.CountRequest(count=10_000_000, padding=2000))
        read = 0
        with pytest.raises(grpc.RpcError) as caught:
            for answer in stream:
                assert answer.number == read
                read += 1
        assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert read > 0


def test_a_cancelled_call_is_cancelled_at_the_server(stub: EchoServiceStub) -> None:
    before = stub.Stats(pb.StatsRequest())
    call = stub.Sleep.future(pb.SleepRequest(ms=20_000))
    until(lambda: stub.Stats(pb.StatsRequest()).calls == before.calls + 1)
    call.cancel()
    until(lambda: stub.Stats(pb.StatsRequest()).calls == before.calls)
    assert stub.Stats(pb.StatsRequest()).cancelled == before.cancelled + 1


def test_a_cancelled_stream_stops(stub: EchoServiceStub) -> None:
    before = stub.Stats(pb.StatsRequest()).cancelled
    stream = stub.Count(pb.CountRequest(count=10_000_000, padding=1000))
    next(stream)
    stream.cancel()
    until(lambda: stub.Stats(pb.StatsRequest()).cancelled == before + 1)


def test_a_handler_may_end_long_after_its_client_has_gone(server: EchoServer) -> None:
    stub = server.stub()
    with grpc.insecure_channel(server.address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        call = EchoServiceStub(channel).Sleep.future(pb.SleepRequest(ms=20_000, late_ms=300))
        until(lambda: stub.Stats(pb.StatsRequest()).calls == 2)
        call.cancel()
    assert stub.Stats(pb.StatsRequest()).calls == 2
    until(lambda: stub.Stats(pb.StatsRequest()).calls == 1)


def test_unknown_methods_and_services_are_unimplemented(server: EchoServer, stub: EchoServiceStub) -> None:
    channel = server.channel()
    for path in (f"/{SERVICE}/Nothing", "/nowhere.Nothing/Echo", "/", f"/{SERVICE}/EchoMore"):
        error = failure(lambda: channel.unary_unary(path)(b"", timeout=5))
        assert (error.code(), error.details()) == (grpc.StatusCode.UNIMPLEMENTED, f"unknown method: {path}")
    error = failure(lambda: stub.Unbuilt(pb.UnbuiltRequest()))
    assert (error.code(), error.details()) == (grpc.StatusCode.UNIMPLEMENTED, f"not built: /{SERVICE}/Unbuilt")


@pytest.mark.parametrize("count", [0, 2])
def test_a_unary_method_takes_exactly_one_message(server: EchoServer, count: int) -> None:
    call = server.channel().stream_unary(f"/{SERVICE}/Echo")
    error = failure(lambda: call(iter([b""] * count), timeout=5))
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED
    assert "exactly one" in error.details()


def test_a_compressed_request_is_refused(server: EchoServer) -> None:
    stub = EchoServiceStub(server.channel())
    error = failure(lambda: stub.Echo(pb.EchoRequest(text="x" * 2000), compression=grpc.Compression.Gzip))
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED
    assert error.details() == "grpc-encoding gzip is not supported"


def test_bytes_that_are_no_request_are_refused(server: EchoServer) -> None:
    call = server.channel().unary_unary(f"/{SERVICE}/Echo")
    cases = {
        b"\xff": "request is not a telefact.test.v1.EchoRequest",
        b"\x08\x01": "request is not a telefact.test.v1.EchoRequest",
        b"\x0a\x05ab": "request is not a telefact.test.v1.EchoRequest",
        b"\x0a\x03a\x00b": "text: must be UTF-8 without NUL",
        b"\x0a\x02\xc3\x28": "text: must be UTF-8 without NUL",
        b"\x1a\x04\x1a\x02\xed\xa0": "parts[0].text: must be UTF-8 without NUL",
        b"\x1a\x00" * 500_000: "request has too many parts",
    }
    for payload, text in cases.items():
        error = failure(lambda: call(payload, timeout=5))
        assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, text)


def test_unknown_fields_are_ignored(server: EchoServer) -> None:
    call = server.channel().unary_unary(f"/{SERVICE}/Echo", response_deserializer=pb.EchoResponse.FromString)
    assert call(b"\x0a\x01x\xa2\x06\x03abc\x98\x06\x05", timeout=5).text == "x"


def test_hundred_streams_share_a_connection(server: EchoServer) -> None:
    stub = server.stub()
    barrier = threading.Barrier(100)

    def run(number: int) -> int:
        barrier.wait()
        return sum(1 for _ in stub.Count(pb.CountRequest(count=200 + number, padding=500), timeout=29))

    with ThreadPoolExecutor(100) as pool:
        assert list(pool.map(run, range(100))) == [200 + number for number in range(100)]


def test_more_calls_than_streams_wait_their_turn(server: EchoServer) -> None:
    stub = server.stub()
    calls = [stub.Sleep.future(pb.SleepRequest(ms=200), timeout=20) for _ in range(250)]
    assert all(call.result().slept for call in calls)


def test_every_ended_call_is_counted_once(server: EchoServer) -> None:
    stub = server.stub()
    before = stub.Stats(pb.StatsRequest())
    for _ in range(10):
        stub.Echo(pb.EchoRequest())
    failure(lambda: stub.Sleep(pb.SleepRequest(ms=20_000, late_ms=200), timeout=0.1))
    time.sleep(0.5)
    failure(lambda: stub.Unbuilt(pb.UnbuiltRequest()))
    after = stub.Stats(pb.StatsRequest())
    assert after.ended - before.ended == 1 + 10 + 1 + 1  # the first Stats had not ended when it answered
    assert 100_000 < after.duration_us - before.duration_us < 1_000_000
    assert after.last_method == f"{SERVICE}/Unbuilt"
    assert after.last_status == grpc.StatusCode.UNIMPLEMENTED.value[0]
