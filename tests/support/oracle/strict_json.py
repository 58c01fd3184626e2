"""JSON as the contract reads it: strict, with duplicate keys remembered and nesting limited."""

from __future__ import annotations

import json
import math
from typing import Any

LEVELS_MAX = 64


class Refused(Exception):
    """No strict parser takes the text."""


class TooDeep(Exception):
    """Nested deeper than the limit. `also_broken`: the text may be refused for its syntax too."""

    def __init__(self, also_broken: bool) -> None:
        super().__init__()
        self.also_broken = also_broken


class Object(dict[str, Any]):
    """A JSON object that knows which of its keys stood more than once."""

    repeated: frozenset[str] = frozenset()


def parse(body: bytes) -> Any:
    """The value of `body`; raises Refused or TooDeep."""
    if body.count(b"{") + body.count(b"[") > LEVELS_MAX and _depth(body) > LEVELS_MAX:
        raise TooDeep(also_broken=not _is_parsed_by_anybody(body))
    try:
        value = _decoder.decode(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Refused(str(error)) from error
    if b"\\u" in body and _has_lone_surrogate(value):
        raise Refused("lone surrogate")
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> Object:
    found = Object(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        found.repeated = frozenset(name for name in names if names.count(name) > 1)
    return found


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("number out of range")
    return value


def _integer(text: str) -> int | float:
    # What no 64-bit integer holds is a number without being an integer.
    digits = text.lstrip("-")
    if len(digits) <= 20 and -(1 << 63) <= (value := int(text)) < 1 << 64:
        return value
    return _number(text)


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_pairs, parse_float=_number, parse_int=_integer, parse_constant=_constant)


def _depth(body: bytes) -> int:
    """The deepest nesting, brackets inside strings left out."""
    deepest = depth = at = 0
    while at < len(body):
        byte = body[at]
        if byte == 0x22:
            at = _after_string(body, at + 1)
            continue
        if byte in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"}]":
            depth -= 1
        at += 1
    return deepest


def _after_string(body: bytes, at: int) -> int:
    while True:
        quote = body.find(b'"', at)
        if quote < 0:
            return len(body)
        slash = body.find(b"\\", at, quote)
        if slash < 0:
            return quote + 1
        at = slash + 2


def _is_parsed_by_anybody(body: bytes) -> bool:
    """Whether a lenient reading finds brackets in balance; deep texts are beyond Python's parser."""
    stack: list[int] = []
    at = 0
    while at < len(body):
        byte = body[at]
        if byte == 0x22:
            at = _after_string(body, at + 1)
            continue
        if byte in b"{[":
            stack.append(byte)
        elif byte in b"}]" and (not stack or stack.pop() != (0x7B if byte == 0x7D else 0x5B)):
            return False
        at += 1
    return not stack


def _has_lone_surrogate(value: Any) -> bool:
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            if any("\ud800" <= char <= "\udfff" for char in item):
                return True
        elif isinstance(item, dict):
            todo.extend(item.keys())
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return False
