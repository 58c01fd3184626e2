"""A real browser looks at the status page of a running store: its figures are plain SQL's, and people can use it.

The screenshots stand in build/page.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy.local.servers import Servers
from tests.conftest import ROOT
from tests.integration import busy_bot
from tests.integration.store_log import BOT_ID, Log, connected, environment, rows, wait_for
from tests.support.background import Background
from tests.support.processes import Service, free_port, run_command
from tests.support.protos import event_pb2

BINARIES = Path(os.environ.get("TELEFACT_BUILD") or ROOT / "build" / "release" / "bin")
DRIVER = ROOT / "tests" / "certify" / "page" / "browser.js"
PICTURES = ROOT / "build" / "page"
TOKEN = "a-token-for-people-who-look"
PARTITIONS = 6
DAY = 86_400
NARROW, WIDE = 360, 1280
POISON = 3  # records that become dead letters
NEWER = 4  # the partition that an event of a newer version stops


def visit(url: str, *steps: list[Any], **plan: Any) -> dict[str, Any]:
    """What a browser saw. No console error, no request to anybody else, whatever it does."""
    tool = Path(os.environ["CERTIFY_CACHE"]) / "playwright-core-1.65.1" / "node_modules" / "playwright-core"
    done = subprocess.run(
        [ROOT / ".cache/tools/bin/node", DRIVER, json.dumps(plan | {"url": url, "steps": steps})],
        env=os.environ | {"PLAYWRIGHT": str(tool)}, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    host = urllib.parse.urlsplit(url).netloc
    others = [each for each in seen["requests"] if not each.startswith(("blob:", "data:")) and urllib.parse.urlsplit(each).netloc != host]
    assert others == []
    allowed = plan.get("allowed", r"(?!)")
    assert [each for each in seen["errors"] if not re.search(allowed, each)] == []
    return seen


def asked(seen: dict[str, Any], name: str) -> dict[str, str]:
    """The arguments of the last request of that name."""
    queries = [urllib.parse.urlsplit(each) for each in seen["requests"]]
    return dict(urllib.parse.parse_qsl([each.query for each in queries if each.path == f"/api/v1/{name}.json"][-1]))


def with_commas(count: int) -> str:
    return f"{count:,}"


@dataclass
class Bench:
    """A store with all roles and its past."""

    url: str
    database_url: str
    log: Log
    loop: Background
    store: Service
    records: int
    """In the log."""

    def query(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        with connected(self.database_url) as database:
            return rows(database, sql, *params)


def _wait_applied(database: psycopg.Connection[Any], ends: dict[int, int]) -> None:
    wait_for("everything to be applied", lambda: dict(rows(database, "SELECT partition, next_offset FROM g1.fence")) == ends)


@pytest.fixture(scope="module")
def bench(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    log = Log(servers.kafka_bootstrap, "t.page", PARTITIONS)
    past = busy_bot.history(int(time.time()) - 60, chats=2600, videos=26000)
    places = log.put(list(busy_bot.as_events(past)))
    ends = {p: max(o for q, o in places if q == p) + 1 for p in range(PARTITIONS)}
    url, admin = servers.create_database("t_page"), free_port()
    settings = environment(log, url, admin, STORE_ROLES="ingest,rpc")
    service = Service("store", BINARIES / "telefact-store", settings, f"127.0.0.1:{admin}", tmp_path_factory.mktemp("page"))
    PICTURES.mkdir(parents=True, exist_ok=True)
    with Background() as loop:
        loop.run(service.start())
        try:
            with connected(url) as database:
                _wait_applied(database, ends)
            yield Bench(f"http://127.0.0.1:{admin}/", url, log, loop, service, sum(ends.values()))
        finally:
            loop.run(service.kill())


def test_the_picture_of_the_docs(bench: Bench) -> None:
    """docs/status-page.png is taken from it by hand when the page changes."""
    picture = PICTURES / "status-page.png"
    seen = visit(bench.url, ["choose", "range", "month"], ["screenshot", str(picture), False], height=1362)
    assert (seen["figures"]["headline"], seen["figures"]["headlineLevel"]) == ("Everything is applied", "headline ok")
    assert seen["figures"]["findings"] == [f"Everything in the log of this process’s {PARTITIONS} partitions is in the tables."]
    assert picture.stat().st_size < 200_000


# ---- figures ----

_OF = {"all": "user_id <> 0", "users": "user_id > 0", "groups": "user_id < 0"}


def _totals(bench: Bench, of: str, after: int) -> dict[str, int]:
    """Of everything later than a moment, by plain SQL on the tables that people see."""
    counts = f"""SELECT
        (SELECT count(*) FROM tt.users WHERE registered_at > %(after)s AND {_OF[of]}),
        (SELECT count(*) FROM tt.videos WHERE downloaded_at > %(after)s AND {_OF[of]}),
        (SELECT count(*) FROM tt.videos WHERE downloaded_at > %(after)s AND {_OF[of]} AND is_images),
        (SELECT count(*) FROM tt.music WHERE downloaded_at > %(after)s AND {_OF[of]}),
        (SELECT count(DISTINCT user_id) FROM tt.videos WHERE downloaded_at > %(after)s AND {_OF[of]})"""
    with connected(bench.database_url) as database:
        [found] = database.execute(counts, {"after": after}).fetchall()  # type: ignore[arg-type]
    return dict(zip(("users", "videos", "images", "music", "video_users"), found, strict=True))


@pytest.mark.parametrize("range_, seconds, of", [
    ("day", DAY, "all"), ("week", 7 * DAY, "groups"), ("month", 31 * DAY, "users"), ("all", 0, "all")])
def test_totals_are_those_of_sql(bench: Bench, range_: str, seconds: int, of: str) -> None:
    seen = visit(bench.url, ["choose", "range", range_], ["choose", "class", of], ["pause"])
    given = asked(seen, "bot-stats")
    assert (given["class"], int(given["seconds"])) == (of, seconds)
    wanted = _totals(bench, of, int(given["now"]) - seconds if seconds else -1)
    assert all(wanted.values())
    assert seen["figures"]["totals"] == {name: with_commas(wanted[name]) for name in ("users", "videos", "images", "music")}
    assert seen["figures"]["people"]["videos"].startswith(f"by {wanted['video_users']:,} chats")


def _series(bench: Bench, first: int, end: int, step: int) -> list[tuple[int, int]]:
    found = dict(bench.query("SELECT downloaded_at / %s, count(*) FROM tt.videos WHERE downloaded_at >= %s AND downloaded_at < %s"
                             " GROUP BY 1", step, first, end))
    return [(number * step, found.get(number, 0)) for number in range(first // step, -(-end // step))]


def _stamp(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))


@pytest.mark.parametrize("range_, bucket, step", [("day", "hour", 3600), ("week", "day", DAY), ("all", "day", DAY)])
def test_a_chart_its_table_and_its_file_are_those_of_sql(bench: Bench, range_: str, bucket: str, step: int) -> None:
    seen = visit(bench.url, ["choose", "range", range_], ["choose", "bucket", bucket], ["pause"],
                 ["table", "videos"], ["csv", ".series-videos"])
    given = asked(seen, "time-series")
    wanted = _series(bench, int(given["from"]), int(given["to"]), step)
    assert [(start.removesuffix(" (cut by the range)"), count) for start, count in seen["table"]] == [
        (_stamp(start), with_commas(count)) for start, count in wanted]
    assert seen["marks"] == len(wanted)
    assert f"{sum(count for _, count in wanted):,} in all" in seen["description"]
    assert seen["csvName"] == "telefact-videos.csv"
    assert list(csv.reader(io.StringIO(seen["csv"]))) == [["start_utc", "videos"], *([_stamp(s), str(n)] for s, n in wanted)]


def test_rankings_are_those_of_sql(bench: Bench) -> None:
    seen = visit(bench.url, ["csv", "#referrals"])
    figures = seen["figures"]
    top = """SELECT user_id::text, count(*) FROM tt.videos GROUP BY user_id ORDER BY 2 DESC, user_id LIMIT 10"""
    langs = """SELECT lang, count(*) FROM tt.users WHERE registered_at IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, lang COLLATE "C" """
    links = """SELECT link, count(*) FROM tt.users WHERE link IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, link COLLATE "C" LIMIT 10"""
    for name, sql in (("topUsers", top), ("languages", langs), ("referrals", links)):
        assert [(row[0], row[2]) for row in figures[name]] == [(key, with_commas(n)) for key, n in bench.query(sql)], name
    saved = list(csv.reader(io.StringIO(seen["csv"])))
    assert saved[0] == ["referrals", "count"]
    assert sorted(row[0] for row in saved[1:]) == sorted(
        f"'{key}" if key.startswith("=") else key for key, _ in bench.query(links))


def test_the_pipeline_is_that_of_sql_and_kafka(bench: Bench) -> None:
    bench.log.put_raw([(f"{BOT_ID}:{number}".encode(), b"no event") for number in range(POISON)], partition=1)
    bench.records += POISON
    figures = visit(bench.url, ["waitFor", "#letters-card:not([hidden])"])["figures"]
    fences = bench.query("SELECT partition, next_offset FROM g1.fence ORDER BY 1")
    assert [(row[0], row[2], row[3], row[4], row[6], row[7]) for row in figures["partitions"]] == [
        (str(p), with_commas(n), with_commas(n), "0", "This process", str(POISON) if p == 1 else "0") for p, n in fences]
    assert figures["partitionsAll"][0][3] == with_commas(sum(n for _, n in fences))
    assert [row[:2] for row in figures["letters"]] == [["malformed", str(POISON)]]
    assert figures["headline"] == f"{POISON} dead letters to decide on" and figures["headlineLevel"] == "headline warn"
    assert any("Everything in the log" in each for each in figures["findings"])
    assert figures["rebuild"].startswith("No rebuild is going on. Generation 1 answers")


# ---- people ----


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_it_can_be_read_in_both_palettes_at_both_widths(bench: Bench, theme: str, width: int) -> None:
    picture = str(PICTURES / f"{theme}-{width}.png")
    seen = visit(bench.url, ["choose", "range", "week"], ["pause"], ["judge"], ["screenshot", picture], theme=theme, width=width)
    assert seen["faint"] == []
    assert seen["unlabelled"] == []
    assert not seen["figures"]["isTooWide"]
    assert Path(picture).stat().st_size > 20_000


def test_everything_can_be_reached_by_keyboard(bench: Bench) -> None:
    seen = visit(bench.url, ["tabs"])
    names = [each["name"] for each in seen["tabs"]]
    wanted = ["Skip to the overview", "Pause", "24 h", "7 d", "31 d", "All", "Hour", "Day", "Everybody", "Users", "Groups",
              *(each for title in ("New chats", "Videos", "Images", "Music") for each in (f"Table of {title}", f"Save {title} as CSV")),
              *(f"Save {title} as CSV" for title in ("Languages", "Most downloads", "Referral links")),
              "Partitions", "Save Pipeline as CSV", "Readiness", "Metrics"]
    assert names == wanted
    assert [each["name"] for each in seen["tabs"] if not each["isSeen"]] == []


def test_the_keyboard_chooses(bench: Bench) -> None:
    to_groups = ["Tab"] * 11
    seen = visit(bench.url, ["press", *to_groups, "Enter"], ["waitFor", "#class [data-value=groups][aria-pressed=true]"],
                 ["press", "Tab", "Enter"], ["waitFor", ".series-users details[open] tbody tr"])
    assert asked(seen, "bot-stats")["class"] == "groups"


# ---- trouble ----


def test_a_partition_that_stands_still_is_told_in_words(bench: Bench) -> None:
    newer = event_pb2.Event(event_id=bytes(16), bot_id=BOT_ID).SerializeToString() + b"\x82\x06\x00"  # field 96
    bench.log.put_raw([(f"{BOT_ID}:1".encode(), newer)], partition=NEWER)
    bench.records += 1
    [[fence]] = bench.query("SELECT next_offset FROM g1.fence WHERE partition = %s", NEWER)
    seen = visit(bench.url, ["waitFor", ".headline.bad"], ["judge"], ["screenshot", str(PICTURES / "stopped.png")])
    figures = seen["figures"]
    assert figures["headline"] == f"Partition {NEWER} stands still"
    assert re.match(rf"Partition {NEWER} stands still at offset {fence:,} since \d\d:\d\d:\d\d \(.*\): an event of a newer version: "
                    r"upgrade telefact-store\. What to do: docs/refusals\.md, “log”, unknown_payload\.", figures["findings"][0])
    assert "Everything in the log of the other 5 partitions is in the tables." in figures["findings"]
    assert figures["partitions"][NEWER][1] == "Stands still"
    assert (seen["faint"], seen["unlabelled"]) == ([], [])


def _reading(bench: Bench, folder: Path, **settings: str) -> Service:
    """A second store, which only reads the same tables."""
    admin = free_port()
    more = {"STORE_ROLES": "rpc", "STORE_MIGRATE_ON_START": "false"} | settings
    return Service("reader", BINARIES / "telefact-store", environment(bench.log, bench.database_url, admin, **more), f"127.0.0.1:{admin}", folder)


def test_a_rebuild_is_shown(bench: Bench, work_dir: Path) -> None:
    store = BINARIES / "telefact-store"
    bench.loop.run(run_command(store, ["replay", "start", "--no-work"], bench.store.environment))
    try:
        words = visit(bench.url, ["waitFor", "#rebuild-bar:not([hidden])"])["figures"]["rebuild"]
    finally:
        bench.loop.run(run_command(store, ["replay", "cancel"], bench.store.environment))
    assert words.startswith(f"Generation 2 is building: 0 of {bench.records:,} records (0.0 %)"), words


def test_a_token_is_asked_for_and_kept_for_the_tab(bench: Bench, work_dir: Path) -> None:
    (work_dir / "tokens").write_text(TOKEN + "\n")
    service = _reading(bench, work_dir, STORE_PAGE_TOKENS_FILE=str(work_dir / "tokens"))
    bench.loop.run(service.start())
    try:
        url = f"http://{service.admin}/"
        refused = r"status of 401"
        wrong = visit(url, ["login", TOKEN + "x"], ["judge"], ["screenshot", str(PICTURES / "login.png")], allowed=refused)
        assert wrong["isHidden"] and wrong["loginError"] == "The store does not know this token."
        assert (wrong["faint"], wrong["unlabelled"]) == ([], [])
        right = visit(url, ["login", TOKEN], ["waitFor", "#main:not([hidden]) #languages"], ["waitFor", "#logout:not([hidden])"], allowed=refused)
        [[videos]] = bench.query("SELECT count(*) FROM tt.videos")
        assert right["figures"]["languages"] and videos > 0
        assert not any(TOKEN in each for each in right["requests"])
    finally:
        bench.loop.run(service.stop())


def test_a_store_that_falls_silent_is_told(bench: Bench, work_dir: Path) -> None:
    service = _reading(bench, work_dir)
    bench.loop.run(service.start())
    url = f"http://{service.admin}/"
    try:
        seen = visit(url, ["kill", service.pid], ["waitFor", "body.stale"], ["judge"], allowed=r"ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET")
    finally:
        bench.loop.run(service.wait(30))
    assert seen["figures"]["headline"] == "The store does not answer"
    assert "What is shown is of" in seen["figures"]["findings"][0]
    assert (seen["faint"], seen["unlabelled"]) == ([], [])
