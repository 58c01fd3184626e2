"""The comparison as a whole: ledgers on one side; log, tables and answers on the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.support.oracle.check_answers import check_answers
from tests.support.oracle.check_log import check_events, check_raw
from tests.support.oracle.check_rows import DeadLetter, check_rows
from tests.support.oracle.differences import Differences
from tests.support.oracle.expected import Publish, Update, expect
from tests.support.oracle.log import TopicLog, read_topic
from tests.support.oracle.projection import project
from tests.support.oracle.tables import Tables


@dataclass(slots=True)
class Sources:
    """Where to look.

    events_topic   and raw_topic: with their prefix.
    rpc            host:port of the store's RPC listener; empty: ask nothing.
    answer_sample  how many chats to ask about.
    """

    bot_id: int
    bootstrap: str
    events_topic: str
    raw_topic: str
    database_url: str
    rpc: str = ""
    answer_sample: int = 50
    seed: int = 1


@dataclass(slots=True)
class Stopped:
    """What is known of a log on which the store stopped, as it must have.

    log      the events topic as it was read while it was whole.
    applied  where each partition stopped.
    """

    log: TopicLog
    applied: Mapping[int, int]


@dataclass(slots=True)
class Verdict:
    """What the comparison found."""

    differences: Differences = field(default_factory=Differences)
    expected: Tables = field(default_factory=Tables)
    events_by_kind: Counter[str] = field(default_factory=Counter)
    records: int = 0
    duplicates: int = 0
    """Records of the events topic beyond the first of their event."""
    raw_updates: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    """Rows of each table."""
    calls: int = 0
    end: dict[int, int] = field(default_factory=dict)

    @property
    def is_green(self) -> bool:
        """Everything is as it must be."""
        return not self.differences

    def report(self) -> str:
        """The differences as lines of text."""
        return "\n".join(self.differences.lines())


def compare(
    sources: Sources,
    updates: Iterable[Update],
    publishes: Iterable[Publish] = (),
    dead_letters: Sequence[DeadLetter] = (),
    stopped: Stopped | None = None,
) -> Verdict:
    """Judge a finished run: nothing is under way any more, and the store has nothing left to apply.

    `dead_letters` are the records that a test wrote into the events topic itself and that the store must set aside.
    With `stopped` the tables must hold what stands before those offsets, and nothing else.
    Blocks; call it in a thread from asynchronous code.
    """
    verdict = Verdict()
    expected = expect(sources.bot_id, updates, publishes)
    log = stopped.log if stopped else read_topic(sources.bootstrap, sources.events_topic)
    injected = {(each.partition, each.offset) for each in dead_letters}
    reading = check_events(expected, log, injected, verdict.differences)
    raw_log = read_topic(sources.bootstrap, sources.raw_topic)
    verdict.raw_updates = check_raw(expected, raw_log, verdict.differences)
    verdict.events_by_kind = reading.kinds
    verdict.records, verdict.duplicates, verdict.end = len(log.records), reading.duplicates, log.end
    history = reading.history(expected)
    if stopped:
        history = [each for each in history if each[1].offset < stopped.applied.get(each[1].partition, 0)]
        log = replace(log, end={partition: stopped.applied.get(partition, 0) for partition in log.end})
    verdict.expected = project(history)
    verdict.rows = check_rows(sources.database_url, verdict.expected, log, dead_letters, verdict.differences)
    if sources.rpc:
        verdict.calls = check_answers(
            sources.rpc,
            verdict.expected,
            log,
            verdict.differences,
            sample=sources.answer_sample,
            seed=sources.seed,
        )
    return verdict
