"""The oracle's events and its look at the log, worked out by hand: a judge must be judged first."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.test_oracle_tables import BOT, GROUP, NOON_MS, USER, event, seen
from tests.support.oracle import ids
from tests.support.oracle.check_log import as_proto, check_events
from tests.support.oracle.differences import SHOWN_PER_KIND, Differences
from tests.support.oracle.expected import Candidate, Expected, expect
from tests.support.oracle.log import Record, TopicLog
from tests.support.oracle.places import Place
from tests.support.oracle.translate import NO_EVENT, TOO_DEEP, UNPARSABLE, Event, translate
from tests.support.telegram import Attempt, Entry


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
