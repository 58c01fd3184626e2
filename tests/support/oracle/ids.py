"""Event ids, record keys, partitions and position tokens, from the contract's text alone."""

from __future__ import annotations

import hashlib
import re

_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def _digest(*lines: object) -> bytes:
    return hashlib.sha256("\n".join(str(line) for line in lines).encode("utf-8")).digest()


def of_update(bot_id: int, kind: str, ordinal: int, update_id: int, natural_id: str, date: int) -> bytes:
    """The id of an event that an update makes."""
    digest = _digest("telefact", bot_id, kind, ordinal, natural_id, date)
    return update_id.to_bytes(8, "big", signed=update_id < 0) + digest[:8]


def of_key(bot_id: int, kind: str, subject_id: int, key: str) -> bytes:
    """The id of an event published with an idempotency key."""
    digest = _digest("telefact", bot_id, "publish", kind, subject_id, key)
    lead = bytes.fromhex(key.replace("-", ""))[:8] if _UUID7.fullmatch(key) else digest[:8]
    return lead + digest[8:16]


def of_row(bot_id: int, kind: str, ordinal: int, source: str, table: str, primary_key: str, time_ms: int) -> bytes:
    """The id of an imported row's event."""
    digest = _digest("telefact", bot_id, "import", kind, ordinal, source, table, primary_key)
    return time_ms.to_bytes(8, "big", signed=time_ms < 0) + digest[:8]


def of_command(bot_id: int, kind: str, subject_id: int, partition: int, uuid: bytes) -> bytes:
    """The id of one partition's event of an operator's command."""
    text = uuid.hex()
    shown = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    digest = _digest("telefact", bot_id, "command", kind, subject_id, partition, shown)
    return uuid[:8] + digest[8:16]


def record_key(bot_id: int, subject_id: int) -> bytes:
    """The key of an event's record."""
    return f"{bot_id}:{subject_id}".encode("ascii")


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that Kafka's own partitioner (murmur2) gives a key."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    mask, factor = 0xFFFFFFFF, 0x5BD1E995
    value = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * factor & mask
        word = (word ^ (word >> 24)) * factor & mask
        value = (value * factor & mask) ^ word
    if rest := data[whole:]:
        value = (value ^ int.from_bytes(rest, "little")) * factor & mask
    value = (value ^ (value >> 13)) * factor & mask
    return value ^ (value >> 15)


def parse_position(token: str) -> dict[int, int]:
    """`3:1043,5:78` as {3: 1043, 5: 78}; raises ValueError on anything else."""
    found: dict[int, int] = {}
    for part in token.split(",") if token else ():
        partition, colon, offset = part.partition(":")
        if not (colon and partition.isdecimal() and offset.isdecimal()) or int(partition) in found:
            raise ValueError(f"not a position token: {token!r}")
        found[int(partition)] = int(offset)
    return found
