"""PublishService with grpcio: what is refused and how it is named, ids, order, positions, tokens."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deploy.local.servers import Servers
from tests.support.gateway import BOT_ID, Gateway, until
from tests.support.protos import event_pb2, publish_grpc, publish_pb2

LONG = 2_100


@pytest.fixture(scope="module")
def shared(servers: Servers, binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(servers, binaries, tmp_path_factory.mktemp("publish"), "t.gateway_publish") as gateway:
        yield gateway


@pytest.fixture
def stub(shared: Gateway) -> publish_grpc.PublishServiceStub:
    return shared.publisher()


def event(key: str = "", **fields: Any) -> publish_pb2.EventToPublish:
    return publish_pb2.EventToPublish(idempotency_key=key, event=event_pb2.Event(**fields))


def video(user_id: int, link: str = "https://example.org/v/1", key: str = "", **more: Any) -> publish_pb2.EventToPublish:
    return event(key, video_downloaded=event_pb2.VideoDownloaded(user_id=user_id, video_link=link, **more))


def publish(stub: publish_grpc.PublishServiceStub, *events: publish_pb2.EventToPublish, **more: Any) -> Any:
    return stub.Publish(publish_pb2.PublishRequest(events=events), timeout=10, **more)


def all_durable(stub: publish_grpc.PublishServiceStub, *events: publish_pb2.EventToPublish) -> bool:
    try:
        return not any(result.HasField("error") for result in publish(stub, *events).results)
    except grpc.RpcError as error:
        assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
        return False


def refusal(call: Callable[[], object]) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


def stored(gateway: Gateway, subject: int) -> list[event_pb2.Event]:
    key = f"{BOT_ID}:{subject}".encode()
    return [event_pb2.Event.FromString(m.value()) for m in gateway.records("events") if m.key() == key]


def id_of_key(kind: str, subject: int, key: str) -> bytes:
    """Event id of a published event, as the contract words it."""
    text = "\n".join(["telefact", str(BOT_ID), "publish", kind, str(subject), key])
    digest = hashlib.sha256(text.encode()).digest()
    lead = digest[:8]
    try:
        parsed = uuid.UUID(key)
        if parsed.version == 7 and str(parsed) == key:
            lead = parsed.bytes[:8]
    except ValueError:
        pass
    return lead + digest[8:16]


def test_an_event_is_durable_with_its_id_and_position(shared: Gateway, stub: Any) -> None:
    answer = publish(stub, video(9001, key="k-1", platform=1, platform_video_id=77))
    [result] = answer.results
    assert not result.HasField("error")
    assert result.deduplicated
    assert result.event_id == id_of_key("video_downloaded", 9001, "k-1")
    assert answer.position == f"{result.partition}:{result.offset + 1}"
    [found] = stored(shared, 9001)
    assert found.event_id == result.event_id
    assert (found.bot_id, found.video_downloaded.platform_video_id) == (BOT_ID, 77)
    assert found.producer.startswith("telefact-gateway/")
    assert found.received_at_ms > 1_700_000_000_000


def test_a_retry_is_the_same_event_and_another_kind_or_subject_is_not(stub: Any) -> None:
    ids = [
        publish(stub, given).results[0].event_id
        for given in (
            video(9002, key="same"),
            video(9002, link="https://example.org/other", key="same"),
            video(9003, key="same"),
            event("same", ad_counted=event_pb2.AdCounted(user_id=9002)),
        )
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_a_uuid7_key_leads_the_id(stub: Any) -> None:
    key = "01890a5d-ac96-774b-bcce-b302099a8057"
    [result] = publish(stub, video(9004, key=key)).results
    assert result.event_id == id_of_key("video_downloaded", 9004, key)
    assert result.event_id[:8] == uuid.UUID(key).bytes[:8]


def test_without_a_key_the_id_is_a_new_uuid7(stub: Any) -> None:
    results = publish(stub, video(9005), video(9005)).results
    assert [result.deduplicated for result in results] == [False, False]
    assert [uuid.UUID(bytes=result.event_id).version for result in results] == [7, 7]
    assert results[0].event_id != results[1].event_id


def test_events_of_a_subject_stand_in_the_order_of_the_request(shared: Gateway, stub: Any) -> None:
    given = [video(9010 + number % 3, link=f"https://example.org/{number}") for number in range(60)]
    answer = publish(stub, *given)
    for subject in (9010, 9011, 9012):
        found = [one.video_downloaded.video_link for one in stored(shared, subject)]
        assert found == [one.event.video_downloaded.video_link for one in given
                         if one.event.video_downloaded.user_id == subject]
        offsets = [result.offset for one, result in zip(given, answer.results, strict=True)
                   if one.event.video_downloaded.user_id == subject]
        assert offsets == sorted(offsets)
    entries = dict(entry.split(":") for entry in answer.position.split(","))
    for result in answer.results:
        assert int(entries[str(result.partition)]) > result.offset


def test_an_ad_gets_the_gateways_rules_when_it_has_none(shared: Gateway, stub: Any) -> None:
    publish(
        stub,
        event(ad_shown=event_pb2.AdShown(user_id=9020)),
        event(ad_shown=event_pb2.AdShown(user_id=9020, cooldown_s=0, count_after=0)),
    )
    ads = [one.ad_shown for one in stored(shared, 9020)]
    assert [(ad.cooldown_s, ad.count_after) for ad in ads] == [(86_400, 1), (0, 0)]


def test_a_long_link_is_cut_at_a_character(shared: Gateway, stub: Any) -> None:
    publish(stub, video(9021, link="ж" * LONG))
    [found] = stored(shared, 9021)
    assert found.video_downloaded.video_link == "ж" * 1024
    assert found.video_downloaded.link_truncated


SEEN = {"chat_type": 1, "source": 2, "lang": "en"}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (lambda: video(0), "video_downloaded.user_id"),
        (lambda: video(5, link=""), "video_downloaded.video_link"),
        (lambda: video(5, platform=99), "video_downloaded.platform"),
        (lambda: video(5, key="x" * 129), "idempotency_key"),
        (lambda: video(5, key="a\nb"), "idempotency_key"),
        (lambda: video(5, key="a\x85b"), "idempotency_key"),
        (lambda: event(), "payload"),
        (lambda: publish_pb2.EventToPublish(idempotency_key="k"), "event"),
        (lambda: event(event_id=b"x" * 16, ad_counted=event_pb2.AdCounted(user_id=5)), "event_id"),
        (lambda: event(bot_id=BOT_ID + 1, ad_counted=event_pb2.AdCounted(user_id=5)), "bot_id"),
        (lambda: event(received_at_ms=1, ad_counted=event_pb2.AdCounted(user_id=5)), "received_at_ms"),
        (lambda: event(producer="me", ad_counted=event_pb2.AdCounted(user_id=5)), "producer"),
        (lambda: event(ordinal=1, ad_counted=event_pb2.AdCounted(user_id=5)), "ordinal"),
        (lambda: event(occurred_at_ms=-1, ad_counted=event_pb2.AdCounted(user_id=5)), "occurred_at_ms"),
        (lambda: event(update_id=-1, ad_counted=event_pb2.AdCounted(user_id=5)), "update_id"),
        (lambda: event(user_erased=event_pb2.UserErased(user_id=5)), "user_erased"),
        (
            lambda: event(user_settings_patched=event_pb2.UserSettingsPatched(user_id=5, merge_patch=b"[1]")),
            "user_settings_patched.merge_patch: not a JSON object",
        ),
        (lambda: event(user_seen=event_pb2.UserSeen(user_id=5, **{**SEEN, "lang": "xx"})), "user_seen.lang"),
        (lambda: event(user_seen=event_pb2.UserSeen(user_id=5, **{**SEEN, "source": 9})), "user_seen.source"),
        (lambda: event(user_lang_changed=event_pb2.UserLangChanged(user_id=5, lang="EN")), "user_lang_changed.lang"),
        (lambda: event(ad_shown=event_pb2.AdShown(user_id=5, cooldown_s=-1)), "ad_shown.cooldown_s"),
        (lambda: event(ad_shown=event_pb2.AdShown(user_id=5, count_after=-1)), "ad_shown.count_after"),
    ],
)
def test_a_wrong_event_is_named_and_nothing_is_published(
    shared: Gateway, stub: Any, wrong: Callable[[], Any], field: str
) -> None:
    before = shared.metrics()["kafka_delivery_seconds_count"]
    error = refusal(lambda: publish(stub, video(9030), wrong()))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.details().startswith(f"events[1].{field}"), error.details()
    assert shared.metrics()["kafka_delivery_seconds_count"] == before


@pytest.mark.parametrize("count", [0, 1001])
def test_the_size_of_a_batch_is_bounded(stub: Any, count: int) -> None:
    error = refusal(lambda: publish(stub, *[event(ad_counted=event_pb2.AdCounted(user_id=1))] * count))
    assert (error.code(), error.details()) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "events: must hold 1 to 1000 events",
    )


def test_a_thousand_events_are_taken(stub: Any) -> None:
    answer = publish(stub, *[event(ad_counted=event_pb2.AdCounted(user_id=9100 + n % 500)) for n in range(1000)])
    assert sum(not result.HasField("error") for result in answer.results) == 1000


def test_events_carry_the_trace_of_the_call(shared: Gateway, stub: Any) -> None:
    trace_id = "d" * 32
    traced = (("traceparent", f"00-{trace_id}-{'b' * 16}-01"), ("tracestate", "a=1"))
    publish(stub, video(9050), video(9050), metadata=traced)
    publish(stub, video(9051))
    headers = {
        subject: [dict(message.headers()) for message in shared.records("events") if message.key() == f"{BOT_ID}:{subject}".encode()]
        for subject in (9050, 9051)
    }
    assert [(each["traceparent"].decode(), each["tracestate"]) for each in headers[9050]] == [(traced[0][1], b"a=1")] * 2
    (begun,) = (each["traceparent"].decode() for each in headers[9051])
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", begun)


def test_metrics_tell_codes_and_methods(shared: Gateway, stub: Any) -> None:
    samples = (
        'rpc_requests_total{method="Publish",code="OK"}',
        'rpc_requests_total{method="Publish",code="INVALID_ARGUMENT"}',
        'rpc_duration_seconds_count{method="Publish"}',
    )
    before = shared.metrics()
    publish(stub, video(9040))
    refusal(lambda: publish(stub, video(0)))
    after = shared.metrics()
    assert [after[sample] - before[sample] for sample in samples] == [1, 1, 2]


def test_too_much_in_flight_is_resource_exhausted(
    servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str
) -> None:
    settings = {"GATEWAY_MAX_IN_FLIGHT": "5", "GATEWAY_KAFKA_LINGER_MS": "900"}
    with Gateway(servers, binaries, work_dir, topic_prefix, settings) as gateway:
        events = [event(ad_counted=event_pb2.AdCounted(user_id=number)) for number in range(1, 7)]
        traced = (("traceparent", f"00-{'e' * 32}-{'b' * 16}-01"),)
        error = refusal(lambda: publish(gateway.publisher(), *events, metadata=traced))
        assert (error.code(), error.details()) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "events: must hold 1 to 5 events",
        )
        told = f'code=invalid_argument error="events: must hold 1 to 5 events" trace_id={"e" * 32}'
        assert told in gateway.log()
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(publish, gateway.publisher(), *events[:5])
            until(lambda: gateway.metrics()["in_flight_updates"] == 5, 5, "five events in flight")
            error = refusal(lambda: publish(gateway.publisher(), events[5]))
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "code=in_flight_full" in gateway.log()
            assert len(slow.result().results) == 5
        assert publish(gateway.publisher(), events[5]).position


def test_tokens_are_asked_for(servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str) -> None:
    tokens = work_dir / "tokens"
    tokens.write_text("# who may publish\nfirst-token-0123456789\nsecond-token-0123456789\n")
    with Gateway(servers, binaries, work_dir, topic_prefix, {"GATEWAY_RPC_TOKENS_FILE": str(tokens)}) as gateway:
        stub = gateway.publisher()
        given = event(ad_counted=event_pb2.AdCounted(user_id=1))
        for metadata in ((), (("authorization", "Bearer wrong-token-0123456789"),), (("authorization", "first"),)):
            error = refusal(lambda metadata=metadata: publish(stub, given, metadata=metadata))
            assert error.code() == grpc.StatusCode.UNAUTHENTICATED
        assert gateway.log().count("code=unauthenticated") == 1
        for token in ("first-token-0123456789", "second-token-0123456789"):
            assert publish(stub, given, metadata=(("authorization", f"Bearer {token}"),)).position
        channel = grpc.insecure_channel(f"127.0.0.1:{gateway.rpc}")
        health = health_pb2_grpc.HealthStub(channel)
        until(
            lambda: health.Check(health_pb2.HealthCheckRequest(), timeout=5).status
            == health_pb2.HealthCheckResponse.SERVING,
            5,
            "health",
        )


def test_beyond_loopback_tokens_are_needed(
    servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str
) -> None:
    gateway = Gateway(servers, binaries, work_dir, topic_prefix)
    gateway.environment["GATEWAY_RPC_LISTEN"] = f"0.0.0.0:{gateway.rpc}"
    for arguments in ((), ("--check-config",)):
        refused = gateway.command(*arguments)
        assert refused.returncode == 78
        assert "GATEWAY_RPC_TOKENS_FILE" in refused.stderr
    gateway.environment["GATEWAY_RPC_ALLOW_PUBLIC"] = "true"
    assert gateway.command("--check-config").returncode == 0


@pytest.mark.slow
def test_an_outage_is_unavailable_and_a_retry_makes_it_durable(
    own_servers: Servers, binaries: Path, work_dir: Path, topic_prefix: str
) -> None:
    settings = {"GATEWAY_DELIVERY_TIMEOUT_MS": "1500"}
    with Gateway(own_servers, binaries, work_dir, topic_prefix, settings) as gateway:
        stub = gateway.publisher()
        assert publish(stub, video(1, key="a")).position
        own_servers.stop_kafka()
        error = refusal(lambda: publish(stub, video(1, key="b"), video(1, key="c"), video(2, key="d")))
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        error = refusal(lambda: stub.Publish(publish_pb2.PublishRequest(events=[video(1, key="b")]), timeout=0.5))
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        own_servers.start_kafka()
        # A broker that has just started may take longer than the delivery timeout for its first records.
        again = [video(1, key="b"), video(1, key="c"), video(2, key="d")]
        until(lambda: all_durable(stub, *again), 30, "all durable")
        ids = {one.event_id for one in stored(gateway, 1)}
        assert ids == {id_of_key("video_downloaded", 1, key) for key in "abc"}
        gateway.terminate()
        assert gateway.wait() == 0
