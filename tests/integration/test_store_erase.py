"""Erasing a person, against a real Kafka and a real PostgreSQL: everything still counts, and nothing is left of them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pytest

from deploy.local.servers import Servers
from tests.integration.store_log import (
    BOT_ID, ERASED_MS, TIME_MS, Event, Log, connected, erasure, make, rows, seen, store, video, wait_applied,
)
from tests.support.oracle import ids
from tests.support.oracle.erasing import PSEUDONYMS, subject_of
from tests.support.processes import Service
from tests.support.protos import read_grpc, read_pb2

GONE, STAYING = 7_312_345_678, 8_112_233_445
GROUP, SUPERGROUP = -4_812_345_678, -1_004_812_345_678
LINK, NAME, FIRST_NAME = "CanaryLinkOfGone", "canary_username_gone", "CanaryFirstNameGone"
VIDEO, SETTING, PATCH = "https://v.example/canary/video/gone", "CanarySettingGone", "CanaryPatchGone"
CANARIES = (LINK, NAME, FIRST_NAME, VIDEO, SETTING, PATCH)
PARTITIONS = 4
LATER_MS = TIME_MS + 120_000


class Bench:
    """A log, a database and the store between them; `put` waits until everything is applied."""

    def __init__(self, servers: Servers, prefix: str, url: str, binaries: Path, work_dir: Path) -> None:
        self.log = Log(servers.kafka_bootstrap, prefix, PARTITIONS)
        self.url, self.binaries, self.work_dir = url, binaries, work_dir
        self.count = 0

    def store(self, url: str = "", name: str = "store", **more: str) -> Service:
        return store(self.log, url or self.url, self.binaries, self.work_dir, name, STORE_ROLES="ingest,rpc", **more)

    def put(self, database: psycopg.Connection[Any], *events: Event) -> list[tuple[int, int]]:
        places = self.log.put(events)
        self._wait(database, len(events))
        return places

    def put_raw(self, database: psycopg.Connection[Any], key: bytes, value: bytes, partition: int) -> tuple[int, int]:
        [place] = self.log.put_raw([(key, value)], partition)
        self._wait(database, 1)
        return place

    def erase(self, database: psycopg.Connection[Any], user_id: int, at_ms: int = ERASED_MS) -> None:
        self._wait(database, self.log.erase(user_id, at_ms))

    def _wait(self, database: psycopg.Connection[Any], count: int) -> None:
        self.count += count
        wait_applied(database, self.count)


@pytest.fixture
def bench(servers: Servers, topic_prefix: str, database_url: str, binaries: Path, work_dir: Path) -> Bench:
    return Bench(servers, topic_prefix, database_url, binaries, work_dir)


def run(bench: Bench, body: Callable[[psycopg.Connection[Any]], Awaitable[None]], **more: str) -> None:
    async def whole() -> None:
        async with bench.store(**more):
            with connected(bench.url) as database:
                await body(database)

    asyncio.run(whole())


def start(user_id: int, ident: object, **more: Any) -> Event:
    event = seen(user_id, ident, source=1, link=LINK, **more)
    event.user_seen.personal.clear.username = NAME
    event.user_seen.personal.clear.first_name = FIRST_NAME
    return event


def patch(user_id: int, ident: object, text: bytes, **more: Any) -> Event:
    return make("user_settings_patched", ident, user_id=user_id, merge_patch=text, **more)


def download(user_id: int, ident: object, **more: Any) -> Event:
    event = video(user_id, ident, **more)
    event.video_downloaded.video_link = VIDEO
    return event


def life(user_id: int) -> list[Event]:
    """Everything that leaves a trace of a person."""
    return [
        start(user_id, f"start {user_id}"),
        patch(user_id, f"settings {user_id}", b'{"note": "%s"}' % SETTING.encode()),
        make("user_lang_changed", f"lang {user_id}", user_id=user_id, lang="vi"),
        make("user_mode_changed", f"mode {user_id}", user_id=user_id, toggle=True),
        *(download(user_id, f"video {user_id} {n}", is_images=n == 0) for n in range(3)),
        download(user_id, f"undated {user_id}", time_ms=0),
        make("music_extracted", f"music {user_id}", user_id=user_id, video_id=5),
        make("ad_shown", f"ad {user_id}", user_id=user_id, cooldown_s=60, count_after=4),
        make("user_blocked", f"blocked {user_id}", user_id=user_id, blocked=False),
    ]


def others() -> list[Event]:
    """The same in small, of people who stay."""
    return [
        seen(STAYING, "other", source=1, link="shared"), seen(1, "third", source=1, link="shared"),
        video(STAYING, "other video"), video(1, "third video"), seen(GROUP, "group"), video(GROUP, "group video"),
        seen(SUPERGROUP, "supergroup"), video(SUPERGROUP, "supergroup video"),
    ]


def tables(database: psycopg.Connection[Any]) -> Iterator[tuple[str, str]]:
    yield from rows(database, "SELECT schemaname, tablename FROM pg_tables "
                              "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")


def varint(number: int) -> bytes:
    number &= 2**64 - 1
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def traces(database: psycopg.Connection[Any], user_id: int, canaries: tuple[str, ...] = CANARIES) -> list[str]:
    """Where anything of the person stands: every column of every table, as text and as bytes."""
    wanted = [str(user_id), *canaries] if user_id else list(canaries)
    wanted += [text.encode().hex() for text in wanted] + ([varint(user_id).hex()] if user_id else [])
    found = []
    for schema, table in tables(database):
        for (text,) in rows(database, f'SELECT whole::text FROM {schema}."{table}" AS whole'):
            found += [f"{schema}.{table}: {each} in {text}" for each in wanted if each in text]
    return found


def counts(database: psycopg.Connection[Any]) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is counted."""
    return {
        "totals": rows(database, "SELECT * FROM g1.totals ORDER BY 1, 2"),
        "buckets": rows(database, "SELECT * FROM g1.buckets ORDER BY 1, 2, 3, 4"),
        "langs": rows(database, "SELECT * FROM g1.langs ORDER BY 1, 2"),
        "referred": rows(database, "SELECT sum(chats) FROM g1.referrals"),
        "top": rows(database, "SELECT partition, videos FROM g1.top_users ORDER BY 1, 2"),
    }


