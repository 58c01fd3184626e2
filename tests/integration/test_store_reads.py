"""The read RPCs of a store without ingest, over tables filled by hand: grpcio asks, SQL is the truth."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import psycopg
import pytest

from deploy.local.servers import Servers
from tests.integration.read_store import Ask, asker, read_store
from tests.support.processes import Service
from tests.support.protos import read_grpc, read_pb2

USER, STUB, GROUP, ABSENT = 5001, 5002, -1005003, 999999
EVENT = "00000000-0000-0000-0000-000000000001"


def _fill(database: psycopg.Connection) -> None:
    database.execute(
        "INSERT INTO g1.users (user_id, registered_at, lang, link, file_mode, ad_count, ad_cooldown, is_stub, "
        "first_ms, first_update, first_event, videos, images, music) VALUES "
        "(%s, 1760000000, 'ru', 'Ref_1', true, 2, 1760086400, false, 1760000000123, 7, %s, 5, 2, 1), "
        "(%s, NULL, 'en', NULL, false, 4, 0, true, NULL, NULL, NULL, 3, 1, 0), "
        "(%s, NULL, 'uk', NULL, false, 0, 0, false, 0, 9, %s, 0, 0, 0)",
        (USER, EVENT, STUB, GROUP, EVENT))
    database.execute(
        "INSERT INTO g1.totals (partition, chat_class, chats, videos, images, video_users, image_users, music, "
        "music_users) VALUES (0, 1, 1, 5, 2, 1, 1, 1, 1), (1, 1, 0, 3, 1, 1, 1, 0, 0), (1, 2, 1, 7, 0, 1, 0, 0, 0), "
        "(1, 0, 1, 9, 9, 1, 1, 9, 1)")
    database.execute(
        "INSERT INTO g1.profiles (id, username, first_name, created_at, settings, first_ms) VALUES "
        "(%s, 'anna', 'Анна', '2025-10-09 08:53:20.7+00', '{\"theme\": {\"dark\": true}}', 1760000000700), "
        "(%s, NULL, '', NULL, '{}', 5), (%s, NULL, '', NULL, '{\"a\": 1}', NULL)", (USER, GROUP, STUB))
    database.execute("INSERT INTO g1.fence (partition, next_offset, cluster_id) VALUES (0, 10, 'c'), (1, 0, 'c'), "
                     "(11, 7, 'c'), (2, 3, 'c')")


@pytest.fixture
def ask(database_url: str, binaries: Path, work_dir: Path) -> Ask:
    return asker(database_url, binaries, work_dir, _fill)


def test_a_registered_user_is_found_whole(ask):
    async def body(store, _):
        answer = await store.GetUser(read_pb2.GetUserRequest(user_id=USER))
        assert answer.found
        assert answer.user == read_pb2.User(user_id=USER, registered_at=1760000000, lang="ru", link="Ref_1",
                                            file_mode=True, ad_count=2, ad_cooldown=1760086400)
        settings = await store.GetUserSettings(read_pb2.GetUserSettingsRequest(user_id=USER))
        assert (settings.found, settings.lang, settings.file_mode) == (True, "ru", True)
        stats = await store.GetUserStats(read_pb2.GetUserStatsRequest(user_id=USER))
        assert (stats.found, stats.user, stats.videos_count, stats.images_count) == (True, answer.user, 5, 2)

    ask(body)


def test_unknown_times_and_links_are_absent(ask):
    async def body(store, _):
        user = (await store.GetUser(read_pb2.GetUserRequest(user_id=GROUP))).user
        assert user.user_id == GROUP
        assert not user.HasField("registered_at") and not user.HasField("link")

    ask(body)


def test_a_stub_is_not_found_but_counted(ask):
    async def body(store, _):
        for user_id, videos in ((STUB, 3), (ABSENT, 0)):
            assert not (await store.GetUser(read_pb2.GetUserRequest(user_id=user_id))).found
            assert not (await store.GetUserSettings(read_pb2.GetUserSettingsRequest(user_id=user_id))).found
            stats = await store.GetUserStats(read_pb2.GetUserStatsRequest(user_id=user_id))
            assert (stats.found, stats.HasField("user"), stats.videos_count) == (False, False, videos)
            assert not (await store.ShouldShowAd(read_pb2.ShouldShowAdRequest(user_id=user_id))).show

    ask(body)


def test_a_profile_is_found_once_its_user_pressed_start(ask):
    async def body(store, _):
        known = await store.GetProfile(read_pb2.GetProfileRequest(user_id=USER))
        assert known == read_pb2.GetProfileResponse(
            found=True, user_id=USER, username="anna", first_name="Анна", created_at=1760000000,
            settings='{"theme": {"dark": true}}')
        nameless = await store.GetProfile(read_pb2.GetProfileRequest(user_id=GROUP))
        assert nameless == read_pb2.GetProfileResponse(found=True, user_id=GROUP, settings="{}")
        for user_id in (STUB, ABSENT):
            answer = await store.GetProfile(read_pb2.GetProfileRequest(user_id=user_id))
            assert answer == read_pb2.GetProfileResponse()

    ask(body)


def test_an_ad_is_due_after_its_cooldown_and_not_at_its_end(ask):
    async def body(store, _):
        for now, show in ((1760086400, False), (1760086401, True)):
            answer = await store.ShouldShowAd(read_pb2.ShouldShowAdRequest(user_id=USER, now=now))
            assert answer.show is show
        assert (await store.ShouldShowAd(read_pb2.ShouldShowAdRequest(user_id=USER))).show

    ask(body)


def test_totals_are_summed_by_class_without_id_zero(ask):
    async def body(store, _):
        totals = {}
        for name in ("ALL", "USERS", "GROUPS", "UNSPECIFIED"):
            wanted = read_pb2.ChatClass.Value(f"CHAT_CLASS_{name}")
            answer = await store.GetBotStats(read_pb2.GetBotStatsRequest(chat_class=wanted))
            totals[name] = (answer.chats, answer.videos, answer.images, answer.video_users, answer.image_users,
                            answer.music, answer.music_users)
        assert totals["USERS"] == (1, 8, 3, 2, 2, 1, 1)
        assert totals["GROUPS"] == (1, 7, 0, 1, 0, 0, 0)
        assert totals["ALL"] == totals["UNSPECIFIED"] == (2, 15, 3, 3, 2, 1, 1)

    ask(body)


def test_every_answer_says_what_it_includes(ask):
    async def body(store, _):
        call = store.GetUser(read_pb2.GetUserRequest(user_id=USER))
        metadata = dict(await call.initial_metadata())
        await call
        assert metadata["telefact-position"] == "0:10,2:3,11:7"
        assert metadata["telefact-generation"] == "1"

    ask(body)


async def _get_user(store, **options):
    return await store.GetUser(read_pb2.GetUserRequest(user_id=USER), **options)


def test_a_read_waits_for_the_position_it_is_given(ask):
    async def body(store, database):
        wanted = (("telefact-min-position", "0:12,2:3"),)
        call = asyncio.ensure_future(_get_user(store, metadata=wanted, timeout=10))
        for _ in range(3):
            assert (await _get_user(store)).user.lang == "ru"
        database.execute("UPDATE g1.users SET lang = 'vi' WHERE user_id = %s", (USER,))
        assert not call.done()
        database.execute("UPDATE g1.fence SET next_offset = 12 WHERE partition = 0")
        assert (await call).user.lang == "vi"
        assert (await store.WaitApplied(read_pb2.WaitAppliedRequest(position="0:12"))).applied

    ask(body)


def test_a_position_that_never_comes_ends_at_the_deadline(ask):
    async def body(store, _):
        began = time.monotonic()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await store.WaitApplied(read_pb2.WaitAppliedRequest(position="7:1"), timeout=0.3)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert time.monotonic() - began < 5

    ask(body)


def test_wrong_arguments_name_their_field(ask):
    async def body(store, _):
        wrong = [
            (store.GetBotStats(read_pb2.GetBotStatsRequest(seconds=-1)), "seconds"),
            (store.GetBotStats(read_pb2.GetBotStatsRequest(chat_class=9)), "chat_class"),
            (store.WaitApplied(read_pb2.WaitAppliedRequest(position="x")), "position"),
            (store.GetUser(read_pb2.GetUserRequest(), metadata=(("telefact-min-position", "1:"),)),
             "telefact-min-position"),
        ]
        for call, field in wrong:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert caught.value.details().startswith(f"{field}:")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in store.GetUserIds(read_pb2.GetUserIdsRequest(page_token="g1")):
                pass
        assert caught.value.details().startswith("page_token:")

    ask(body)


def test_a_refused_read_is_told_with_the_callers_trace(ask, work_dir):
    async def body(store, _):
        for number, traceparent in enumerate((f"00-{'e' * 32}-{'b' * 16}-01", f"00-{'E' * 32}-{'b' * 16}-01")):
            with pytest.raises(grpc.aio.AioRpcError):
                call = (store.GetBotStats, store.GetUser)[number]
                request = (read_pb2.GetBotStatsRequest(seconds=-1), read_pb2.GetUserRequest())[number]
                await call(request, metadata=(("traceparent", traceparent), ("telefact-min-position", "1:")))

    ask(body)
    log = "".join(path.read_text() for path in work_dir.glob("*.log"))
    (line,) = [line for line in log.splitlines() if "where=read" in line]
    assert f"trace_id={'e' * 32}" in line
    assert "E" * 32 not in log


async def _pages(store, **request):
    return [page async for page in store.GetUserIds(read_pb2.GetUserIdsRequest(**request))]


def test_ids_stream_in_order_and_resume_where_they_stopped(ask):
    async def body(store, database):
        database.execute("INSERT INTO g1.users (user_id, is_stub) SELECT n, n % 10 = 0 "
                         "FROM generate_series(10001, 13000) n")
        wanted = [row[0] for row in database.execute(
            "SELECT user_id FROM g1.users WHERE NOT is_stub AND user_id > 0 ORDER BY 1")]
        pages = await _pages(store)
        assert [id for page in pages for id in page.user_ids] == wanted
        assert [len(page.user_ids) for page in pages] == [1000, 1000, len(wanted) - 2000]
        assert pages[-1].next_page_token == ""
        rest = await _pages(store, page_token=pages[0].next_page_token)
        assert [id for page in rest for id in page.user_ids] == wanted[1000:]

    ask(body)


def test_ids_of_groups_of_all_and_of_those_that_blocked(ask):
    async def body(store, database):
        database.execute("INSERT INTO g1.users (user_id, is_stub, is_blocked) VALUES (6001, false, true)")
        ids = {}
        for name, request in {
            "groups": {"chat_class": read_pb2.CHAT_CLASS_GROUPS},
            "all": {"chat_class": read_pb2.CHAT_CLASS_ALL},
            "users": {},
            "blocked too": {"include_blocked": True},
        }.items():
            ids[name] = [id for page in await _pages(store, **request) for id in page.user_ids]
        assert ids == {"groups": [GROUP], "all": [GROUP, USER], "users": [USER], "blocked too": [USER, 6001]}

    ask(body)


def test_many_callers_share_few_connections(ask):
    async def body(store, database):
        calls = [store.GetUser(read_pb2.GetUserRequest(user_id=USER)) for _ in range(500)]
        answers = await asyncio.gather(*calls)
        assert all(answer.found for answer in answers)
        row = database.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()").fetchone()
        assert row[0] <= 11

    ask(body)


def test_a_caller_that_leaves_takes_its_query_along(ask):
    async def body(store, database):
        with psycopg.connect(database.info.dsn, password=database.info.password) as locker:
            locker.execute("LOCK TABLE g1.users IN ACCESS EXCLUSIVE MODE")
            call = store.GetUser(read_pb2.GetUserRequest(user_id=USER), timeout=30)
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            await _until(lambda: database.execute(waiting).fetchone()[0] == 1)
            call.cancel()
            await _until(lambda: database.execute(waiting).fetchone()[0] == 0)
        assert (await store.GetUser(read_pb2.GetUserRequest(user_id=USER))).found

    ask(body)


async def _until(holds: Callable[[], bool], deadline_s: float = 10.0) -> None:
    end = time.monotonic() + deadline_s
    while not holds():
        assert time.monotonic() < end, "the condition did not come true in time"
        await asyncio.sleep(0.02)


def test_tables_of_another_projection_are_not_asked(database_url: str, binaries: Path, work_dir: Path):
    async def whole() -> None:
        async with read_store(database_url, binaries, work_dir) as (_, address), \
                grpc.aio.insecure_channel(address) as channel:
            store = read_grpc.ReadServiceStub(channel)
            assert not (await store.GetUser(read_pb2.GetUserRequest(user_id=1))).found
            with psycopg.connect(database_url, autocommit=True) as database:
                database.execute("INSERT INTO telefact.generations (id, projection_version, state) VALUES (2, 99, 'live')")
                database.execute("CREATE SCHEMA g2")
                tables = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'g1'").fetchall()
                for table, in tables:
                    database.execute(f"CREATE VIEW g2.{table} AS SELECT * FROM g1.{table}")  # type: ignore[arg-type]
                database.execute("UPDATE telefact.active SET generation = 2")
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await store.GetUser(read_pb2.GetUserRequest(user_id=1), timeout=5)
                assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
                database.execute("UPDATE telefact.active SET generation = 1")
            assert not (await store.GetUser(read_pb2.GetUserRequest(user_id=1))).found

    asyncio.run(whole())


def test_a_dead_database_is_unavailable_and_comes_back(own_servers: Servers, binaries: Path, work_dir: Path):
    async def whole() -> None:
        url = own_servers.create_database("reads")
        async with read_store(url, binaries, work_dir) as (service, address), \
                grpc.aio.insecure_channel(address) as channel:
            store = read_grpc.ReadServiceStub(channel)
            assert (await store.Healthcheck(read_pb2.HealthcheckRequest())).ok
            own_servers.kill_postgres()
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await store.Healthcheck(read_pb2.HealthcheckRequest(), timeout=4)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            await _until_async(service, ready=False)
            own_servers.start_postgres()
            await _until_async(service, ready=True)
            assert (await store.Healthcheck(read_pb2.HealthcheckRequest())).ok

    async def _until_async(service: Service, ready: bool) -> None:
        end = time.monotonic() + 15
        while await service.is_ready() is not ready:
            assert time.monotonic() < end
            await asyncio.sleep(0.05)

    asyncio.run(whole())
