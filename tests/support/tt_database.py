"""TT-Bot's database with what is odd in old ones, and its answers beside ours.

    make(database, videos=5000)       schema tt_bot: a history, and the rows below
    WRONG                             of them: what no event can say, as the import must name it
    settle(database)                  what is left of the old rows once they are imported
    differences(database, stub)       every function of TT-Bot beside the RPC that stands for it
"""

from __future__ import annotations

from typing import Any

import psycopg

from bench.reads import questions
from bench.reads_data import fill_tt_bot
from bench.tt_bot import TtBot, in_order
from tests.support.protos import read_pb2

NOW_S = 1_760_000_000
SCHEMA = "tt_bot"
LINK_MAX = 2_048
LONG_LINK = "https://v.example/" + "é" * 3_000
ORPHANS = (77, 78, -79)
"""Chats with videos or sounds and no row of their own."""

_FUTURE = 4_102_444_800
_USERS = (
    # user_id, registered_at, lang, link, file_mode, ad_count, ad_cooldown
    (1, None, "uk", "Ref_B", True, 2, NOW_S + 4_000),
    (2, NOW_S - 5, "en", None, False, 0, 0),
    (3, NOW_S - 6, "hi", "", False, 4, 0),
    (4, NOW_S - 7, "id", LONG_LINK, True, 0, 1),
    (-5, NOW_S - 8, "ru", "Group_1", False, 3, NOW_S),
    (1 - 2**62, None, "ar", None, True, 0, 0),
    (2**63 - 1, 1, "so", "Ref_B", False, 1_000_000, 86_400),
)
_WRONG_USERS = (
    (0, NOW_S, "en", None, False, 0, 0, "user_id"),
    (-(2**62), NOW_S, "en", None, False, 0, 0, "user_id"),
    (11, NOW_S, "xx", None, False, 0, 0, "lang"),
    (12, 0, "en", None, False, 0, 0, "time"),
    (13, _FUTURE, "en", None, False, 0, 0, "time"),
    (14, NOW_S, "en", None, False, -1, 0, "count"),
    (15, NOW_S, "en", None, False, 0, -5, "cooldown"),
)
_VIDEOS = (
    # pk_id, user_id, downloaded_at, video_link, is_images, is_processed, is_inline
    (-3, 1, None, "https://v.example/before", False, False, False),
    (9_000_001, 77, NOW_S - 9, "https://v.example/orphan", True, True, False),
    (9_000_002, -79, None, "https://v.example/orphan", False, False, True),
    (9_000_003, 4, NOW_S - 9, LONG_LINK, False, False, False),
    (9_000_004, 4, NOW_S - 9, "https://v.example/same second", True, False, False),
)
_WRONG_VIDEOS = (
    (9_000_010, 1, NOW_S, "", False, False, False, "video_link"),
    (9_000_011, 0, NOW_S, "https://v.example/1", False, False, False, "user_id"),
    (9_000_012, 1, _FUTURE, "https://v.example/1", False, False, False, "time"),
)
_MUSIC = (
    # pk_id, user_id, downloaded_at, video_id
    (9_000_001, 78, None, 7_000_000_000_000_000_000),
    (9_000_002, -5, NOW_S - 3, -1),
)
_WRONG_MUSIC = ((9_000_010, 0, NOW_S, 1, "user_id"), (9_000_011, 1, -1, 1, "time"))

WRONG = {(table, row[0]): row[-1] for table, rows in
         (("users", _WRONG_USERS), ("videos", _WRONG_VIDEOS), ("music", _WRONG_MUSIC)) for row in rows}
"""(table, primary key): the word that the reason has."""
CUT = {"users": 1, "videos": 1, "music": 0}


