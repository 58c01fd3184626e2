"""The rows the store must hold, each table by its primary key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

COUNTS = ("chats", "videos", "images", "video_users", "image_users", "music", "music_users")
"""What buckets count; totals also count `file_modes`."""
TOTALS = (*COUNTS, "file_modes")

Row = dict[str, Any]


@dataclass(slots=True)
class Tables:
    """The expected rows, each table by its primary key."""

    users: dict[int, Row] = field(default_factory=dict)
    profiles: dict[int, Row] = field(default_factory=dict)
    videos: dict[bytes, Row] = field(default_factory=dict)
    music: dict[bytes, Row] = field(default_factory=dict)
    applied: set[bytes] = field(default_factory=set)
    aliases: set[tuple[int, int]] = field(default_factory=set)
    """Old and new ids."""
    alias_rows: set[tuple[int, int, int]] = field(default_factory=set)
    """The same, with the partition that says so."""
    tombstones: dict[tuple[int, bytes], int] = field(default_factory=dict)
    """By partition and subject: up to when events are dropped."""
    erasures: dict[tuple[int, int], Row] = field(default_factory=dict)
    """By place in the log."""
    totals: dict[tuple[int, int], Row] = field(default_factory=dict)
    buckets: dict[tuple[int, int, int, int], Row] = field(default_factory=dict)
    """By level, bucket, partition and class of chats."""
    langs: dict[tuple[int, str], Row] = field(default_factory=dict)
    """By partition and language."""
    referrals: dict[tuple[str], Row] = field(default_factory=dict)
    top_users: dict[tuple[int, int], Row] = field(default_factory=dict)
    """By partition and user."""
