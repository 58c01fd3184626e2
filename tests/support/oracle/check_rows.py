"""Compares every table and view of the store's database with the expected rows, whole rows at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

from tests.support.oracle.differences import Differences
from tests.support.oracle.log import TopicLog
from tests.support.oracle.tables import COUNTS, TOTALS, Row, Tables


@dataclass(slots=True)
class DeadLetter:
    """A record that must have been set aside."""

    partition: int
    offset: int
    cause: str
    key: bytes
    value: bytes
    """Its bytes as they stand in the log."""


def check_rows(
    database_url: str, expected: Tables, log: TopicLog, dead_letters: Iterable[DeadLetter], differences: Differences
) -> dict[str, int]:
    """Compare all tables of the active generation. Returns how many rows each has."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        keep_numbers(connection)
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader = _Reader(connection, differences)
        counts = _check_projections(reader, expected, differences)
        _check_fence(reader, log, differences)
        counts["dead_letters"] = _check_dead_letters(reader, dead_letters, differences)
        _check_views(reader, expected, differences)
    return counts


def keep_numbers(connection: psycopg.Connection[Any]) -> None:
    """Read JSON's numbers as they are written."""
    set_json_loads(partial(json.loads, parse_float=Decimal), connection)


class _Reader:
    def __init__(self, connection: psycopg.Connection[dict[str, Any]], differences: Differences) -> None:
        self._connection = connection
        self._differences = differences
        active = self.rows("SELECT generation FROM telefact.active")
        self.schema = f"g{active[0]['generation']}"

    def rows(self, query: str) -> list[dict[str, Any]]:
        return self._connection.execute(query).fetchall()

    def table(self, name: str, key: str, columns: str = "*") -> dict[Any, Row]:
        rows = [_plain(row) for row in self.rows(f"SELECT {columns} FROM {self.schema}.{name}")]
        return self.keyed(name, ((row[key], row) for row in rows))

    def keyed(self, name: str, rows: Iterable[tuple[Any, Row]]) -> dict[Any, Row]:
        """The rows by key; a key that is there twice is a difference."""
        found: dict[Any, Row] = {}
        for key, row in rows:
            if key in found:
                self._differences.add(f"{name}: repeated key", _show(key))
            found[key] = row
        return found


def _plain(row: Mapping[str, Any]) -> Row:
    """UUIDs as their 16 bytes."""
    return {name: getattr(value, "bytes", value) for name, value in row.items()}


_PROFILE_COLUMNS = (
    "id, username, first_name, (extract(epoch FROM created_at) * 1000)::bigint AS created_at_ms, settings,"
    " first_ms, first_update, first_event, last_ms, last_update, last_event"
)


def _check_projections(reader: _Reader, expected: Tables, differences: Differences) -> dict[str, int]:
    found = {
        "users": reader.table("users", "user_id"),
        "profiles": reader.table("profiles", "id", _PROFILE_COLUMNS),
        "videos": reader.table("videos", "event_id"),
        "music": reader.table("music", "event_id"),
    }
    for name, rows in found.items():
        _compare(name, getattr(expected, name), rows, differences)
    counts = {name: len(rows) for name, rows in found.items()}
    applied = reader.table("applied", "event_id")
    _compare_sets("applied", expected.applied, set(applied), differences)
    rows = reader.rows(f"SELECT * FROM {reader.schema}.aliases")
    aliases = reader.keyed("aliases", (((row["old_id"], row["new_id"], row["partition"]), row) for row in rows))
    _compare_sets("aliases", expected.alias_rows, set(aliases), differences)
    _check_tombstones(reader, expected, differences)
    return counts | {"applied": len(applied), "aliases": len(aliases)} | _check_statistics(reader, expected, differences)


def _check_tombstones(reader: _Reader, expected: Tables, differences: Differences) -> None:
    rows = [_plain(row) for row in reader.rows(f"SELECT * FROM {reader.schema}.tombstones")]
    found = reader.keyed(
        "tombstones", (((row["partition"], row["subject"]), {"until_ms": row["until_ms"]}) for row in rows))
    _compare("tombstones", {key: {"until_ms": at} for key, at in expected.tombstones.items()}, found, differences)
    names = ("event_id", "subject", "until_ms")
    rows = [_plain(row) for row in reader.rows("SELECT * FROM telefact.erasures")]
    erasures = reader.keyed(
        "erasures", (((row["partition"], row["offset"]), {name: row[name] for name in names}) for row in rows))
    for place, row in expected.erasures.items():
        differences.expect("erasures", str(place), row, erasures.get(place))


