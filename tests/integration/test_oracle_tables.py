"""The oracle's tables and answers against histories worked out by hand."""

from __future__ import annotations

from typing import Any


from tests.support.oracle.answers import Answers
from tests.support.oracle.erasing import effective, is_pseudonym, pseudonym_of
from tests.support.oracle.places import Place
from tests.support.oracle.projection import merge_patch, project
from tests.support.oracle.tables import Tables
from tests.support.oracle.translate import Event
from tests.support.protos import read_pb2

BOT = 123456789
USER = 5123456789
GROUP = -1001234567890
NOON_MS = 1_760_000_000_000


def event(kind: str, number: int, user_id: int = USER, occurred_at_ms: int = NOON_MS, **fields: Any) -> Event:
    return Event(bytes(15) + bytes([number]), kind, user_id, number, occurred_at_ms, {"user_id": user_id} | fields)


def seen(number: int, source: int = 2, lang: str = "en", **options: Any) -> Event:
    return event("user_seen", number, chat_type=1, source=source, lang=lang, **options)


def applied(*events: Event, record_ms: int = NOON_MS + 50) -> Tables:
    return project((each, Place(3, offset, record_ms)) for offset, each in enumerate(events, 10))


class TestProjection:
    def test_first_registration_wins_whatever_the_order(self) -> None:
        late, early = seen(2, lang="ru", occurred_at_ms=NOON_MS + 1999), seen(1, 1, "uk", link="ref")
        for order in ((late, early), (early, late)):
            row = applied(*order).users[USER]
            assert (row["registered_at"], row["lang"], row["link"]) == (1_760_000_000, "uk", "ref")
            assert (row["first_ms"], row["first_update"], row["is_stub"]) == (NOON_MS, 1, False)

    def test_same_time_is_decided_by_update_id(self) -> None:
        assert applied(seen(9, lang="ru"), seen(2, lang="hi")).users[USER]["lang"] == "hi"

    def test_unknown_time_is_ordered_by_the_log_and_gives_null(self) -> None:
        first = applied(seen(2, lang="ru", occurred_at_ms=0)).users[USER]
        assert (first["registered_at"], first["lang"]) == (None, "ru")
        known = applied(seen(1), seen(2, lang="ru", occurred_at_ms=0)).users[USER]
        assert (known["registered_at"], known["lang"]) == (1_760_000_000, seen(1).fields["lang"])

    def test_private_message_registers_nobody(self) -> None:
        assert applied(seen(1, source=3)) == Tables()

    def test_chosen_language_beats_registrations(self) -> None:
        chosen = event("user_lang_changed", 3, lang="vi")
        for order in ((chosen, seen(1, lang="ru")), (seen(1, lang="ru"), chosen)):
            row = applied(*order).users[USER]
            assert (row["lang"], row["is_lang_set"], row["is_stub"]) == ("vi", True, False)

    def test_stub_has_defaults_and_counts_facts_but_is_no_chat(self) -> None:
        tables = applied(event("video_downloaded", 1, video_link="l", is_images=True))
        row = tables.users[USER]
        assert (row["is_stub"], row["lang"], row["videos"], row["images"]) == (True, "en", 1, 1)
        assert row["first_event"] is None
        assert tables.totals[3, 1] == {
            "chats": 0,
            "videos": 1,
            "images": 1,
            "video_users": 1,
            "image_users": 1,
            "music": 0,
            "music_users": 0,
            "file_modes": 0,
        }
        assert tables.applied == set()

    def test_fact_row(self) -> None:
        video = event("video_downloaded", 1, video_link="l", platform=1, platform_video_id=7)
        assert applied(video).videos[video.event_id] == {
            "event_id": video.event_id,
            "pk_id": 3 << 48 | 10 << 4,
            "user_id": USER,
            "downloaded_at": 1_760_000_000,
            "video_link": "l",
            "is_images": False,
            "is_processed": False,
            "is_inline": False,
            "platform": 1,
            "platform_video_id": 7,
        }

    def test_a_fast_clock_is_held_to_the_records_time(self) -> None:
        ahead = event("music_extracted", 1, occurred_at_ms=NOON_MS + 9_000_000, video_id=4)
        assert applied(ahead, record_ms=NOON_MS).music[ahead.event_id]["downloaded_at"] == 1_760_000_300

    def test_toggle_and_set_follow_the_log(self) -> None:
        toggle = [event("user_mode_changed", number, toggle=True) for number in (1, 2, 3)]
        assert applied(*toggle).users[USER]["file_mode"] is True
        off = event("user_mode_changed", 9, file_mode=False)
        assert applied(*toggle, off).users[USER]["file_mode"] is False

    def test_ads(self) -> None:
        counted = [event("ad_counted", number) for number in (1, 2, 3)]
        row = applied(*counted).users[USER]
        assert (row["ad_count"], row["ad_cooldown"], row["is_stub"]) == (3, 0, True)
        shown = event("ad_shown", 4, cooldown_s=86_400, count_after=1, occurred_at_ms=NOON_MS + 999)
        row = applied(*counted, shown).users[USER]
        assert (row["ad_count"], row["ad_cooldown"]) == (1, 1_760_086_400)
        unknown = event("ad_shown", 5, cooldown_s=5, count_after=2, occurred_at_ms=0)
        row = applied(shown, unknown).users[USER]
        assert (row["ad_count"], row["ad_cooldown"]) == (2, 1_760_086_400)

    def test_profile_keeps_first_time_and_newest_names(self) -> None:
        def start(number: int, name: str | None, at_ms: int) -> Event:
            names = {} if name is None else {"personal": {"first_name": name, "username": name.lower()}}
            return seen(number, 1, occurred_at_ms=at_ms, **names)

        events = [start(2, "Anna", NOON_MS + 5000), start(1, "Ann", NOON_MS), start(3, None, NOON_MS + 9000)]
        row = applied(*events).profiles[USER]
        assert (row["created_at_ms"], row["first_update"]) == (NOON_MS, 1)
        assert (row["first_name"], row["username"], row["last_update"]) == ("Anna", "anna", 2)
        assert applied(start(3, None, 0)).profiles[USER]["first_name"] == ""
        assert applied(seen(1, 2, personal={"first_name": "Ann"})).profiles == {}

    def test_an_erased_person_goes_on_as_a_pseudonym_without_texts(self) -> None:
        start = seen(1, 1, "uk", link="ref", personal={"first_name": "Ann"})
        download = event("video_downloaded", 2, video_link="https://v.example/1")
        erased = event("user_erased", 9, occurred_at_ms=NOON_MS + 1000)
        back = seen(3, 2, occurred_at_ms=NOON_MS + 1001)
        tables = applied(start, download, erased, back)
        pseudonym = pseudonym_of(erased)
        assert is_pseudonym(pseudonym) and set(tables.users) == {pseudonym, USER}
        row = tables.users[pseudonym]
        assert (row["lang"], row["link"], row["videos"], row["is_blocked"]) == ("uk", "", 1, True)
        assert [(fact["user_id"], fact["video_link"]) for fact in tables.videos.values()] == [(pseudonym, "")]
        assert tables.profiles == {} and tables.users[USER]["videos"] == 0
        assert tables.referrals == {("",): {"chats": 1}}

    def test_what_is_dated_up_to_the_erasure_comes_too_late(self) -> None:
        erased = event("user_erased", 9, occurred_at_ms=NOON_MS + 1000)
        history = [erased, seen(1, occurred_at_ms=NOON_MS + 1000), seen(2, occurred_at_ms=0),
                   seen(3, user_id=USER + 1), seen(4, occurred_at_ms=NOON_MS + 1001)]
        places = [(each, Place(3, offset, NOON_MS + 50)) for offset, each in enumerate(history)]
        assert [each.update_id for each, _ in effective(places)] == [9, 3, 4]

    def test_migration_is_an_alias_and_nothing_else(self) -> None:
        moved = Event(bytes(16), "chat_migrated", -1, 1, NOON_MS, {"old_id": -1, "new_id": -2})
        tables = applied(moved)
        assert (tables.aliases, tables.applied, tables.users) == ({(-1, -2)}, {bytes(16)}, {})

    def test_everything_but_sightings_and_facts_is_remembered(self) -> None:
        changes = [event("user_blocked", 1, blocked=True), event("ad_counted", 2), seen(3)]
        assert applied(*changes).applied == {changes[0].event_id, changes[1].event_id}


