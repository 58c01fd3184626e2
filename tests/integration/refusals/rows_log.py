"""What the store refuses of the log: records that become dead letters, and partitions that stop."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from confluent_kafka.admin import AdminClient, NewPartitions

from tests.integration.refusals.table import Row
from tests.integration.store_log import BOT_ID, Event, Log, key_of, make, rows, video, wait_for
from tests.support.oracle import ids
from tests.support.oracle.erasing import PSEUDONYMS
from tests.support.protos import event_pb2

GOOD, OTHER_CLUSTER, ENDS, REWRITTEN, STARTS, LETTERS, NEWER, REFUSED = range(8)
PARTITIONS = 8
LETTERS_MAX = 7  # of a partition; one more stops it


class LogBench:
    """A running store, its log and its tables. Each partition is there for something of its own."""

    def __init__(
        self, log: Log, database: psycopg.Connection, metrics: Callable[[], dict[str, float]], admin: int
    ) -> None:
        self.log, self.database, self.metrics, self.admin = log, database, metrics, admin
        self._users = iter(range(1000, 1_000_000))
        self._names = iter(range(1_000_000))

    def user(self, partition: int) -> int:
        """Somebody whose records stand there, not used before."""
        return next(u for u in self._users if ids.partition_of(ids.record_key(BOT_ID, u), PARTITIONS) == partition)

    def event(self, partition: int) -> Event:
        return video(self.user(partition), f"refusals {next(self._names)}")

    def put(self, *events: Event) -> None:
        """Write them and wait until they are applied."""
        for partition, offset in self.log.put(events):
            wait_for(f"{partition}:{offset} to be applied", lambda: self.fence(partition) > offset)

    def fence(self, partition: int) -> int:
        found = rows(self.database, "SELECT next_offset FROM g1.fence WHERE partition = %s", partition)
        return int(found[0][0]) if found else 0

    def good(self) -> None:
        """What is right is still applied, where nothing stopped."""
        self.put(self.event(GOOD))

    def letter(self, key: bytes, value: bytes) -> str:
        """Write a record where dead letters are gathered; what became of it."""
        [(partition, offset)] = self.log.put_raw([(key, value)], partition=LETTERS)
        wait_for("the record to be dealt with", lambda: self.fence(partition) > offset)
        found = rows(self.database, 'SELECT cause FROM telefact.dead_letters WHERE partition = %s AND "offset" = %s',
                     partition, offset)
        return f"dead letter {found[0][0]}" if found else "applied"

    def change(self, partition: int, what: str) -> None:
        """Change the position behind the store's back; it looks again soon."""
        if self.fence(partition) == 0:
            self.put(*[self.event(partition) for _ in range(4)])
        self.database.execute(f"UPDATE g1.fence SET {what} WHERE partition = {partition}")  # type: ignore[arg-type]

    def stopped(self, reason: str) -> str:
        """Wait until some partition has stopped for this reason."""
        sample = f'partition_stopped{{reason="{reason}"}}'
        wait_for(f"a partition to stop: {reason}", lambda: self.metrics()[sample] > 0, 30)
        return f"stopped {reason}"


def _malformed(bench: LogBench) -> str:
    return bench.letter(ids.record_key(BOT_ID, bench.user(LETTERS)), b"\xff\xff no protobuf")


def _other_bot(bench: LogBench) -> str:
    event = make("ad_counted", "other bot", user_id=bench.user(LETTERS), bot_id=BOT_ID + 1)
    return bench.letter(key_of(event), event.SerializeToString())


def _reserved_id(bench: LogBench) -> str:
    event = make("ad_counted", "reserved id", user_id=PSEUDONYMS.start)
    return bench.letter(key_of(event), event.SerializeToString())


def _wrong_key(bench: LogBench) -> str:
    event = bench.event(LETTERS)
    return bench.letter(ids.record_key(BOT_ID, bench.user(LETTERS)), event.SerializeToString())


def _wrong_partition(bench: LogBench) -> str:
    event = bench.event(GOOD)
    return bench.letter(key_of(event), event.SerializeToString())


def _bad_patch(bench: LogBench) -> str:
    event = bench.event(LETTERS)
    key = key_of(event)
    patched = event_pb2.UserSettingsPatched(user_id=event.video_downloaded.user_id, merge_patch=b"[]")
    event.user_settings_patched.CopyFrom(patched)
    return bench.letter(key, event.SerializeToString())


