"""What the demonstration prints at its end."""

from __future__ import annotations

from dataclasses import dataclass

import grpc

from tests.support.oracle import Verdict
from tests.support.pair import Pair
from tests.support.protos import read_grpc, read_pb2


@dataclass(slots=True)
class Figures:
    """What the traffic measured."""

    sent: int
    deliveries: int
    acked: int
    published: int
    elapsed_s: float
    lag: int
    kills: int
    ack_ms: list[float]
    readable_ms: list[float]
    never_readable: int

    @property
    def is_measured(self) -> bool:
        """There is a sample of the latency, and every update of it was seen in an answer."""
        return bool(self.readable_ms) and not self.never_readable


def show(verdict: Verdict, figures: Figures) -> None:
    """Counts and latencies."""
    title("Updates")
    row("sent", f"{figures.sent:,}", f"in {figures.elapsed_s:.1f} s, {figures.kills} kills included")
    row("deliveries", f"{figures.deliveries:,}", "retries and repetitions included")
    row("acknowledged", f"{figures.acked:,}")
    row("kept raw", f"{verdict.raw_updates:,}", "no event, or unreadable")
    row("published by the bot", f"{figures.published:,}")
    title("Events by kind")
    for kind, count in verdict.events_by_kind.most_common():
        row(kind, f"{count:,}")
    row("records in the log", f"{verdict.records:,}")
    row("duplicates dropped", f"{verdict.duplicates:,}")
    title("Rows")
    for table, count in verdict.rows.items():
        row(table, f"{count:,}")
    row("lag", f"{figures.lag:,}", "records not applied")
    title("Latency")
    row("sent to acknowledged", percentiles(figures.ack_ms))
    row(
        "sent to readable",
        percentiles(figures.readable_ms),
        f"{len(figures.readable_ms):,} probes; a killed store's session ends after 10 s",
    )
    if figures.never_readable:
        row("never readable", f"{figures.never_readable:,}")


async def show_answers(pair: Pair, verdict: Verdict) -> None:
    """A few answers, fetched by a real gRPC client."""
    title("Answers")
    async with grpc.aio.insecure_channel(pair.store_rpc) as channel:
        reads = read_grpc.ReadServiceStub(channel)
        stats = await reads.GetBotStats(read_pb2.GetBotStatsRequest(), timeout=5)
        row("GetBotStats", one_line(stats))
        users = [user for user in verdict.expected.users.values() if not user["is_stub"]]
        busiest = max(users, key=lambda user: (user["videos"], user["user_id"]))["user_id"]
        row(
            f"GetUserStats {busiest}",
            one_line(await reads.GetUserStats(read_pb2.GetUserStatsRequest(user_id=busiest), timeout=5)),
        )
        row(
            f"ShouldShowAd {busiest}",
            str((await reads.ShouldShowAd(read_pb2.ShouldShowAdRequest(user_id=busiest), timeout=5)).show),
        )
        ids = [page async for page in reads.GetUserIds(read_pb2.GetUserIdsRequest(), timeout=10)]
        row("GetUserIds", f"{sum(len(page.user_ids) for page in ids):,} ids in {len(ids)} pages")


def show_verdict(verdict: Verdict, figures: Figures) -> None:
    """The oracle has the last word."""
    title("Oracle")
    if not figures.is_measured:
        print("  not every probe of the latency found its update in an answer, or there was none")
    if verdict.is_green:
        compared = sum(verdict.rows.values())
        print(f"  no difference: {compared:,} rows and {verdict.calls:,} answers are exactly what they must be")
    else:
        print(f"  {sum(verdict.differences.counts.values()):,} differences")
        for line in verdict.differences.lines():
            print(f"  {line}")


def title(text: str) -> None:
    print(f"\n{text}")


def row(name: str, value: str, note: str = "") -> None:
    print(f"  {name:<26}{value:>12}" + (f"  ({note})" if note else ""))


def percentiles(sorted_ms: list[float]) -> str:
    """p50 and p99."""
    if not sorted_ms:
        return "not measured"
    return f"p50 {at(sorted_ms, 0.50):.1f} ms, p99 {at(sorted_ms, 0.99):.1f} ms"


def at(sorted_ms: list[float], share: float) -> float:
    return sorted_ms[min(len(sorted_ms) - 1, int(share * len(sorted_ms)))]


def one_line(message: object) -> str:
    return " ".join(str(message).split())
