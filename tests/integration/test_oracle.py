"""The oracle against histories worked out by hand: a judge must be judged first."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.oracle import ids
from tests.support.oracle.answers import Answers
from tests.support.oracle.check_log import as_proto, check_events
from tests.support.oracle.differences import SHOWN_PER_KIND, Differences
from tests.support.oracle.expected import Candidate, Expected, expect
from tests.support.oracle.log import Record, TopicLog
from tests.support.oracle.projection import Place, merge_patch, project
from tests.support.oracle.tables import Tables
from tests.support.oracle.translate import NO_EVENT, TOO_DEEP, UNPARSABLE, Event, translate
from tests.support.protos import read_pb2
from tests.support.telegram import Attempt, Entry

BOT = 123456789
USER = 5123456789
GROUP = -1001234567890
NOON_MS = 1_760_000_000_000


def private(**fields: Any) -> bytes:
    message = {
        "message_id": 17,
        "from": {"id": USER, "is_bot": False, "first_name": "Ann", "username": "ann", "language_code": "ru"},
        "chat": {"id": USER, "type": "private", "first_name": "Ann"},
        "date": 1_760_000_000,
    }
    return json.dumps({"update_id": 900000001, "message": message | fields}).encode()


def in_group(**fields: Any) -> bytes:
    message = {
        "message_id": 17,
        "from": {"id": USER, "is_bot": False, "first_name": "Ann", "language_code": "pt-br"},
        "chat": {"id": GROUP, "type": "supergroup", "title": "G"},
        "date": 1_760_000_001,
    }
    return json.dumps({"update_id": 900000002, "message": message | fields}).encode()


def only_event(body: bytes) -> Event:
    (event,) = translate(body, BOT).events
    return event


class TestEventIds:
    def test_update_matches_the_published_vectors(self) -> None:
        found = ids.of_update(BOT, "user_seen", 0, 900000001, "m:5123456789:17", 1760000000)
        assert found.hex() == "0000000035a4e90100fa59dca54d6b8c"

    @pytest.mark.parametrize(
        ("kind", "subject", "key", "wanted"),
        [
            ("video_downloaded", USER, "order-7", "fc5160ccff98a5bf9fbfa00ee897d423"),
            ("video_downloaded", GROUP, "order-7", "1bd7aeb12950e131b5b4b536d37b3b6b"),
            ("ad_shown", USER, "0199c6b2-3f4a-7c1d-8e9f-0123456789ab", "0199c6b23f4a7c1d5f2a0fc81951e73a"),
            ("video_downloaded", USER, "ключ-🙂", "0cff6d5e60e99a09d7ba7292acd5eeab"),
        ],
    )
    def test_key_matches_the_published_vectors(self, kind: str, subject: int, key: str, wanted: str) -> None:
        assert ids.of_key(BOT, kind, subject, key).hex() == wanted

    def test_row_and_command_match_the_published_vectors(self) -> None:
        row = ids.of_row(BOT, "video_downloaded", 0, "tt", "videos", "42", 1_700_000_000_000)
        assert row.hex() == "0000018bcfe568002b11117e7e78be4a"
        uuid = bytes.fromhex("0199c6b23f4a7c1d8e9f0123456789ab")
        command = ids.of_command(BOT, "user_erased", USER, 3, uuid)
        assert command.hex() == "0199c6b23f4a7c1dadfe24f8aa1405ad"

    def test_partition_is_that_of_javas_murmur2(self) -> None:
        assert ids.partition_of(b"foobar", 1 << 31) == -790332482 & 0x7FFFFFFF
        assert ids.partition_of(b"21", 1 << 31) == -973932308 & 0x7FFFFFFF

    def test_position_token(self) -> None:
        assert ids.parse_position("3:1043,5:78") == {3: 1043, 5: 78}
        assert ids.parse_position("") == {}
        for wrong in ("3", "3:", ":1", "3:-1", "3:1,3:2", "3:1,"):
            with pytest.raises(ValueError, match="position"):
                ids.parse_position(wrong)


class TestTranslate:
    def test_start_carries_payload_language_and_names(self) -> None:
        event = only_event(private(text="/start Ref_7"))
        assert event.event_id.hex() == "0000000035a4e90100fa59dca54d6b8c"
        assert (event.kind, event.subject_id, event.occurred_at_ms) == ("user_seen", USER, NOON_MS)
        assert event.fields == {
            "user_id": USER,
            "chat_type": 1,
            "source": 1,
            "lang": "ru",
            "link": "Ref_7",
            "personal": {"username": "ann", "first_name": "Ann", "language_code": "ru"},
        }

    def test_start_without_payload_has_no_link(self) -> None:
        assert "link" not in only_event(private(text="/start")).fields

    def test_group_is_seen_by_text_without_names(self) -> None:
        event = only_event(in_group(text="/start x"))
        assert event.event_id.hex() == ids.of_update(BOT, "user_seen", 0, 900000002, f"m:{GROUP}:17", 1760000001).hex()
        assert event.fields == {"user_id": GROUP, "chat_type": 3, "source": 2, "lang": "en"}

    def test_photo_is_seen_in_private_only(self) -> None:
        assert only_event(private(photo=[])).fields["source"] == 3
        assert translate(in_group(photo=[]), BOT).reasons == {NO_EVENT}

    def test_mode_is_a_toggle_in_private_and_a_text_in_groups(self) -> None:
        assert only_event(private(text="/mode")).fields == {"user_id": USER, "toggle": True}
        assert only_event(in_group(text="/mode")).kind == "user_seen"

    def test_nul_becomes_the_replacement_character(self) -> None:
        assert only_event(private(text="/start a\0b")).fields["link"] == "a\ufffdb"

    def test_long_link_is_cut_at_a_character(self) -> None:
        link = only_event(private(text="/start " + "д" * 1500)).fields["link"]
        assert link == "д" * 1024

    def test_lang_button_needs_private_and_a_known_code(self) -> None:
        def press(data: str, chat: int = USER, kind: str = "private") -> bytes:
            message = {"message_id": 1, "date": 0, "chat": {"id": chat, "type": kind}}
            query = {"id": "4382bfdwdsb323b2d9", "from": {"id": USER}, "message": message, "data": data}
            return json.dumps({"update_id": 900000003, "callback_query": query}).encode()

        event = only_event(press("lang/uk"))
        assert event.event_id.hex() == "0000000035a4e90365710a2a4ef95067"
        assert event.fields == {"user_id": USER, "lang": "uk"}
        assert event.occurred_at_ms is None
        assert translate(press("lang/zz"), BOT).reasons == {NO_EVENT}
        assert translate(press("lang/uk", GROUP, "group"), BOT).reasons == {NO_EVENT}

    def test_both_migration_messages_name_old_and_new(self) -> None:
        to_new = only_event(in_group(migrate_to_chat_id=-2))
        assert (to_new.subject_id, to_new.fields) == (GROUP, {"old_id": GROUP, "new_id": -2})
        from_old = only_event(in_group(migrate_from_chat_id=-3))
        assert (from_old.subject_id, from_old.fields) == (GROUP, {"old_id": -3, "new_id": GROUP})

    def test_block_and_return(self) -> None:
        def change(status: str) -> bytes:
            payload = {
                "chat": {"id": USER, "type": "private"},
                "from": {"id": USER},
                "date": 1_760_000_000,
                "old_chat_member": {"status": "member"},
                "new_chat_member": {"status": status},
            }
            return json.dumps({"update_id": 5, "my_chat_member": payload}).encode()

        assert only_event(change("kicked")).fields == {"user_id": USER, "blocked": True}
        assert only_event(change("member")).fields == {"user_id": USER, "blocked": False}

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"null",
            b"[1]",
            b'{"update_id":1,"update_id":1}',
            b'{"update_id":1,"message":{"x":NaN}}',
            b'{"update_id":1,"x":"\\ud800"}',
            b'{"update_id":1,"x":"\xff"}',
            b'{"update_id":"1"}',
            b'{"update_id":9223372036854775808}',
            private(text=5),
            private(chat={"id": 1.0, "type": "private"}, text="x"),
            private(text="x").replace(b'"text"', b'"text": "y", "text"'),
        ],
    )
    def test_unparsable(self, body: bytes) -> None:
        found = translate(body, BOT)
        assert (found.events, found.reasons) == ([], {UNPARSABLE})

    def test_depth(self) -> None:
        def nested(levels: int) -> bytes:
            return b'{"update_id":1,"x":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"

        assert translate(nested(64), BOT).reasons == {NO_EVENT}
        assert translate(nested(65), BOT).reasons == {TOO_DEEP}
        assert translate(nested(10_000), BOT).reasons == {TOO_DEEP}

    def test_unread_keys_may_repeat(self) -> None:
        body = private(text="hi").replace(b'"text"', b'"other": 1, "other": 2, "text"')
        assert only_event(body).kind == "user_seen"


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


class TestLogCheck:
    """One good log, then the same log with one thing wrong."""

    def setup_method(self) -> None:
        self.first, self.second = (seen(1), event("ad_counted", 2))
        self.expected = Expected(BOT)
        for each in (self.first, self.second):
            self.expected.events[each.event_id] = Candidate(each, "test", must=True)
        self.expected.queues["telegram chat"] = [self.first.event_id, self.second.event_id]

    def record(self, each: Event, offset: int, **changes: Any) -> Record:
        message = as_proto(BOT, each, NOON_MS)
        message.received_at_ms, message.producer = NOON_MS, "test/1"
        for name, value in changes.items():
            setattr(message, name, value)
        headers = {
            "ce_specversion": "1.0",
            "ce_id": each.event_id.hex(),
            "ce_type": f"telefact.event.v1.{each.kind}",
            "ce_source": f"/telegram/bot/{BOT}",
            "ce_subject": str(each.subject_id),
            "ce_time": "2025-10-09T08:53:20Z",
            "content-type": "application/protobuf",
        }
        key = ids.record_key(BOT, each.subject_id)
        place = Place(ids.partition_of(key, 4), offset, NOON_MS)
        return Record(place, key, message.SerializeToString(), tuple((k, v.encode()) for k, v in headers.items()))

    def differences(self, *records: Record) -> set[str]:
        found = Differences()
        check_events(self.expected, TopicLog("t", 4, list(records)), set(), found)
        return set(found.counts)

    def test_good_log_is_green_with_duplicates(self) -> None:
        records = (self.record(self.first, 0), self.record(self.first, 1), self.record(self.second, 2))
        assert self.differences(*records) == set()

    def test_lost_and_unexpected(self) -> None:
        assert self.differences(self.record(self.first, 0)) == {"log: lost"}
        stranger = self.record(event("ad_counted", 99), 2)
        assert self.differences(self.record(self.first, 0), self.record(self.second, 1), stranger) == {
            "log: unexpected event"
        }

    def test_order(self) -> None:
        assert self.differences(self.record(self.second, 0), self.record(self.first, 1)) == {"log: order"}

    def test_key_partition_header_and_payload(self) -> None:
        good = self.record(self.second, 1)
        wrong = {
            "log: key": good._replace(key=b"1:2"),
            "log: partition": good._replace(place=Place(good.place.partition ^ 1, 1, NOON_MS)),
            "log: header ce_type": good._replace(
                headers=tuple((k, b"x" if k == "ce_type" else v) for k, v in good.headers)
            ),
            "log: event": self.record(self.second, 1, update_id=77),
        }
        for kind, record in wrong.items():
            assert kind in self.differences(self.record(self.first, 0), record), kind

    def test_position_tokens_cover_the_event(self) -> None:
        partition = self.record(self.first, 5).place.partition
        self.expected.events[self.first.event_id].positions = [f"{partition}:6"]
        assert self.differences(self.record(self.first, 5), self.record(self.second, 6)) == set()
        self.expected.events[self.first.event_id].positions = [f"{partition}:5"]
        assert self.differences(self.record(self.first, 5), self.record(self.second, 6)) == {"position token"}


def test_only_what_went_through_has_a_place_in_the_order() -> None:
    """A copy that is still under way when Telegram gives an update up holds nothing back."""

    def sent(body: bytes, *answers: tuple[int, int]) -> Entry:
        attempts = [Attempt(1.0, 2.0, "http://hook", status, "", copy, "", False) for copy, status in answers]
        return Entry(0, body, 0, "message", "chat", 0.0, 9.0, first_sent_at=1.0, attempts=attempts)

    given_up, taken = private(text="/start a"), in_group(text="hello")
    expected = expect(BOT, [sent(given_up, (0, 503), (1, 200)), sent(taken, (0, 503), (0, 200))])
    assert expected.queues == {"telegram chat": [only_event(taken).event_id]}
    assert expected.events[only_event(given_up).event_id].must


def test_differences_are_bounded_and_counted() -> None:
    differences = Differences()
    for number in range(100):
        differences.add("kind", f"number {number}")
    lines = differences.lines()
    assert len(lines) == SHOWN_PER_KIND + 1
    assert lines[-1] == f"kind: and {100 - SHOWN_PER_KIND} more"
