"""Records that no store can apply."""

from __future__ import annotations

import asyncio

from tests.e2e.kafka_tools import produce
from tests.support.oracle import DeadLetter, ids
from tests.support.oracle.check_log import as_proto
from tests.support.oracle.translate import Event
from tests.support.pair import BOT_ID, Pair
from tests.support.protos import event_pb2
from tests.support.traffic import Traffic

USER = 6_100_000_001
STRANGER = 6_100_000_002  # of another partition when there are four


def counted(event_id: bytes, bot_id: int = BOT_ID, user_id: int = USER) -> bytes:
    """An AdCounted event in protobuf."""
    message = as_proto(bot_id, Event(event_id, "ad_counted", user_id, 0, 1_760_000_000_000, {"user_id": user_id}), 0)
    message.occurred_at_ms, message.producer = 1_760_000_000_000, "poison/1"
    return message.SerializeToString()


def patched(event_id: bytes, patch: bytes) -> bytes:
    """A UserSettingsPatched event in protobuf."""
    message = event_pb2.Event(event_id=event_id, bot_id=BOT_ID, occurred_at_ms=1_760_000_000_000, producer="poison/1")
    message.user_settings_patched.user_id, message.user_settings_patched.merge_patch = USER, patch
    return message.SerializeToString()


def poisons() -> list[tuple[str, bytes, bytes]]:
    """(cause, key, value) of each kind; all are written to the partition of USER's key."""
    key = ids.record_key(BOT_ID, USER)
    bad_text = event_pb2.Event(event_id=b"p" * 16, bot_id=BOT_ID)
    bad_text.video_downloaded.user_id = USER
    bad_text.video_downloaded.video_link = "a\0b"
    return [
        ("malformed", key, b"\xff\xff\xff\xff not protobuf"),
        ("malformed", key, counted(b"short")),
        ("malformed", key, bad_text.SerializeToString()),
        ("other_bot", ids.record_key(BOT_ID + 1, USER), counted(b"b" * 16, bot_id=BOT_ID + 1)),
        ("wrong_key", ids.record_key(BOT_ID, USER + 1), counted(b"k" * 16)),
        ("bad_patch", key, patched(b"t" * 16, b'{"a": 1, "a": 2}')),
        ("wrong_partition", ids.record_key(BOT_ID, STRANGER), counted(b"s" * 16, user_id=STRANGER)),
    ]


async def put_poisons(pair: Pair, traffic: Traffic) -> list[DeadLetter]:
    """Write each kind among good records; returns the dead letters they must become."""
    partition = ids.partition_of(ids.record_key(BOT_ID, USER), pair.plan.partitions)
    letters = []
    for cause, key, value in poisons():
        (place,) = await asyncio.to_thread(produce, pair.bootstrap, pair.events_topic, [(partition, key, value)])
        letters.append(DeadLetter(place.partition, place.offset, cause, key, value))
        await traffic.acked_more(50, 20)
    return letters