async def answers(address: str) -> dict[str, Any]:
    """What the read RPCs say about everybody."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = read_grpc.ReadServiceStub(channel)
        return {
            "stats": await stub.GetBotStats(read_pb2.GetBotStatsRequest()),
            "window": await stub.GetBotStats(read_pb2.GetBotStatsRequest(seconds=86_400, now=TIME_MS // 1000 + 60)),
            "other": await stub.GetOtherStats(read_pb2.GetOtherStatsRequest()),
            "referrals": await stub.GetReferralStats(read_pb2.GetReferralStatsRequest()),
            "users": [page async for page in stub.ListUsers(read_pb2.ListUsersRequest(chat_class=1))],
            "ids": [page async for page in stub.GetUserIds(read_pb2.GetUserIdsRequest(chat_class=1))],
            "videos": [page async for page in stub.GetStatsByPeriod(read_pb2.GetStatsByPeriodRequest(chat_class=1))],
            "user": await stub.GetUser(read_pb2.GetUserRequest(user_id=GONE)),
            "profile": await stub.GetProfile(read_pb2.GetProfileRequest(user_id=GONE)),
            "downloads": [page async for page in stub.GetUserVideos(read_pb2.GetUserVideosRequest(user_id=GONE))],
        }


def letters_of(user_id: int, ident: str, **more: Any) -> Iterator[tuple[bytes, bytes, int]]:
    """Records of the person that become dead letters: each with the partition it is written to."""
    key = ids.record_key(BOT_ID, user_id)
    home = ids.partition_of(key, PARTITIONS)
    bad = patch(user_id, f"bad {ident}", b'{"%s"' % PATCH.encode(), **more)
    yield key, bad.SerializeToString(), home
    yield key, start(user_id, f"elsewhere {ident}", **more).SerializeToString(), (home + 1) % PARTITIONS
    yield key, b"\xff" + NAME.encode(), home
    yield ids.record_key(BOT_ID, STAYING), start(user_id, f"key {ident}", **more).SerializeToString(), 0
    yield key, start(STAYING, f"of key {ident}", **more).SerializeToString(), home


def test_nothing_of_an_erased_person_is_left_and_all_of_it_still_counts(bench: Bench) -> None:
    async def body(database: psycopg.Connection[Any]) -> None:
        bench.put(database, *others(), *life(GONE))
        for letter in letters_of(GONE, "before"):
            bench.put_raw(database, *letter)
        before = counts(database)
        assert traces(database, GONE)
        bench.erase(database, GONE)

        assert traces(database, GONE) == []
        assert counts(database) == before
        [(pseudonym,)] = rows(database, "SELECT user_id FROM g1.users WHERE lang = 'vi'")
        assert pseudonym in PSEUDONYMS
        assert rows(database, "SELECT user_id, video_link, count(downloaded_at) FROM g1.videos "
                              "WHERE user_id = %s GROUP BY 1, 2", pseudonym) == [(pseudonym, "", 3)]
        assert rows(database, "SELECT user_id FROM g1.music") == [(pseudonym,)]
        assert rows(database, "SELECT user_id FROM g1.top_users WHERE videos = 4") == [(pseudonym,)]
        assert rows(database, "SELECT link, ad_count, file_mode, is_blocked FROM g1.users WHERE user_id = %s",
                    pseudonym) == [("", 4, True, True)]
        assert rows(database, "SELECT * FROM g1.profiles WHERE id = %s", GONE) == []
        letters = rows(database, "SELECT cause, record_key, record_value FROM telefact.dead_letters")
        assert sorted(cause for cause, _, _ in letters) == [
            "bad_patch", "malformed", "wrong_key", "wrong_key", "wrong_partition"]
        assert all(key is None and value is None for _, key, value in letters)
        assert rows(database, "SELECT DISTINCT is_expired, subjects FROM telefact.dead_letters") == [(True, [])]
        assert rows(database, "SELECT partition, subject, until_ms FROM g1.tombstones ORDER BY 1") == [
            (partition, uuid.UUID(bytes=subject_of(GONE)), ERASED_MS) for partition in range(PARTITIONS)]
        assert rows(database, "SELECT partition, event_id FROM telefact.erasures ORDER BY 1") == [
            (partition, uuid.UUID(bytes=erasure(GONE, partition).event_id)) for partition in range(PARTITIONS)]

    run(bench, body)


def test_answers_count_the_pseudonym_and_know_nobody_of_the_id(bench: Bench) -> None:
    async def whole() -> None:
        service = bench.store()
        async with service:
            with connected(bench.url) as database:
                bench.put(database, *others(), *life(GONE))
                address = service.environment["STORE_RPC_LISTEN"]
                before = await answers(address)
                bench.erase(database, GONE)
                after = await answers(address)
        assert before["user"].found and before["profile"].found
        assert not after["user"].found and not after["profile"].found
        assert "downloaded_at" in str(before["downloads"]) and "downloaded_at" not in str(after["downloads"])
        assert after["stats"] == before["stats"] and after["window"] == before["window"]
        assert after["other"].file_mode_count == before["other"].file_mode_count
        assert after["other"].top_langs == before["other"].top_langs
        assert [each.count for each in after["other"].top_users] == [each.count for each in before["other"].top_users]
        assert after["other"].top_users[0].user_id in PSEUDONYMS
        assert sum(each.count for each in after["referrals"].referrals) == 3
        assert str(GONE) in str(before["ids"]) and str(GONE) not in str(after)
        assert str(after["other"].top_users[0].user_id) in str(after["users"])
        assert str(after["other"].top_users[0].user_id) not in str(after["ids"])
        assert [each for each in CANARIES if each in str(after)] == []

    asyncio.run(whole())


def test_late_records_of_an_erased_person_bring_nothing_back(bench: Bench) -> None:
    async def early(database: psycopg.Connection[Any]) -> None:
        bench.put(database, *others(), *life(GONE)[:4])
        bench.erase(database, GONE)

    async def late(database: psycopg.Connection[Any]) -> None:
        before = counts(database)
        bench.put(database, *life(GONE), start(GONE, "imported", time_ms=0), download(GONE, "new id", time_ms=ERASED_MS))
        for letter in letters_of(GONE, "late"):
            bench.put_raw(database, *letter)
        bench.erase(database, GONE)
        assert traces(database, GONE) == []
        assert counts(database) == before
        assert rows(database, "SELECT count(*), count(record_key), count(record_value), bool_and(is_expired) "
                              "FROM telefact.dead_letters") == [(5, 0, 0, True)]

    run(bench, early)
    run(bench, late, STORE_BATCH_MAX_EVENTS="3")


def test_who_comes_back_after_the_erase_is_a_new_person(bench: Bench) -> None:
    async def body(database: psycopg.Connection[Any]) -> None:
        bench.put(database, *life(GONE))
        bench.erase(database, GONE)
        back = seen(GONE, "back", time_ms=LATER_MS, lang="uk", source=1, link="again")
        bench.put(database, back, video(GONE, "another", time_ms=LATER_MS))
        assert rows(database, "SELECT registered_at, lang, link, videos, is_blocked FROM g1.users WHERE user_id = %s",
                    GONE) == [(LATER_MS // 1000, "uk", "again", 1, False)]
        assert rows(database, "SELECT sum(chats), sum(videos), sum(video_users) FROM g1.totals") == [(2, 5, 2)]
        assert rows(database, "SELECT settings FROM g1.profiles WHERE id = %s", GONE) == [({},)]
        assert traces(database, 0, CANARIES) == []

    run(bench, body)


def test_a_group_is_erased_with_what_it_became(bench: Bench) -> None:
    async def body(database: psycopg.Connection[Any]) -> None:
        migrations = [make("chat_migrated", each, old_id=GROUP, new_id=SUPERGROUP) for each in ("old", "new")]
        bench.put(database, *others(), migrations[0])
        key = ids.record_key(BOT_ID, SUPERGROUP)
        bench.put_raw(database, key, migrations[1].SerializeToString(), ids.partition_of(key, PARTITIONS))
        bench.erase(database, GROUP)
        assert traces(database, GROUP) == []
        [(pseudonym, supergroup)] = rows(database, "SELECT DISTINCT old_id, new_id FROM g1.aliases")
        assert -pseudonym in PSEUDONYMS and supergroup == SUPERGROUP
        assert rows(database, "SELECT count(*) FROM g1.videos WHERE user_id = %s", pseudonym) == [(1,)]

    run(bench, body)


def test_a_person_with_very_many_facts_is_erased_in_pieces(bench: Bench) -> None:
    async def body(database: psycopg.Connection[Any]) -> None:
        count = 9_000
        many = [video(GONE, f"many {n}", time_ms=TIME_MS + n % 7 * 1000 if n % 3 else 0) for n in range(count)]
        many += [make("music_extracted", f"much {n}", user_id=GONE, video_id=n) for n in range(count)]
        bench.put(database, *many)
        bench.erase(database, GONE)
        for table in ("videos", "music"):
            assert rows(database, f"SELECT count(*), count(DISTINCT user_id), min(user_id) = %s FROM g1.{table}", GONE) == [
                (count, 1, False)]

    run(bench, body)


def test_the_log_applied_in_batches_of_one_gives_the_same_tables(
    bench: Bench, servers: Servers, database_url: str
) -> None:
    other_url = servers.create_database("t_erase_again")

    def everything(url: str) -> dict[str, list[tuple[Any, ...]]]:
        with connected(url) as database:
            return {f"{schema}.{table}": rows(database, f'SELECT whole::text FROM {schema}."{table}" AS whole ORDER BY 1')
                    for schema, table in tables(database)
                    if schema == "g1" and table != "fence" or table in ("erasures", "dead_letters")}

    async def body(database: psycopg.Connection[Any]) -> None:
        bench.put(database, *others(), *life(GONE), *life(STAYING))
        bench.erase(database, GONE)
        for letter in letters_of(GONE, "late"):
            bench.put_raw(database, *letter)
        back = [start(GONE, "back", time_ms=LATER_MS), video(GONE, "another", time_ms=LATER_MS)]
        bench.put(database, *back, *life(GONE))
        bench.erase(database, STAYING)

    async def again() -> None:
        async with bench.store(other_url, "again", STORE_BATCH_MAX_EVENTS="1", STORE_KAFKA_GROUP_ID="erase-again"):
            with connected(other_url) as database:
                wait_applied(database, bench.count)

    run(bench, body)
    asyncio.run(again())
    assert everything(bench.url) == everything(other_url)


async def command(bench: Bench, *words: str, **more: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `telefact-store erase`, with nobody to ask."""
    environment = bench.store().environment | more
    process = await asyncio.create_subprocess_exec(
        bench.binaries / "telefact-store", "erase", *words, env=environment, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


def test_the_command_erases_once_however_often_it_is_resumed(bench: Bench) -> None:
    async def body(database: psycopg.Connection[Any]) -> None:
        bench.put(database, *life(GONE), *others())
        code, out, errors = await command(bench, "--user", str(GONE), "--yes", "--wait")
        assert code == 0, errors
        first, written, position, applied = out.splitlines()
        assert (written, applied) == (f"written to {PARTITIONS} partitions", "applied")
        assert set(ids.parse_position(position.removeprefix("position "))) == set(range(PARTITIONS))
        assert traces(database, GONE) == []
        before = {table: rows(database, f"SELECT * FROM g1.{table} ORDER BY 1") for table in ("users", "tombstones")}
        back = seen(GONE, "back", time_ms=2**42, lang="uk")  # far ahead: after any clock
        bench.count += PARTITIONS
        bench.put(database, back)

        ident = first.split()[-1]
        code, again, errors = await command(bench, "--user", str(GONE), "--id", ident, "--yes", "--wait")
        assert code == 0 and again.splitlines()[0] == first, errors
        assert rows(database, "SELECT lang FROM g1.users WHERE user_id = %s", GONE) == [("uk",)]
        assert rows(database, "SELECT * FROM g1.tombstones ORDER BY 1") == before["tombstones"]
        assert rows(database, "SELECT count(*) FROM g1.users") == [(len(before["users"]) + 1,)]
        assert rows(database, "SELECT event_id FROM telefact.erasures ORDER BY partition LIMIT 1") == [
            (uuid.UUID(bytes=ids.of_command(BOT_ID, "user_erased", GONE, 0, uuid.UUID(ident).bytes)),)]

    run(bench, body)


def test_the_command_says_what_it_lacks(bench: Bench) -> None:
    async def body() -> None:
        for words, more, code, says in (
            (("--help",), {}, 0, ""),
            (("--user", "42"), {}, 64, "--yes"),
            (("--yes",), {}, 64, "--user is missing"),
            (("--user", "42", "--yes"), {"STORE_KAFKA_BOOTSTRAP_SERVERS": ""}, 78, "STORE_KAFKA_BOOTSTRAP_SERVERS"),
            (("--user", "42", "--yes"), {"STORE_DATABASE_URL": ""}, 78, "STORE_DATABASE_URL"),
            (("--user", "42", "--yes"), {"STORE_TOPIC_PREFIX": "missing"}, 1, "missing.events.v1"),
        ):
            found, out, errors = await command(bench, *words, **more)
            assert (found, says in errors) == (code, True), (words, more, out, errors)

    asyncio.run(body())
