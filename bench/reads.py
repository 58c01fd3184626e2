"""How fast are the answers, beside TT-Bot's own queries on its own tables?

    ./dev bench reads [--videos 5000000] [--grow 50000000] [--seed-runs 3]

One database holds the same history twice (bench/reads_data.py): as TT-Bot's tables, asked with TT-Bot's SQL, and as a
generation of ours, asked through the RPCs of a store. Every answer is compared before anything is timed. With --grow
the same is done with a longer history, and each median is compared with that of the shorter one.

Figures: median and p99 of each RPC with 1 and with 50 callers (a C client, one question at a time on a connection of its
own); of TT-Bot's functions with one caller. TT-Bot's tables have no index but their primary keys, as its code makes them;
"indexed" adds the ones its documents advise.
"""

from __future__ import annotations

import argparse
import random
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psycopg

from bench.drain_topic import BOT_ID
from bench.measure import RELEASE, WORK, Expectation, progress, start_servers, table, verdict
from bench.reads_data import END_S, fill
from bench.tt_bot import ADVISED_INDEXES, TtBot, in_order
from tests.support.processes import free_port
from tests.support.protos import read_grpc, read_pb2

SERVICE = "/telefact.store.v1.ReadService/"
CALLERS = (1, 50)
DEADLINE_MS = 30_000  # of one call
NOW = END_S
DAY, MONTH = 86_400, 2_678_400


@dataclass
class Question:
    """A TT-Bot function and the RPC that stands for it."""

    rpc: str
    requests: list[Any]
    ask: Callable[[TtBot, Any], Any]
    """TT-Bot's answer to the same request, in the form of `read`."""
    read: Callable[[Any], Any]
    """What is compared of our answer (a list of pages, for a stream)."""
    faster: float = 0.0
    """So many times at least is our median lower; 0: only told."""
    calls: int = 2_000
    is_stream: bool = False
    is_whole: bool = False
    """Its answer is as long as the history: asked by one caller only."""
    name: str = ""

    def __post_init__(self) -> None:
        self.name = self.name or self.rpc


@dataclass
class Figures:
    tt_bot_ms: float = 0.0
    indexed_ms: float = 0.0
    p50_ms: dict[int, float] = field(default_factory=dict)
    p99_ms: dict[int, float] = field(default_factory=dict)


