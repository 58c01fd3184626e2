"""What PublishService refuses of its requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from tests.integration.refusals.rows_webhook import EVENTS_MAX, GatewayBench
from tests.integration.refusals.table import Row
from tests.support.gateway import BOT_ID
from tests.support.protos import event_pb2, publish_pb2

SEEN = {"chat_type": 1, "source": 2, "lang": "en"}
Given = publish_pb2.EventToPublish


def event(key: str = "", **fields: Any) -> Given:
    return Given(idempotency_key=key, event=event_pb2.Event(**fields))


def counted(user_id: int = 5, **more: Any) -> Given:
    return event(ad_counted=event_pb2.AdCounted(user_id=user_id), **more)


def video(user_id: int, link: str = "https://example.org/v/1", key: str = "", **more: Any) -> Given:
    return event(key, video_downloaded=event_pb2.VideoDownloaded(user_id=user_id, video_link=link, **more))


def publish(bench: GatewayBench, *events: Given) -> str:
    """One request; how it was answered."""
    channel = grpc.insecure_channel(f"127.0.0.1:{bench.gateway.rpc}")
    try:
        call = channel.unary_unary(
            "/telefact.gateway.v1.PublishService/Publish",
            request_serializer=publish_pb2.PublishRequest.SerializeToString,
            response_deserializer=publish_pb2.PublishResponse.FromString,
        )
        metadata = (("authorization", f"Bearer {bench.token}"),)
        call(publish_pb2.PublishRequest(events=events), timeout=20, metadata=metadata)
    except grpc.RpcError as error:
        return f"{error.code().name} {error.details()}"
    finally:
        channel.close()
    return "OK"


_WRONG: list[tuple[str, Callable[[], Given], str]] = [
    ("no user", lambda: video(0), "video_downloaded.user_id"),
    ("no link", lambda: video(5, link=""), "video_downloaded.video_link"),
    ("unknown platform", lambda: video(5, platform=99), "video_downloaded.platform"),
    ("a long key", lambda: video(5, key="x" * 129), "idempotency_key"),
    ("a key of two lines", lambda: video(5, key="a\nb"), "idempotency_key"),
    ("a key with U+0085", lambda: video(5, key="a\x85b"), "idempotency_key"),
    ("no payload", lambda: event(), "payload"),
    ("no event", lambda: Given(idempotency_key="k"), "event"),
    ("an event id", lambda: event(event_id=b"x" * 16, ad_counted=event_pb2.AdCounted(user_id=5)), "event_id"),
    ("another bot", lambda: event(bot_id=BOT_ID + 1, ad_counted=event_pb2.AdCounted(user_id=5)), "bot_id"),
    ("a receipt", lambda: event(received_at_ms=1, ad_counted=event_pb2.AdCounted(user_id=5)), "received_at_ms"),
    ("a producer", lambda: event(producer="me", ad_counted=event_pb2.AdCounted(user_id=5)), "producer"),
    ("an ordinal", lambda: event(ordinal=1, ad_counted=event_pb2.AdCounted(user_id=5)), "ordinal"),
    ("a time before 1970", lambda: event(occurred_at_ms=-1, ad_counted=event_pb2.AdCounted(user_id=5)), "occurred_at_ms"),
    ("a negative update", lambda: event(update_id=-1, ad_counted=event_pb2.AdCounted(user_id=5)), "update_id"),
    ("an erasure", lambda: event(user_erased=event_pb2.UserErased(user_id=5)), "user_erased"),
    ("settings", lambda: event(user_settings_patched=event_pb2.UserSettingsPatched(user_id=5, merge_patch=b"[]")),
     "user_settings_patched.merge_patch"),
    ("an unknown language", lambda: event(user_seen=event_pb2.UserSeen(user_id=5, **{**SEEN, "lang": "xx"})),
     "user_seen.lang"),
    ("an unknown source", lambda: event(user_seen=event_pb2.UserSeen(user_id=5, **{**SEEN, "source": 9})),
     "user_seen.source"),
    ("a language in capitals", lambda: event(user_lang_changed=event_pb2.UserLangChanged(user_id=5, lang="EN")),
     "user_lang_changed.lang"),
    ("a negative cool-down", lambda: event(ad_shown=event_pb2.AdShown(user_id=5, cooldown_s=-1)), "ad_shown.cooldown_s"),
    ("a negative counter", lambda: event(ad_shown=event_pb2.AdShown(user_id=5, count_after=-1)), "ad_shown.count_after"),
]

PUBLISH = [
    *(Row("publish", "invalid_argument", given, f"INVALID_ARGUMENT events[1].{field}",
          lambda bench, make=make: publish(bench, counted(), make())) for given, make, field in _WRONG),
    *(Row("publish", "invalid_argument", f"{count} events", f"INVALID_ARGUMENT events: must hold 1 to {EVENTS_MAX} events",
          lambda bench, count=count: publish(bench, *[counted()] * count)) for count in (0, EVENTS_MAX + 1)),
]

PUBLISH_WITHOUT_KAFKA = [
    Row("publish", "in_flight_full", "a sixth in flight", "RESOURCE_EXHAUSTED too much is in flight",
        lambda bench: publish(bench, counted(9))),
    Row("publish", "not_acknowledged", "a broker that stands still", "UNAVAILABLE Kafka acknowledged none",
        lambda bench: publish(bench, *[counted(number) for number in range(1, EVENTS_MAX + 1)])),
]