def _refuse_rows_of(bench: LogBench, user: int, state: str) -> None:
    """The database has an error of this SQLSTATE for the facts of one user."""
    bench.database.execute(
        f"CREATE FUNCTION g1.refuse_{user}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "  # type: ignore[arg-type]
        f"IF NEW.user_id = {user} THEN RAISE EXCEPTION 'refused' USING ERRCODE = '{state}'; END IF; RETURN NEW; END $$; "
        f"CREATE TRIGGER refuse_{user} BEFORE INSERT ON g1.videos FOR EACH ROW EXECUTE FUNCTION g1.refuse_{user}()"
    )


def _bad_row(bench: LogBench) -> str:
    event = bench.event(LETTERS)
    _refuse_rows_of(bench, event.video_downloaded.user_id, "23514")
    return bench.letter(key_of(event), event.SerializeToString())


def _dead_letters(bench: LogBench) -> str:
    """One more than a partition may have."""
    bench.log.put_raw([(ids.record_key(BOT_ID, bench.user(LETTERS)), b"\xff")], partition=LETTERS)
    return bench.stopped("dead_letters")


def _unknown_payload(bench: LogBench) -> str:
    event = bench.event(NEWER)
    key = key_of(event)
    event.ClearField("video_downloaded")
    bench.log.put_raw([(key, event.SerializeToString() + b"\x82\x06\x00")], partition=NEWER)  # field 96, a message
    return bench.stopped("unknown_payload")


def _database_refuses(bench: LogBench) -> str:
    event = bench.event(REFUSED)
    _refuse_rows_of(bench, event.video_downloaded.user_id, "XX000")
    bench.log.put([event])
    return bench.stopped("database_refuses")


def _other_cluster(bench: LogBench) -> str:
    bench.change(OTHER_CLUSTER, "cluster_id = 'another'")
    return bench.stopped("other_cluster")


def _ends_before(bench: LogBench) -> str:
    bench.change(ENDS, "next_offset = 1000")
    return bench.stopped("log_ends_before")


def _rewritten(bench: LogBench) -> str:
    bench.change(REWRITTEN, "last_record_ms = last_record_ms + 1")
    return bench.stopped("log_rewritten")


def _starts_later(bench: LogBench) -> str:
    bench.put(*[bench.event(STARTS) for _ in range(4)])
    bench.log.delete_records(STARTS, 3)
    bench.change(STARTS, "next_offset = 1")
    return bench.stopped("log_starts_later")


def _partition_count(bench: LogBench) -> str:
    admin = AdminClient({"bootstrap.servers": bench.log.bootstrap, "log_level": 2})
    admin.create_partitions([NewPartitions(bench.log.topic, PARTITIONS + 1)])[bench.log.topic].result(20)
    return bench.stopped("partition_count")


RECORD = [
    Row("record", "malformed", "no protobuf", "dead letter malformed", _malformed),
    Row("record", "other_bot", "an event of another bot", "dead letter other_bot", _other_bot),
    Row("record", "reserved_id", "the id of a pseudonym", "dead letter reserved_id", _reserved_id),
    Row("record", "wrong_key", "the key of somebody else", "dead letter wrong_key", _wrong_key),
    Row("record", "wrong_partition", "a partition of others", "dead letter wrong_partition", _wrong_partition),
    Row("record", "bad_patch", "a settings patch that is a list", "dead letter bad_patch", _bad_patch),
    Row("record", "bad_row", "a row that a constraint refuses", "dead letter bad_row", _bad_row),
]

LOG = [
    Row("log", "dead_letters", "a seventh dead letter of six", "stopped dead_letters", _dead_letters),
    Row("log", "unknown_payload", "a payload of a newer version", "stopped unknown_payload", _unknown_payload),
    Row("log", "database_refuses", "an error that no retry heals", "stopped database_refuses", _database_refuses),
    Row("log", "other_cluster", "a position of another cluster", "stopped other_cluster", _other_cluster),
    Row("log", "log_ends_before", "a position beyond the end", "stopped log_ends_before", _ends_before),
    Row("log", "log_rewritten", "another record before the position", "stopped log_rewritten", _rewritten),
    Row("log", "log_starts_later", "a log without its beginning", "stopped log_starts_later", _starts_later),
]

# The last one: it stops all that still run.
LAST = Row("log", "partition_count", "a partition more", "stopped partition_count", _partition_count)

SHOWN_ELSEWHERE = {
    ("log", "gap"): "test_C06_a_gap_in_the_offsets_stops_the_partition",
    ("log", "unreadable"): "test_C12_a_flipped_byte_in_a_segment_is_never_applied",
}
"""They take a transaction and a damaged file of a broker, which are slow to have."""
