"""Hostile bodies: what a broken or malicious sender with the right secret could post.

A trick is "settled" when the contract says plainly what becomes of it: events, or the raw
topic with one reason. Only settled ones are mixed into `generate`; all must be survived.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

Maker = Callable[[int, int, random.Random], bytes]

_MIB = 1 << 20


class Trick(NamedTuple):
    """One way to be odd. `make(update_id, date, rng)` gives the body."""

    name: str
    make: Maker
    weight: float = 1.0
    is_big: bool = False
    is_settled: bool = True


def _user(rng: random.Random) -> int:
    return 7_000_000_000 + rng.randrange(500)


def _message(fields: str, *, chat: str | None = None, sender: str | None = None, date: str | None = None) -> Maker:
    """A private text-like message; the arguments are raw JSON, `fields` the end of the message object."""

    def make(update_id: int, now: int, rng: random.Random) -> bytes:
        user = _user(rng)
        chat_json = chat or f'{{"id":{user},"type":"private"}}'
        sender_json = sender or f'{{"id":{user},"is_bot":false,"first_name":"Odd"}}'
        text = (
            f'{{"update_id":{update_id},"message":{{"message_id":{update_id},"from":{sender_json},'
            f'"chat":{chat_json},"date":{date or now}{fields}}}}}'
        )
        return text.encode("utf-8", "surrogatepass")

    return make


def _bytes_in_text(raw: bytes) -> Maker:
    make = _message(',"text":"/start MARK"')
    return lambda update_id, now, rng: make(update_id, now, rng).replace(b"MARK", raw)


def _raw(body: bytes) -> Maker:
    return lambda update_id, now, rng: body


def _format(text: str) -> Maker:
    return lambda update_id, now, rng: text.replace("ID", str(update_id)).replace("NOW", str(now)).encode()


def _nested(levels: int, opening: str, inner: str, closing: str) -> Maker:
    """A text message with an unknown field nested so deep, the update itself being level 1."""
    return _message(f',"text":"deep","x":{opening * (levels - 2)}{inner}{closing * (levels - 2)}')


def _padded(size: int, text: str) -> Maker:
    """A message of exactly `size` bytes; the padding is a field nobody knows."""
    make = _message(f',{text}"padding":"MARK"')

    def pad(update_id: int, now: int, rng: random.Random) -> bytes:
        body = make(update_id, now, rng)
        return body.replace(b"MARK", b"p" * (size - len(body) + 4))

    return pad


def _callback(fields: str) -> Maker:
    return _format(
        '{"update_id":ID,"callback_query":{"id":"cID","from":{"id":7000000001,"is_bot":false,"first_name":"Odd"}'
        + fields
        + "}}"
    )


_TEXT = ',"text":"hello"'
_START_LONG = ',"text":"/start ' + "д" * 1500 + '"'

TRICKS: tuple[Trick, ...] = (
    # valid JSON, odd content
    Trick("nul_in_text", _message(',"text":"a\\u0000b"'), 3),
    Trick("nul_in_payload", _message(',"text":"/start a\\u0000b"'), 3),
    Trick(
        "nul_in_name",
        _message(
            _TEXT,
            sender='{"id":7000000002,"is_bot":false,"first_name":"N\\u0000"}',
            chat='{"id":7000000002,"type":"private"}',
        ),
        3,
    ),
    Trick("payload_too_long", _message(_START_LONG), 2),
    Trick(
        "name_too_long",
        _message(
            _TEXT,
            sender='{"id":7000000003,"is_bot":false,"first_name":"' + "имя" * 100 + '"}',
            chat='{"id":7000000003,"type":"private"}',
        ),
        2,
        is_settled=False,
    ),
    Trick(
        "escaped_key",
        _format(
            '{"update_id":ID,"me\\u0073sage":{"message_id":ID,"chat":{"id":7000000004,"type":"private"},"date":NOW,"te\\u0078t":"hi"}}'
        ),
        2,
    ),
    Trick(
        "spaced_out",
        _format(
            '\n{ "update_id" : ID ,\t"message" : { "message_id" : ID , '
            '"chat" : { "id" : 7000000005 , "type" : "private" } , "date" : NOW , "text" : "hi" } }\n'
        ),
        2,
    ),
    Trick("unknown_fields", _message(',"text":"hi","invented_field":{"a":[1,2.5,true,null,"x"]},"another":-1'), 3),
    Trick("unread_key_twice", _message(',"text":"hi","invented":1,"invented":2'), 2),
    Trick("id_52_bit", _message(_TEXT, chat='{"id":4503599627370495,"type":"private"}'), 2),
    Trick("id_int64_max", _message(_TEXT, chat='{"id":9223372036854775807,"type":"private"}'), 1),
    Trick("id_int64_min", _message(_TEXT, chat='{"id":-9223372036854775808,"type":"group"}'), 1),
    Trick("depth_60", _nested(60, "[", "1", "]"), 2),
    Trick("depth_64", _nested(64, '{"a":', "1", "}"), 2),
    Trick(
        "missing_from",
        _format(
            '{"update_id":ID,"message":{"message_id":ID,"chat":{"id":7000000006,"type":"private"},"date":NOW,"text":"hi"}}'
        ),
        2,
    ),
    Trick("padded_512_kib", _padded(512 << 10, '"text":"big",'), 0.5, is_big=True),
    Trick("padded_1_mib", _padded(_MIB, '"text":"big",'), 0.3, is_big=True),
    # nothing in it
    Trick("unknown_kind", _format('{"update_id":ID,"invented_update":{"id":1,"chat":{"id":5}}}'), 3),
    Trick("no_payload", _format('{"update_id":ID}'), 2),
    Trick(
        "unknown_kind_1_mib",
        lambda update_id, now, rng: (
            b'{"update_id":%d,"invented_update":"%b"}' % (update_id, b"q" * (_MIB - 35 - len(str(update_id))))
        ),
        0.2,
        is_big=True,
    ),
    Trick("callback_without_data", _callback(',"chat_instance":"1"'), 1),
    Trick(
        "callback_unknown_lang",
        _callback(
            ',"message":{"message_id":1,"date":0,"chat":{"id":7000000001,"type":"private"}},"chat_instance":"1","data":"lang/zz"'
        ),
        1,
    ),
    # nested too deep
    Trick("depth_65", _nested(65, '{"a":', "1", "}"), 2),
    Trick("depth_200", _nested(200, '{"a":', "1", "}"), 3),
    Trick("depth_10000", _nested(10_000, "[", "", "]"), 2),
    Trick("depth_10000_objects", _nested(10_000, '{"a":', "1", "}"), 1),
    # what a strict parser refuses
    Trick("empty", _raw(b""), 2),
    Trick("spaces", _raw(b" \r\n\t "), 1),
    Trick(
        "bom", lambda update_id, now, rng: b"\xef\xbb\xbf" + _message(_TEXT)(update_id, now, rng), 2, is_settled=False
    ),
    Trick("number", _raw(b"12345"), 1),
    Trick("array", _format('[{"update_id":ID}]'), 1),
    Trick("string", _raw(b'"update"'), 1),
    Trick("null", _raw(b"null"), 1),
    Trick(
        "truncated",
        lambda update_id, now, rng: (lambda body: body[: rng.randrange(1, len(body))])(
            _message(_TEXT)(update_id, now, rng)
        ),
        4,
    ),
    Trick("trailing_garbage", lambda update_id, now, rng: _message(_TEXT)(update_id, now, rng) + b"}", 2),
    Trick("trailing_comma", _message(',"text":"hi",'), 1),
    Trick("comment", _message(',/* c */"text":"hi"'), 1),
    Trick("single_quotes", _format("{'update_id':ID}"), 1),
    Trick("nan", _message(',"text":"hi","x":NaN'), 1),
    Trick("control_character", _bytes_in_text(b"a\x01b"), 1),
    Trick("lone_high_surrogate", _message(',"text":"\\ud800 x"'), 2),
    Trick("lone_low_surrogate", _message(',"text":"x \\udc00"'), 2),
    Trick("swapped_surrogates", _message(',"text":"\\udc00\\ud800"'), 1),
    Trick("invalid_utf8", _bytes_in_text(b"\xff\xfe"), 2),
    Trick("overlong_utf8", _bytes_in_text(b"\xc0\xaf"), 2),
    Trick("surrogate_utf8", _bytes_in_text(b"\xed\xa0\x80"), 2),
    Trick("cut_utf8", _bytes_in_text(b"\xf0\x9f\x98"), 2),
    Trick("binary", lambda update_id, now, rng: rng.randbytes(200), 2),
    # a key we read, twice
    Trick(
        "update_id_twice",
        _format(
            '{"update_id":ID,"update_id":1,"message":{"message_id":ID,"chat":{"id":7000000007,"type":"private"},"date":NOW,"text":"hi"}}'
        ),
        2,
    ),
    Trick("chat_id_twice", _message(_TEXT, chat='{"id":7000000008,"id":7000000009,"type":"private"}'), 2),
    Trick("text_twice", _message(',"text":"hi","text":"/start"'), 2),
    Trick("text_twice_escaped", _message(',"text":"hi","te\\u0078t":"/start"'), 1),
    # an id we need that is no int64
    Trick("chat_id_string", _message(_TEXT, chat='{"id":"7000000010","type":"private"}'), 2),
    Trick("chat_id_float", _message(_TEXT, chat='{"id":7000000010.0,"type":"private"}'), 2),
    Trick("chat_id_too_big", _message(_TEXT, chat='{"id":9223372036854775808,"type":"private"}'), 2),
    Trick("chat_id_null", _message(_TEXT, chat='{"id":null,"type":"private"}'), 1),
    Trick("chat_id_missing", _message(_TEXT, chat='{"type":"private"}'), 1),
    Trick(
        "update_id_string",
        _format(
            '{"update_id":"ID","message":{"message_id":ID,"chat":{"id":7000000011,"type":"private"},"date":NOW,"text":"hi"}}'
        ),
        2,
    ),
    Trick(
        "update_id_too_big",
        _format(
            '{"update_id":9223372036854775808,"message":{"message_id":ID,"chat":{"id":7000000011,"type":"private"},"date":NOW,"text":"hi"}}'
        ),
        1,
    ),
    Trick("text_number", _message(',"text":5'), 1),
    Trick("migrate_to_string", _message(',"migrate_to_chat_id":"-1001"', chat='{"id":-7000000012,"type":"group"}'), 1),
    # not said plainly anywhere
    Trick(
        "update_id_missing",
        _format('{"message":{"message_id":ID,"chat":{"id":7000000013,"type":"private"},"date":NOW,"text":"hi"}}'),
        is_settled=False,
    ),
    Trick(
        "update_id_negative",
        _format(
            '{"update_id":-ID,"message":{"message_id":ID,"chat":{"id":7000000013,"type":"private"},"date":NOW,"text":"hi"}}'
        ),
        is_settled=False,
    ),
    Trick("chat_id_zero", _message(_TEXT, chat='{"id":0,"type":"private"}'), is_settled=False),
    Trick(
        "chat_missing", _format('{"update_id":ID,"message":{"message_id":ID,"date":NOW,"text":"hi"}}'), is_settled=False
    ),
    Trick("chat_array", _message(_TEXT, chat="[1]"), is_settled=False),
    Trick("chat_type_invented", _message(_TEXT, chat='{"id":7000000014,"type":"secret"}'), is_settled=False),
    Trick("from_array", _message(_TEXT, sender="[1]"), is_settled=False),
    Trick("date_string", _message(_TEXT, date='"today"'), is_settled=False),
    Trick("date_negative", _message(_TEXT, date="-5"), is_settled=False),
    Trick("date_huge", _message(_TEXT, date="9223372036854775807"), is_settled=False),
    Trick("date_float", _message(_TEXT, date="1760000000.5"), is_settled=False),
    Trick("payload_null", _format('{"update_id":ID,"message":null}'), is_settled=False),
    Trick("payload_array", _format('{"update_id":ID,"message":[]}'), is_settled=False),
    Trick(
        "two_payloads",
        _format(
            '{"update_id":ID,"message":{"message_id":ID,"chat":{"id":7000000015,"type":"private"},"date":NOW,"text":"hi"},"callback_query":{"id":"cID","from":{"id":7000000015},"message":{"message_id":1,"date":0,"chat":{"id":7000000015,"type":"private"}},"data":"lang/ru"}}'
        ),
        is_settled=False,
    ),
    Trick("unread_number_huge", _message(_TEXT + ',"x":1e400'), is_settled=False),
    Trick("unread_integer_huge", _message(_TEXT + ',"x":' + "9" * 500), is_settled=False),
    Trick("empty_text", _message(',"text":""'), is_settled=False),
    Trick("unclosed_10000", _raw(b"[" * 10_000), is_settled=False),
)
