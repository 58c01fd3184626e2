"""Statistics and lists of a store over tables filled by hand: each answer is what looking at every row gives."""

from __future__ import annotations

import random
from pathlib import Path

import grpc
import psycopg
import pytest

from tests.integration.read_store import Ask, asker
from tests.support.protos import read_pb2
from tests.support.statistics import ALL, BLOCK, DAY, GROUPS, HOUR, KEPT, USERS, Fact, Truth, derive, points

CLASSES = (ALL, USERS, GROUPS)
PARTITIONS = 3
NOW = 640 * BLOCK + 5 * DAY + 7 * HOUR + 1234
PLACES = (NOW, NOW // HOUR * HOUR, NOW // DAY * DAY, (NOW // DAY - 1) * DAY, NOW // BLOCK * BLOCK,
          (NOW // BLOCK - 1) * BLOCK, 0)
LANGS = ("ar", "en", "hi", "ru", "uk")
BUSY = 77  # the chat with more downloads than a page
PUNCTUAL = 78
NEW_BUSY, OLD_BUSY = -1_000_000_000_077, -77
PAGE = 1000


class _Filler:
    """Chats of every kind, among them groups that moved, and facts around places where buckets begin."""

    def __init__(self, database: psycopg.Connection, seed: int) -> None:
        self._database = database
        self._rng = random.Random(f"statistics {seed}")
        self._facts = 0

    def fill(self) -> None:
        users = [*range(1, 60), BUSY]
        groups = [-n for n in range(1, 60)]
        olds = [*range(-400, -300), OLD_BUSY]
        news = [-1_000_000_000_000 + old for old in olds]
        self._chats([0, *users, *groups, *(chat for pair in zip(olds, news, strict=True) for chat in pair
                                           if chat in (OLD_BUSY, NEW_BUSY) or self._rng.random() < 0.8)])
        with self._database.cursor().copy("COPY g1.aliases FROM STDIN") as copy:
            for pair in zip(olds, news, strict=True):  # as both chats say
                copy.write_row((*pair, 0))
                copy.write_row((*pair, 1))
        rows = [row[0] for row in self._database.execute("SELECT user_id FROM g1.users ORDER BY 1")]
        heavy = [BUSY, OLD_BUSY, NEW_BUSY]
        self._videos([*heavy * 1500, *self._rng.choices(rows, k=3000)])
        self._music(self._rng.choices(rows, k=1500))
        self._last_at_the_hour()
        derive(self._database, PARTITIONS)
        self._database.execute("ANALYZE")

    def _last_at_the_hour(self) -> None:
        """A chat whose last facts are just before and just when an hour begins."""
        self._database.execute("INSERT INTO g1.users (user_id) VALUES (%s)", (PUNCTUAL,))
        for time in (NOW // HOUR * HOUR - 1, NOW // HOUR * HOUR):
            self._facts += 1
            fact = (f"00000000-0000-0000-0000-{self._facts:012}", self._facts << 4, PUNCTUAL, time)
            self._database.execute("INSERT INTO g1.videos (event_id, pk_id, user_id, downloaded_at, video_link, is_images) "
                                   "VALUES (%s, %s, %s, %s, 'x', true)", fact)
            self._database.execute("INSERT INTO g1.music (event_id, pk_id, user_id, downloaded_at, video_id) "
                                   "VALUES (%s, %s, %s, %s, 0)", fact)

    def _time(self) -> int | None:
        place = self._rng.choice((None, *PLACES))
        spread = self._rng.choice((2, 60, HOUR, DAY, 3 * DAY, BLOCK))
        return None if place is None else max(0, place + self._rng.randint(-spread, spread))

    def _chats(self, ids: list[int]) -> None:
        names = ("user_id, registered_at, lang, link, file_mode, ad_count, ad_cooldown, is_stub, is_lang_set, "
                 "is_blocked, is_mode_set")
        with self._database.cursor().copy(f"COPY g1.users ({names}) FROM STDIN") as copy:
            for user_id in ids:
                copy.write_row((user_id, *self._chat()))

    def _chat(self) -> tuple[object, ...]:
        rng = self._rng
        is_stub, is_lang_set, is_mode_set = rng.random() < 0.3, rng.random() < 0.3, rng.random() < 0.4
        lang = rng.choice(LANGS) if is_lang_set or not is_stub else "en"
        link = rng.choice((None, "a", "A", "b", "ä", "c d", "Ref_1", "z" * 300))
        return (None if is_stub else self._time(), lang, None if is_stub else link,
                is_mode_set and rng.random() < 0.7, rng.randint(0, 5), rng.choice((0, NOW - 5, NOW + 5)), is_stub,
                is_lang_set, rng.random() < 0.2, is_mode_set)

    def _fact(self, user_id: int) -> tuple[object, ...]:
        self._facts += 1
        return (f"00000000-0000-0000-0000-{self._facts:012}",
                self._rng.randrange(PARTITIONS) << 48 | self._facts << 4, user_id, self._time())

    def _videos(self, ids: list[int]) -> None:
        names = "event_id, pk_id, user_id, downloaded_at, video_link, is_images"
        with self._database.cursor().copy(f"COPY g1.videos ({names}) FROM STDIN") as copy:
            for user_id in ids:
                copy.write_row((*self._fact(user_id), f"https://vm.tiktok.com/{self._facts}",
                                self._rng.random() < 0.2))

    def _music(self, ids: list[int]) -> None:
        names = "event_id, pk_id, user_id, downloaded_at, video_id"
        with self._database.cursor().copy(f"COPY g1.music ({names}) FROM STDIN") as copy:
            for user_id in ids:
                copy.write_row((*self._fact(user_id), self._facts))


def _fill(database: psycopg.Connection) -> None:
    _Filler(database, 1).fill()


@pytest.fixture
def ask(database_url: str, binaries: Path, work_dir: Path) -> Ask:
    return asker(database_url, binaries, work_dir, _fill)


def _user(chat) -> read_pb2.User:
    return read_pb2.User(**{name: chat[name] for name in (
        "user_id", "registered_at", "lang", "link", "file_mode", "ad_count", "ad_cooldown")})


def test_a_group_that_moved_is_one_chat(ask):
    async def body(store, database):
        truth = Truth(database)
        for user_id in (*truth.rows, *truth.old_of, 5_000):
            chat = truth.chat(user_id)
            found = chat is not None and not chat["is_stub"]
            stats = await store.GetUserStats(read_pb2.GetUserStatsRequest(user_id=user_id))
            assert (stats.found, stats.videos_count, stats.images_count) == (
                found, chat["videos"] if chat else 0, chat["images"] if chat else 0), user_id
            user = await store.GetUser(read_pb2.GetUserRequest(user_id=user_id))
            settings = await store.GetUserSettings(read_pb2.GetUserSettingsRequest(user_id=user_id))
            ad = await store.ShouldShowAd(read_pb2.ShouldShowAdRequest(user_id=user_id, now=NOW))
            assert (user.found, settings.found) == (found, found)
            if not found:
                assert not user.HasField("user") and not ad.show
                continue
            assert user.user == stats.user == _user(chat)
            assert (settings.lang, settings.file_mode) == (chat["lang"], chat["file_mode"])
            assert ad.show is (chat["ad_count"] >= 3 or chat["ad_cooldown"] < NOW)

    ask(body)


def test_totals_of_any_window_count_each_fact_and_chat_once(ask):
    async def body(store, database):
        truth = Truth(database)
        rng = random.Random("windows")
        edges = [NOW % HOUR, NOW % DAY, NOW % BLOCK, NOW % BLOCK + BLOCK]
        seconds = [0, 1, 2, 59, HOUR, DAY, 7 * DAY, 31 * DAY, NOW - 1, NOW, NOW + 1, NOW + 2, 2**63 - 1]
        seconds += [edge + more for edge in edges for more in (-1, 0, 1, 2)]
        seconds += [rng.randint(1, 10 ** rng.randint(1, 9)) for _ in range(20)]
        for trailing in seconds:
            for chat_class in CLASSES:
                answer = await store.GetBotStats(read_pb2.GetBotStatsRequest(
                    chat_class=chat_class, seconds=trailing, now=NOW))
                expected = truth.bot_stats(chat_class, NOW - trailing if trailing else None)
                assert {name: getattr(answer, name) for name in KEPT} == expected, (trailing, chat_class)

    ask(body)


def test_a_window_may_begin_anywhere(ask):
    async def body(store, database):
        truth = Truth(database)
        for now in (-(2**63), -1, 0, 1, NOW - BLOCK, 2**62, 2**63 - 1):
            answer = await store.GetBotStats(read_pb2.GetBotStatsRequest(seconds=5, now=now))
            assert {name: getattr(answer, name) for name in KEPT} == truth.bot_stats(ALL, now - 5), now
        recent = await store.GetBotStats(read_pb2.GetBotStatsRequest(seconds=1))
        assert recent == read_pb2.GetBotStatsResponse()

    ask(body)


def test_links_languages_and_the_busiest_chats_are_ranked(ask):
    async def body(store, database):
        truth = Truth(database)
        for limit in (0, *range(1, 10), 1000):
            answer = await store.GetReferralStats(read_pb2.GetReferralStatsRequest(limit=limit))
            assert [(row.link, row.count) for row in answer.referrals] == truth.referrals(limit or 10), limit
        answer = await store.GetOtherStats(read_pb2.GetOtherStatsRequest())
        assert answer.file_mode_count == truth.file_modes()
        assert [(row.lang, row.count) for row in answer.top_langs] == truth.langs()
        assert [(row.user_id, row.count) for row in answer.top_users] == truth.top_users()

    ask(body)


def test_the_busiest_chats_are_found_when_all_that_were_kept_moved(ask):
    async def body(store, database):
        database.execute("DELETE FROM g1.aliases")
        database.execute("INSERT INTO g1.aliases SELECT user_id, user_id - 5000000, partition FROM g1.top_users")
        truth = Truth(database)
        answer = await store.GetOtherStats(read_pb2.GetOtherStatsRequest())
        assert [(row.user_id, row.count) for row in answer.top_users] == truth.top_users()
        assert not {row.user_id for row in answer.top_users} & set(truth.new_of)

        database.execute("UPDATE g1.aliases SET new_id = new_id + 4999000 - (SELECT count(*) FROM g1.users)")
        database.execute("UPDATE g1.users SET videos = 0 WHERE user_id IN (SELECT old_id FROM g1.aliases)")
        answer = await store.GetOtherStats(read_pb2.GetOtherStatsRequest())
        left = database.execute("SELECT user_id, videos FROM g1.users WHERE videos > 0 ORDER BY videos DESC, user_id "
                                "LIMIT 10").fetchall()
        assert [(row.user_id, row.count) for row in answer.top_users] == left

    ask(body)


def test_series_have_every_bucket_and_cut_the_first_and_last(ask):
    async def body(store, database):
        truth = Truth(database)
        rng = random.Random("series")
        for number in range(30):
            length = rng.choice((60, HOUR, DAY, 3 * DAY, 40 * DAY))
            start = max(0, rng.choice((NOW, NOW // DAY * DAY, NOW // HOUR * HOUR)) - rng.randint(0, length))
            end = start + rng.choice((0, 1, HOUR, DAY, length, rng.randint(0, 2 * length)))
            if number % 2:  # where times lie close together
                start, end = sorted(rng.choice(PLACES[:4]) + rng.randint(-2, 2) for _ in range(2))
            for name in ("USERS", "VIDEOS", "MUSIC", "IMAGES"):
                chat_class = rng.choice(CLASSES)
                bucket = rng.choice(("HOUR", "DAY"))
                answer = await store.GetTimeSeries(read_pb2.GetTimeSeriesRequest(
                    **{"series": f"SERIES_{name}", "bucket": f"BUCKET_{bucket}", "from": start, "to": end,
                       "chat_class": chat_class}))
                times = truth.series(name, chat_class)
                expected = list(points(times, HOUR if bucket == "HOUR" else DAY, start, end)) if start < end else []
                assert [(point.start, point.count) for point in answer.points] == expected, (number, name, chat_class)
                assert answer.first == min(times)

    ask(body)


def test_the_oldest_time_is_of_the_class_and_of_what_counts(ask):
    async def body(store, database):
        async def first(series: str, chat_class: int) -> int | None:
            answer = await store.GetTimeSeries(read_pb2.GetTimeSeriesRequest(
                **{"series": f"SERIES_{series}", "bucket": "BUCKET_DAY", "chat_class": chat_class}))
            return answer.first if answer.HasField("first") else None

        for table in ("aliases", "videos", "music", "users"):
            database.execute(f"DELETE FROM g1.{table}")
        derive(database, PARTITIONS)
        assert [await first(name, ALL) for name in ("USERS", "VIDEOS", "MUSIC", "IMAGES")] == [None] * 4

        database.execute("INSERT INTO g1.aliases VALUES (-1, -2, 0)")
        for age in (60, 3 * HOUR, 3 * DAY, 3 * BLOCK):
            database.execute("DELETE FROM g1.users")
            database.execute(
                "INSERT INTO g1.users (user_id, registered_at, is_stub) VALUES (5, %(now)s, false), "
                "(-1, %(now)s, false), (-2, %(now)s - %(age)s, false), (-3, %(now)s + 9, false), (-4, 7, true)",
                {"now": NOW, "age": age})
            derive(database, PARTITIONS)
            assert [await first("USERS", of) for of in CLASSES] == [NOW, NOW, NOW]
            database.execute("UPDATE g1.users SET registered_at = NULL WHERE user_id IN (5, -1)")
            derive(database, PARTITIONS)
            assert [await first("USERS", of) for of in CLASSES] == [NOW + 9, None, NOW + 9]

    ask(body)


def test_wrong_arguments_of_statistics_name_their_field(ask):
    async def body(store, _):
        series = {"series": "SERIES_VIDEOS", "bucket": "BUCKET_HOUR", "from": 0, "to": 5}
        wrong = [
            (store.GetReferralStats(read_pb2.GetReferralStatsRequest(limit=-1)), "limit"),
            (store.GetReferralStats(read_pb2.GetReferralStatsRequest(limit=1001)), "limit"),
        ]
        for change, field in (({"series": 0}, "series"), ({"series": 9}, "series"), ({"bucket": 0}, "bucket"),
                              ({"bucket": 3}, "bucket"), ({"from": -1}, "from"), ({"to": -1}, "to"),
                              ({"to": 100_000 * HOUR + 1}, "to"), ({"to": 2**63 - 1}, "to"),
                              ({"chat_class": 4}, "chat_class")):
            wrong.append((store.GetTimeSeries(read_pb2.GetTimeSeriesRequest(**(series | change))), field))
        for call, field in wrong:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert caught.value.details().startswith(f"{field}:")
        most = await store.GetTimeSeries(read_pb2.GetTimeSeriesRequest(**(series | {"to": 100_000 * HOUR})))
        assert len(most.points) == 100_000

    ask(body)


def _facts(downloads) -> list[tuple[int | None, str]]:
    return [(row.downloaded_at if row.HasField("downloaded_at") else None, row.video_link) for row in downloads]


def _expected(facts: list[Fact]) -> list[tuple[int | None, str]]:
    return [(fact.time, fact.link) for fact in facts]


async def _check_pages(method, request, expected, rows_of) -> None:
    """All of it in full pages, and again from the token of each page, on a call of its own."""
    pages = [page async for page in method(request)]
    assert [row for page in pages for row in rows_of(page)] == expected
    assert all(len(rows_of(page)) == PAGE and page.next_page_token for page in pages[:-1])
    assert len(rows_of(pages[-1])) < PAGE and not pages[-1].next_page_token
    for number, page in enumerate(pages[:-1], 1):
        request.page_token = page.next_page_token
        rest = [row async for after in method(request) for row in rows_of(after)]
        assert rest == expected[number * PAGE:]


def test_downloads_of_a_chat_go_on_over_known_and_unknown_times(ask):
    async def body(store, database):
        database.execute("UPDATE g1.videos SET downloaded_at = NULL WHERE user_id = %s AND pk_id %% 3 = 0", (BUSY,))
        database.execute("UPDATE g1.videos SET downloaded_at = downloaded_at / 1000000 * 1000000")
        truth = Truth(database)
        for user_id in (BUSY, NEW_BUSY, OLD_BUSY, 3, 5_000):
            expected = _expected(truth.downloads_of(user_id))
            await _check_pages(store.GetUserVideos, read_pb2.GetUserVideosRequest(user_id=user_id), expected,
                               lambda page: _facts(page.downloads))

    ask(body)


def test_downloads_of_a_period_go_on_where_they_stopped(ask):
    async def body(store, database):
        database.execute("UPDATE g1.videos SET downloaded_at = downloaded_at / 100 * 100")
        truth = Truth(database)
        asked = ((-5, 0), (0, USERS), (0, GROUPS), (HOUR, ALL), (DAY, GROUPS), (NOW, ALL), (2**63 - 1, USERS))
        for period, chat_class in asked:
            facts = [fact for fact in truth.downloads(truth.rows) if _is_in(fact, period, chat_class or ALL)]
            request = read_pb2.GetStatsByPeriodRequest(period_s=period, chat_class=chat_class, now=NOW)
            await _check_pages(store.GetStatsByPeriod, request, _expected(facts), lambda page: _facts(page.downloads))

    ask(body)


def _is_in(fact: Fact, period: int, chat_class: int) -> bool:
    of_class = chat_class == ALL or (fact.user_id > 0) == (chat_class == USERS) and fact.user_id != 0
    return of_class and (period <= 0 or fact.time is not None and fact.time >= NOW - period)


def test_registered_chats_are_listed_under_the_id_they_have_now(ask):
    async def body(store, database):
        truth = Truth(database)
        for chat_class in CLASSES:
            users = [page async for page in store.ListUsers(read_pb2.ListUsersRequest(chat_class=chat_class))]
            assert [user for page in users for user in page.users] == [
                _user(chat) for chat in truth.registered(chat_class)]
            for blocked in (False, True):
                request = read_pb2.GetUserIdsRequest(chat_class=chat_class, include_blocked=blocked)
                ids = [user_id async for page in store.GetUserIds(request) for user_id in page.user_ids]
                assert ids == truth.listed_ids(chat_class, blocked)

    ask(body)


def test_lists_of_chats_go_on_where_they_stopped(ask):
    async def body(store, database):
        database.execute("INSERT INTO g1.users (user_id, is_stub) SELECT -n, n % 7 = 0 "
                         "FROM generate_series(20001, 22500) AS n")
        database.execute("INSERT INTO g1.aliases SELECT -n, -n - 1000000000000, 0 FROM generate_series(20001, 22500, 3) AS n")
        truth = Truth(database)
        await _check_pages(store.ListUsers, read_pb2.ListUsersRequest(), [_user(chat) for chat in truth.registered()],
                           lambda page: list(page.users))
        request = read_pb2.GetUserIdsRequest(chat_class=GROUPS, include_blocked=True)
        await _check_pages(store.GetUserIds, request, truth.listed_ids(GROUPS, True), lambda page: list(page.user_ids))

    ask(body)


def test_a_token_of_another_list_is_refused(ask):
    async def body(store, _):
        async def token(call) -> str:
            async for page in call:
                return page.next_page_token
            raise AssertionError("no page")

        history = await token(store.GetStatsByPeriod(read_pb2.GetStatsByPeriodRequest()))
        period = await token(store.GetStatsByPeriod(read_pb2.GetStatsByPeriodRequest(period_s=NOW, now=NOW)))
        busy = await token(store.GetUserVideos(read_pb2.GetUserVideosRequest(user_id=BUSY)))
        assert history and period and busy
        wrong = [
            store.GetStatsByPeriod(read_pb2.GetStatsByPeriodRequest(page_token=period)),
            store.GetStatsByPeriod(read_pb2.GetStatsByPeriodRequest(period_s=5, page_token=history)),
            store.GetStatsByPeriod(read_pb2.GetStatsByPeriodRequest(chat_class=GROUPS, page_token=history)),
            store.GetStatsByPeriod(read_pb2.GetStatsByPeriodRequest(page_token=busy)),
            store.GetUserVideos(read_pb2.GetUserVideosRequest(user_id=BUSY + 1, page_token=busy)),
            store.GetUserVideos(read_pb2.GetUserVideosRequest(user_id=BUSY, page_token="downloads:77:x:1")),
            store.ListUsers(read_pb2.ListUsersRequest(page_token="after:5")),
            store.GetUserIds(read_pb2.GetUserIdsRequest(page_token="users:5")),
        ]
        for call in wrong:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                async for _ in call:
                    pass
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert caught.value.details().startswith("page_token:")

    ask(body)