class TestStatistics:
    def test_buckets_hold_facts_registrations_and_users_by_their_last_fact(self) -> None:
        day, hour = 1_760_054_400, 3_600
        tables = applied(
            seen(1, occurred_at_ms=day * 1000 - 1),
            event("video_downloaded", 2, video_link="l", is_images=True, occurred_at_ms=day * 1000),
            event("video_downloaded", 3, video_link="l", occurred_at_ms=(day - hour) * 1000),
            event("music_extracted", 4, occurred_at_ms=0),
            record_ms=day * 1000,
        )
        hours = {key[1]: row for key, row in tables.buckets.items() if key[0] == 1}
        none = dict.fromkeys(("chats", "videos", "images", "video_users", "image_users", "music", "music_users"), 0)
        assert hours == {
            day // hour - 1: none | {"chats": 1, "videos": 1},
            day // hour: none | {"videos": 1, "images": 1, "video_users": 1, "image_users": 1},
        }
        assert {key[1:] for key in tables.buckets if key[0] == 2} == {(20370, 3, 1), (20371, 3, 1)}
        assert {key[1:] for key in tables.buckets if key[0] == 3} == {(636, 3, 1)}
        user = tables.users[USER]
        assert (user["last_video_at"], user["last_image_at"], user["last_music_at"]) == (day, day, None)

    def test_languages_modes_and_links_are_of_registered_chats(self) -> None:
        tables = applied(
            seen(1, 1, link="A"),
            seen(2, 1, link="A", user_id=8),
            seen(3, 1, link="", user_id=9),
            event("user_lang_changed", 4, lang="vi"),
            event("user_lang_changed", 5, lang="vi", user_id=7),
            event("user_mode_changed", 6, toggle=True),
            event("user_mode_changed", 7, file_mode=True, user_id=7),
        )
        assert tables.langs == {(3, "vi"): {"chats": 1}, (3, "en"): {"chats": 2}}
        assert tables.referrals == {("A",): {"chats": 2}}
        assert tables.totals[3, 1]["file_modes"] == 1
        assert [tables.users[user_id]["is_mode_set"] for user_id in (USER, 7, 8)] == [True, True, False]

    def test_sixteen_users_of_a_partition_stand_in_its_top_list(self) -> None:
        videos = [event("video_downloaded", number, video_link="l", user_id=100 - number) for number in range(20)]
        again = event("video_downloaded", 20, video_link="l", user_id=100)
        assert applied(*videos, again).top_users == {
            (3, 100): {"videos": 2},
            **{(3, user_id): {"videos": 1} for user_id in range(81, 96)},
        }