def make(database: psycopg.Connection[Any], videos: int) -> None:
    """A chat for ten videos, a sound for five, all before NOW_S; and the odd rows."""
    fill_tt_bot(database, videos, NOW_S)
    for table, rows in (("users", [*_USERS, *(row[:-1] for row in _WRONG_USERS)]),
                        ("videos", [*_VIDEOS, *(row[:-1] for row in _WRONG_VIDEOS)]),
                        ("music", [*_MUSIC, *(row[:-1] for row in _WRONG_MUSIC)])):
        with database.cursor().copy(f"COPY {SCHEMA}.{table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def count(database: psycopg.Connection[Any]) -> dict[str, int]:
    """Rows of each table."""
    return {table: database.execute(f"SELECT count(*) FROM {SCHEMA}.{table}").fetchall()[0][0]
            for table in ("users", "videos", "music")}


def settle(database: psycopg.Connection[Any]) -> None:
    """Take out what cannot be imported, cut what is cut, and an empty link is none."""
    for table, key in WRONG:
        column = "user_id" if table == "users" else "pk_id"
        database.execute(f"DELETE FROM {SCHEMA}.{table} WHERE {column} = %s", (key,))
    cut = LONG_LINK.encode()[:LINK_MAX].decode(errors="ignore")
    database.execute(f"UPDATE {SCHEMA}.users SET link = NULL WHERE link = ''")
    for table, column in (("users", "link"), ("videos", "video_link")):
        database.execute(f"UPDATE {SCHEMA}.{table} SET {column} = %s WHERE {column} = %s", (cut, LONG_LINK))


def differences(database: psycopg.Connection[Any], stub: Any, sample: int = 20) -> list[str]:
    """What a settled old database and a store that has its import answer differently."""
    bot = TtBot(database)
    ids = [row[0] for row in database.execute(f"SELECT user_id FROM {SCHEMA}.users ORDER BY md5(user_id::text) LIMIT {sample}")]
    ids += [row[0] for row in _USERS]
    found = [text for question in questions(ids, NOW_S) if question.rpc != "GetProfile"
             for text in _different(question, bot, stub)]
    return found + _of_everything(database, stub) + _of_orphans(database, stub) + _of_links(database, stub)


def _different(question: Any, bot: TtBot, stub: Any) -> list[str]:
    found = []
    for request in question.requests:
        answer = getattr(stub, question.rpc)(request)
        ours = question.read(list(answer) if question.is_stream else answer)
        theirs = question.ask(bot, request)
        if ours != theirs:
            found.append(f"{question.name} {request}: {str(ours)[:300]}, TT-Bot: {str(theirs)[:300]}")
    return found


def _of_everything(database: psycopg.Connection[Any], stub: Any) -> list[str]:
    """Periods leave unknown times out; the whole history has them."""
    pages = list(stub.GetStatsByPeriod(read_pb2.GetStatsByPeriodRequest()))
    ours = in_order((row.downloaded_at if row.HasField("downloaded_at") else None, row.video_link)
                    for page in pages for row in page.downloads)
    theirs = in_order(database.execute(f"SELECT downloaded_at, video_link FROM {SCHEMA}.videos").fetchall())
    return [] if ours == theirs else [f"GetStatsByPeriod: {len(ours)} downloads, TT-Bot: {len(theirs)}"]


def _of_orphans(database: psycopg.Connection[Any], stub: Any) -> list[str]:
    found = []
    for chat in ORPHANS:
        answer = stub.GetUserStats(read_pb2.GetUserStatsRequest(user_id=chat))
        ours = (answer.found, answer.videos_count, answer.images_count)
        theirs = (False, *database.execute(f"SELECT count(*), count(*) FILTER (WHERE is_images) FROM {SCHEMA}.videos "
                                           "WHERE user_id = %s", (chat,)).fetchall()[0])
        if ours != theirs:
            found.append(f"GetUserStats {chat}: {ours}, wanted {theirs}")
    return found


def _of_links(database: psycopg.Connection[Any], stub: Any) -> list[str]:
    """The links themselves: of those with the same count TT-Bot shows any."""
    theirs = dict(database.execute(f"SELECT link, count(*) FROM {SCHEMA}.users WHERE link IS NOT NULL GROUP BY 1").fetchall())
    ours = {row.link: row.count for row in stub.GetReferralStats(read_pb2.GetReferralStatsRequest(limit=1000)).referrals}
    return [] if ours == theirs or len(theirs) > 1000 else [f"GetReferralStats: {ours}, TT-Bot: {theirs}"]