def _check_statistics(reader: _Reader, expected: Tables, differences: Differences) -> dict[str, int]:
    """A row of zeros may stand among the totals, and nowhere else."""
    found: dict[str, dict[Any, Any]] = {
        "totals": _sums(reader, "totals", ("partition", "chat_class"), TOTALS),
        "buckets": _sums(reader, "buckets", ("level", "bucket", "partition", "chat_class"), COUNTS),
        "langs": _sums(reader, "langs", ("partition", "lang"), ("chats",)),
        "referrals": _sums(reader, "referrals", ("link",), ("chats",)),
        "top_users": _sums(reader, "top_users", ("partition", "user_id"), ("videos",)),
    }
    for name, rows in found.items():
        wanted = getattr(expected, name)
        if name == "totals":
            wanted, rows = _without_zeros(wanted), _without_zeros(rows)
        _compare(name, wanted, rows, differences)
    return {name: len(rows) for name, rows in found.items()}


def _sums(reader: _Reader, table: str, key: tuple[str, ...], columns: tuple[str, ...]) -> dict[Any, Row]:
    rows = reader.rows(f"SELECT * FROM {reader.schema}.{table}")
    return reader.keyed(
        table,
        ((tuple(row[name] for name in key), {name: row[name] for name in columns}) for row in rows),
    )


def _without_zeros(sums: Mapping[Any, Row]) -> dict[Any, Row]:
    return {key: row for key, row in sums.items() if any(row.values())}


def _compare(table: str, expected: Mapping[Any, Row], found: Mapping[Any, Row], differences: Differences) -> None:
    for key, row in expected.items():
        other = found.get(key)
        if other is None:
            differences.add(f"{table}: missing row", f"{_show(key)} {row}")
        elif other != row:
            changed = sorted(name for name in row.keys() | other.keys() if row.get(name) != other.get(name))
            parts = (f"{name} expected {_show(row.get(name))} found {_show(other.get(name))}" for name in changed)
            differences.add(f"{table}: wrong row", f"{_show(key)}: {', '.join(parts)}")
    for key in found.keys() - expected.keys():
        differences.add(f"{table}: unexpected row", f"{_show(key)} {found[key]}")


def _compare_sets(table: str, expected: set[Any], found: set[Any], differences: Differences) -> None:
    for item in expected - found:
        differences.add(f"{table}: missing row", _show(item))
    for item in found - expected:
        differences.add(f"{table}: unexpected row", _show(item))


def _show(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else repr(value)


def _check_fence(reader: _Reader, log: TopicLog, differences: Differences) -> None:
    """Everything in the log is applied, and nothing beyond it."""
    fences = {partition: row["next_offset"] for partition, row in reader.table("fence", "partition").items()}
    for partition, end in log.end.items():
        differences.expect("fence", f"partition {partition}", end, fences.get(partition, 0))
    for partition in fences.keys() - log.end.keys():
        differences.add("fence", f"partition {partition} does not exist in the log")


def _check_dead_letters(reader: _Reader, expected: Iterable[DeadLetter], differences: Differences) -> int:
    query = 'SELECT partition, "offset", cause, record_key, record_value, decision FROM telefact.dead_letters'
    rows = reader.rows(query)
    found = reader.keyed("dead_letters", (((row["partition"], row["offset"]), row) for row in rows))
    wanted = {
        (each.partition, each.offset): {
            "partition": each.partition,
            "offset": each.offset,
            "cause": each.cause,
            "record_key": each.key,
            "record_value": each.value,
            "decision": "open",
        }
        for each in expected
    }
    _compare("dead_letters", wanted, found, differences)
    return len(rows)


_VIEWS = {
    "tt.users": ("users", ("user_id", "registered_at", "lang", "link", "file_mode", "ad_count", "ad_cooldown")),
    "tt.videos": (
        "videos",
        ("pk_id", "user_id", "downloaded_at", "video_link", "is_images", "is_processed", "is_inline"),
    ),
    "tt.music": ("music", ("pk_id", "user_id", "downloaded_at", "video_id")),
}


def _check_views(reader: _Reader, expected: Tables, differences: Differences) -> None:
    """The seeds' exact columns in their order, over the same rows."""
    for view, (table, columns) in _VIEWS.items():
        wanted = [{name: row[name] for name in columns} for row in getattr(expected, table).values()]
        _compare_view(reader, view, columns, wanted, differences)
    columns = ("id", "username", "first_name", "created_at", "settings")
    profiles = []
    for row in expected.profiles.values():
        seen = {name: row[name] for name in columns if name != "created_at"}
        profiles.append(seen | {"created_at": row["created_at_ms"]})
    _compare_view(reader, "core.users", columns, profiles, differences)


def _compare_view(
    reader: _Reader, view: str, columns: tuple[str, ...], wanted: list[Row], differences: Differences
) -> None:
    found = reader.rows(f"SELECT * FROM {view}")
    if found and tuple(found[0]) != columns:
        differences.expect("view: columns", view, columns, tuple(found[0]))
        return
    for row in found:
        if (created_at := row.get("created_at")) is not None:
            row["created_at"] = round(created_at.timestamp() * 1000)
    key = columns[0]
    by_key = reader.keyed(view, ((row[key], row) for row in found))
    _compare(view, {row[key]: row for row in wanted}, by_key, differences)