class TestSettings:
    def test_the_examples_of_rfc_7396(self) -> None:
        assert merge_patch({"a": "b"}, {"a": "c", "b": None}) == {"a": "c"}
        assert merge_patch({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}) == {"a": {"b": "d"}}
        assert merge_patch({"a": [1, 2]}, {"a": {"b": {"c": None}}}) == {"a": {"b": {}}}
        assert merge_patch({"e": None}, {"a": 1}) == {"e": None, "a": 1}

    def test_a_patch_before_the_first_start_makes_a_stub(self) -> None:
        patch = event("user_settings_patched", 1, merge_patch=b'{"a":{"b":null,"c":1}}')
        stub = applied(patch)
        assert (stub.profiles[USER]["settings"], stub.profiles[USER]["first_ms"]) == ({"a": {"c": 1}}, None)
        assert (stub.users, stub.applied) == ({}, {patch.event_id})
        profile = applied(patch, seen(2, 1)).profiles[USER]
        assert (profile["settings"], profile["first_ms"], profile["first_name"]) == ({"a": {"c": 1}}, NOON_MS, "")

    def test_a_patch_that_makes_settings_too_large_has_no_effect(self) -> None:
        def patch(number: int) -> Event:
            text = '{"%d":"%s"}' % (number, "x" * 8_000)
            return event("user_settings_patched", number, merge_patch=text.encode())

        assert sorted(applied(*map(patch, range(1, 6))).profiles[USER]["settings"]) == ["1", "2", "3", "4"]