def questions(users: list[int], now: int = NOW) -> list[Question]:
    """Every function of TT-Bot's data layer and of its statistics bot."""
    of_user = {name: [getattr(read_pb2, f"{name}Request")(user_id=user) for user in users]
               for name in ("GetUser", "GetUserSettings", "GetUserStats", "GetUserVideos", "GetProfile")}
    day = read_pb2.GetBotStatsRequest(chat_class=read_pb2.CHAT_CLASS_ALL, seconds=DAY, now=now)
    return [
        Question("GetUser", of_user["GetUser"], lambda bot, r: bot.get_user(r.user_id), _user),
        Question("GetUserSettings", of_user["GetUserSettings"], lambda bot, r: bot.get_user_settings(r.user_id),
                 lambda a: (a.lang, a.file_mode)),
        Question("GetUserStats", of_user["GetUserStats"], lambda bot, r: bot.get_user_stats(r.user_id),
                 lambda a: (_user(a), a.videos_count, a.images_count), faster=200),
        Question("GetUserVideos", of_user["GetUserVideos"], lambda bot, r: bot.get_user_videos(r.user_id), _downloads,
                 calls=500, is_stream=True),
        Question("GetStatsByPeriod", [read_pb2.GetStatsByPeriodRequest(period_s=DAY, now=now)],
                 lambda bot, r: bot.get_stats_by_period(r.now - r.period_s), _downloads, calls=3, is_stream=True, is_whole=True),
        Question("GetReferralStats", [read_pb2.GetReferralStatsRequest()], lambda bot, r: bot.get_referral_stats(),
                 lambda a: sorted(row.count for row in a.referrals), faster=1000),
        Question("GetOtherStats", [read_pb2.GetOtherStatsRequest()], lambda bot, r: bot.get_other_stats(),
                 lambda a: (a.file_mode_count, sorted((row.lang, row.count) for row in a.top_langs),
                            sorted(row.count for row in a.top_users)), faster=1000),
        Question("ShouldShowAd", [read_pb2.ShouldShowAdRequest(user_id=user, now=now) for user in users],
                 lambda bot, r: bot.should_show_ad(r.user_id, r.now), lambda a: a.show),
        Question("GetUserIds", [read_pb2.GetUserIdsRequest()], lambda bot, r: bot.get_user_ids(),
                 lambda pages: sorted(i for page in pages for i in page.user_ids), calls=3, is_stream=True, is_whole=True),
        Question("GetBotStats", [day], lambda bot, r: bot.bot_stats(now - DAY), _stats, faster=1000, name="GetBotStats, a day"),
        Question("GetBotStats", [read_pb2.GetBotStatsRequest(seconds=MONTH, now=now)],
                 lambda bot, r: bot.bot_stats(now - MONTH), _stats, faster=1000, name="GetBotStats, 31 days"),
        Question("GetBotStats", [read_pb2.GetBotStatsRequest()], lambda bot, r: bot.bot_stats(None), _stats, faster=1000,
                 name="GetBotStats, all"),
        Question("GetTimeSeries", [read_pb2.GetTimeSeriesRequest(series=read_pb2.SERIES_VIDEOS, bucket=read_pb2.BUCKET_DAY,
                                                                **{"from": (now - 32 * DAY) // DAY * DAY, "to": now})],
                 lambda bot, r: bot.graph((now - 32 * DAY) // DAY * DAY, now, DAY),
                 lambda a: [(p.start, p.count) for p in a.points if p.count]),
        Question("GetProfile", [read_pb2.GetProfileRequest(user_id=user) for user in users if user > 0],
                 lambda bot, r: True, lambda a: a.found),
        Question("ListUsers", [read_pb2.ListUsersRequest()], lambda bot, r: bot.count_users(),
                 lambda pages: sum(len(page.users) for page in pages), calls=3, is_stream=True, is_whole=True),
    ]


def _user(answer: Any) -> tuple[Any, ...]:
    user = answer.user
    return (user.user_id, _known(user, "registered_at"), user.lang, _known(user, "link"), user.file_mode, user.ad_count,
            user.ad_cooldown)


def _known(message: Any, name: str) -> Any:
    return getattr(message, name) if message.HasField(name) else None


def _downloads(pages: list[Any]) -> list[tuple[int | None, str]]:
    return in_order((_known(row, "downloaded_at"), row.video_link) for page in pages for row in page.downloads)


def _whole(call: Callable[[Any], Any], request: Any) -> list[Any]:
    """All pages; what ends at the deadline (this client is slow) goes on after the last one."""
    wanted = type(request)()
    wanted.CopyFrom(request)
    pages: list[Any] = []
    while True:
        try:
            for page in call(wanted):
                pages.append(page)
            return pages
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED or not pages:
                raise
            wanted.page_token = pages[-1].next_page_token


def _stats(answer: Any) -> tuple[int, ...]:
    return (answer.chats, answer.videos, answer.images, answer.video_users, answer.image_users, answer.music,
            answer.music_users)


class Bench:
    """One history: its database, a store that answers, TT-Bot's functions."""

    def __init__(self, servers: Any, videos: int, seed_runs: int) -> None:
        self.servers, self.videos, self.seed_runs = servers, videos, seed_runs
        self.url = servers.create_database(f"reads{videos}")
        self.port = free_port()
        self.environment = {
            "STORE_BOT_ID": str(BOT_ID), "STORE_DATABASE_URL": self.url, "STORE_ROLES": "rpc",
            "STORE_RPC_LISTEN": f"127.0.0.1:{self.port}", "STORE_ADMIN_LISTEN": "127.0.0.1:0", "STORE_LOG_LEVEL": "warn",
        }

    def run(self) -> dict[str, Figures]:
        store = RELEASE / "bin" / "telefact-store"
        subprocess.run([store, "migrate"], env=self.environment, check=True)
        progress(f"filling both schemas with {self.videos:,} videos of {self.videos // 10:,} chats")
        with psycopg.connect(self.url, autocommit=True) as database:
            admin = psycopg.connect(self.servers.admin_dsn, autocommit=True)
            admin.execute("GRANT pg_checkpoint TO telefact")
            admin.close()
            fill(database, self.videos)
            process = subprocess.Popen([store, "run"], env=self.environment)
            try:
                return self.measure(database)
            finally:
                process.terminate()
                process.wait()

    def measure(self, database: psycopg.Connection) -> dict[str, Figures]:
        dice = random.Random(1)
        users = [row[0] for row in database.execute("SELECT user_id FROM tt_bot.users ORDER BY user_id")]
        bot, found = TtBot(database), {}
        asked = questions([dice.choice(users) for _ in range(500)])
        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            grpc.channel_ready_future(channel).result(30)
            stub = read_grpc.ReadServiceStub(channel)
            for question in asked:
                found[question.name] = self.compare(question, bot, stub)
        for question in asked:
            self.time_ours(question, found[question.name])
        for statement in ADVISED_INDEXES:
            database.execute(statement)  # type: ignore[arg-type]
        for question in asked:
            found[question.name].indexed_ms = self.time_tt_bot(question, bot)
        return found

    def compare(self, question: Question, bot: TtBot, stub: Any) -> Figures:
        for request in question.requests[:3]:
            call = getattr(stub, question.rpc)
            ours = question.read(_whole(call, request) if question.is_stream else call(request))
            theirs = question.ask(bot, request)
            if ours != theirs:
                raise RuntimeError(f"{question.name} {request}: {str(ours)[:300]}, TT-Bot: {str(theirs)[:300]}")
        return Figures(tt_bot_ms=self.time_tt_bot(question, bot))

    def time_tt_bot(self, question: Question, bot: TtBot) -> float:
        taken = []
        for request in (question.requests * self.seed_runs)[: self.seed_runs]:
            began = time.perf_counter()
            question.ask(bot, request)
            taken.append((time.perf_counter() - began) * 1000)
        return statistics.median(taken)

    def time_ours(self, question: Question, figures: Figures) -> None:
        file = WORK / "requests.bin"
        messages = [request.SerializeToString() for request in question.requests]
        file.write_bytes(b"".join(struct.pack("=I", len(message)) + message for message in messages))
        for callers in CALLERS[:1] if question.is_whole else CALLERS:
            try:
                figures.p50_ms[callers], figures.p99_ms[callers] = self.call(question, file, callers)
            except subprocess.CalledProcessError:
                if not question.is_whole:
                    raise
                progress(f"{question.name} is longer than one call may last; it would go on after its last page")
                figures.p50_ms[callers] = figures.p99_ms[callers] = DEADLINE_MS
        progress(f"{question.name}: {figures.p50_ms[1]:.3f} ms, TT-Bot {figures.tt_bot_ms:.1f} ms")

    def call(self, question: Question, file: Path, callers: int) -> tuple[float, float]:
        calls = max(question.calls, callers)
        command = [RELEASE / "bin" / "bench_rpc_calls", str(self.port), SERVICE + question.rpc, file, str(callers), str(calls)]
        subprocess.run([*command[:-1], str(max(callers, calls // 10))], check=True, stdout=subprocess.DEVNULL)  # warm
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        taken = sorted(int(line) / 1000 for line in output.split())
        if len(taken) != calls:
            raise RuntimeError(f"{question.name}: {len(taken)} answers to {calls} calls")
        return statistics.median(taken), taken[min(len(taken) - 1, len(taken) * 99 // 100)]


def _times(figures: Figures, callers: int) -> str:
    if callers not in figures.p50_ms:
        return "-"
    return f"{figures.p50_ms[callers]:.3f} / {figures.p99_ms[callers]:.3f}"


def report(size: int, found: dict[str, Figures]) -> list[Expectation]:
    rows = [[name, f"{f.tt_bot_ms:.2f}", f"{f.indexed_ms:.2f}", *(_times(f, callers) for callers in CALLERS),
             f"{f.tt_bot_ms / f.p50_ms[1]:,.0f}"] for name, f in found.items()]
    print(f"\n{size:,} videos, milliseconds")
    table(["RPC", "TT-Bot", "TT-Bot indexed", "1 caller p50 / p99", "50 callers p50 / p99", "times faster"], rows)
    return [Expectation(f"{q.name} at {size:,}: TT-Bot's median / ours", found[q.name].tt_bot_ms / found[q.name].p50_ms[1],
                        at_least=q.faster) for q in questions([]) if q.faster]


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench reads", description=__doc__.split("\n")[0])
    parser.add_argument("--videos", type=int, default=5_000_000)
    parser.add_argument("--grow", type=int, help="the longer history to compare with, e.g. 50000000")
    parser.add_argument("--seed-runs", type=int, default=3, help="timed calls of each of TT-Bot's functions")
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    servers = start_servers(kafka=False)
    results, expectations = [], []
    try:
        for size in [options.videos, *([options.grow] if options.grow else [])]:
            results.append(Bench(servers, size, options.seed_runs).run())
            expectations += report(size, results[-1])
    finally:
        servers.stop()
    for name, small in results[0].items() if len(results) == 2 else ():
        if CALLERS[1] in small.p50_ms:  # else its answer is as long as the history
            ratio = results[1][name].p50_ms[1] / small.p50_ms[1]
            expectations.append(Expectation(f"{name}: median at {options.grow:,} / at {options.videos:,}", ratio, at_most=1.3))
    return verdict(expectations)


if __name__ == "__main__":
    sys.exit(main())