class TestAnswers:
    def test_lists_and_totals_leave_out_what_they_must(self) -> None:
        answers = Answers(
            applied(
                seen(1),
                seen(2, user_id=7),
                event("user_blocked", 3, user_id=7, blocked=True),
                seen(4, user_id=GROUP),
                event("ad_counted", 5, user_id=8),
                event("music_extracted", 6, user_id=0, video_id=1),
            )
        )
        ids_of = answers.get_user_ids
        assert ids_of(read_pb2.GetUserIdsRequest()) == [USER]
        assert ids_of(read_pb2.GetUserIdsRequest(chat_class=2, include_blocked=True)) == [7, USER]
        assert ids_of(read_pb2.GetUserIdsRequest(chat_class=1)) == [GROUP, USER]
        stats = answers.get_bot_stats(read_pb2.GetBotStatsRequest(chat_class=1))
        assert (stats.chats, stats.music) == (3, 0)

    def test_show_ad(self) -> None:
        def shows(*events: Event) -> list[bool]:
            tables = applied(*events)
            if USER in tables.users:
                tables.users[USER]["ad_cooldown"] = 100
            ask = Answers(tables).should_show_ad
            return [ask(read_pb2.ShouldShowAdRequest(user_id=USER, now=now)).show for now in (99, 100, 101)]

        counted = [event("ad_counted", number) for number in (1, 2, 3)]
        assert shows(seen(9), *counted[:2]) == [False, False, True]
        assert shows(seen(9), *counted) == [True, True, True]
        assert shows(*counted) == shows() == [False, False, False]

    def test_periods_begin_with_their_edge_in_lists_and_after_it_in_sums(self) -> None:
        second = NOON_MS // 1000
        answers = Answers(applied(seen(1), event("video_downloaded", 2, video_link="l")))
        for now, listed, counted in ((second + 9, 1, 1), (second + 10, 1, 0), (second + 11, 0, 0)):
            assert len(answers.get_stats_by_period(read_pb2.GetStatsByPeriodRequest(period_s=10, now=now))) == listed
            stats = answers.get_bot_stats(read_pb2.GetBotStatsRequest(seconds=10, now=now))
            assert (stats.chats, stats.videos, stats.video_users) == (counted, counted, counted)

    def test_points_are_whole_buckets_that_the_ends_may_cut(self) -> None:
        hour = NOON_MS // 1000 // 3_600 * 3_600
        times = (hour - 1, hour, hour + 3_599, hour + 7_200)
        facts = [event("music_extracted", number, occurred_at_ms=at * 1000) for number, at in enumerate(times)]
        request = read_pb2.GetTimeSeriesRequest(series=3, bucket=1, to=hour + 7_201, **{"from": hour + 1})
        answer = Answers(applied(*facts, record_ms=times[-1] * 1000)).get_time_series(request)
        assert [(point.start - hour, point.count) for point in answer.points] == [(0, 1), (3_600, 0), (7_200, 1)]
        assert answer.first == hour - 1

    def test_a_group_that_moved_is_one_chat(self) -> None:
        new = -1_000_000_000_007
        moved = Event(bytes(16), "chat_migrated", GROUP, 1, NOON_MS, {"old_id": GROUP, "new_id": new})
        answers = Answers(
            applied(
                seen(1, lang="ru", user_id=GROUP),
                event("user_mode_changed", 2, user_id=GROUP, toggle=True),
                event("video_downloaded", 3, user_id=GROUP, video_link="a"),
                moved,
                seen(4, lang="uk", user_id=new, occurred_at_ms=NOON_MS + 9_000),
                event("video_downloaded", 5, user_id=new, video_link="b"),
            )
        )
        user = answers.get_user(read_pb2.GetUserRequest(user_id=new)).user
        assert (user.user_id, user.lang, user.file_mode, user.registered_at) == (new, "ru", True, NOON_MS // 1000)
        assert answers.get_user_ids(read_pb2.GetUserIdsRequest(chat_class=3)) == [new]
        assert answers.get_user(read_pb2.GetUserRequest(user_id=GROUP)).user.user_id == GROUP
        stats = answers.get_bot_stats(read_pb2.GetBotStatsRequest())
        assert (stats.chats, stats.videos, stats.video_users) == (1, 2, 1)
        links = [[each.video_link for each in answers.get_user_videos(read_pb2.GetUserVideosRequest(user_id=chat))]
                 for chat in (new, GROUP)]
        assert links == [["a", "b"], ["a"]]
        top = answers.get_other_stats(read_pb2.GetOtherStatsRequest()).top_users
        assert [(each.user_id, each.count) for each in top] == [(new, 2)]
