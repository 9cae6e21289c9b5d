"""Malformed messages, made from a right one as a fuzzer would make them."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from typing import Any

DEPTH = 5_000
"""Levels of nesting: more than most JSON parsers allow."""
DIGITS = 5_000
"""Digits of a number: more than Python converts from text by default."""
LONE_SURROGATE = "\ud800"
"""Half of a character. JSON can escape it, and UTF-8 cannot encode it."""


class Mutation(StrEnum):
    """A way to alter a message."""

    NUMBER = "with numbers in place of its texts"
    NULL = "with null in place of its values"
    LIST = "with lists in place of its texts"
    OBJECT = "with objects in place of its texts"
    EMPTIED = "without any field"
    SHORTENED = "without its last field"
    DOUBLED = "with each field twice"
    DEEP = "nested a few thousand levels deep"
    HUGE = "with a number of a few thousand digits"
    INFINITE = "with numbers that are none: NaN and 1e999"
    PROTOTYPE = "with fields called __proto__ and constructor"
    UNKNOWN = "with a word in place of each short text"
    SURROGATE = "with half a character in its texts"
    WRAPPED = "as the only item of a list"
    TRUNCATED = "cut off in the middle"
    PREFIXED = "with another character in front"
    SCALAR = "as a bare null"


def mutated(message: str | bytes, mutation: Mutation) -> str | bytes:
    """The message with one mutation. A message that is no JSON object is cut, prefixed, or replaced as a whole."""
    if isinstance(message, bytes):
        return _mutated_bytes(message, mutation)
    if mutation is Mutation.TRUNCATED:
        return message[: len(message) // 2]
    if mutation is Mutation.PREFIXED:
        return f"\x01{message}"
    if mutation is Mutation.SCALAR:
        return "null"
    try:
        value = json.loads(message)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        value = {"type": "message", "text": message}
    return _MUTATORS[mutation](value)


def _mutated_bytes(message: bytes, mutation: Mutation) -> bytes:
    """Binary formats differ, so their messages are cut, repeated, prefixed, or altered bit by bit."""
    if mutation is Mutation.TRUNCATED:
        return message[: len(message) // 2]
    if mutation is Mutation.PREFIXED:
        return b"\xc1" + message
    if mutation is Mutation.DOUBLED:
        return message + message
    place = list(Mutation).index(mutation) * 7 % max(1, len(message))
    return message[:place] + bytes(255 - byte for byte in message[place : place + 4]) + message[place + 4 :]


def _texts_as(value: Any) -> Callable[[dict[str, Any]], str]:
    """Replace every text of the object by a value."""
    return lambda message: json.dumps({key: value if isinstance(old, str) else old for key, old in message.items()})


def _doubled(message: dict[str, Any]) -> str:
    fields = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in message.items()]
    others = [f"{json.dumps(key)}: 0" for key in message]
    return f"{{{', '.join([*fields, *others])}}}"


def _deep(message: dict[str, Any]) -> str:
    return _last_field_as(message, "[" * DEPTH + "]" * DEPTH)


def _last_field_as(message: dict[str, Any], literal: str) -> str:
    """The object with a literal of JSON in place of the last field's value."""
    *fields, last = message or {"text": ""}
    items = [f"{json.dumps(key)}: {json.dumps(message[key])}" for key in fields]
    return f"{{{', '.join([*items, f'{json.dumps(last)}: {literal}'])}}}"


def _infinite(message: dict[str, Any]) -> str:
    return _last_field_as(message, '{"value": NaN, "other": 1e999}')


def _prototype(message: dict[str, Any]) -> str:
    return json.dumps({"__proto__": {"name": "x"}, "constructor": {"prototype": {"name": "x"}}, **message})


def _unknown(message: dict[str, Any]) -> str:
    return json.dumps({k: "wsproof" if isinstance(v, str) and len(v) < 24 else v for k, v in message.items()})


_MUTATORS: dict[Mutation, Callable[[dict[str, Any]], str]] = {
    Mutation.NUMBER: _texts_as(7),
    Mutation.NULL: lambda message: json.dumps(dict.fromkeys(message)),
    Mutation.LIST: _texts_as([["x"], 1]),
    Mutation.OBJECT: _texts_as({"x": {"y": None}}),
    Mutation.EMPTIED: lambda message: "{}",
    Mutation.SHORTENED: lambda message: json.dumps(dict(list(message.items())[:-1])),
    Mutation.DOUBLED: _doubled,
    Mutation.DEEP: _deep,
    Mutation.HUGE: lambda message: _last_field_as(message, "9" * DIGITS),
    Mutation.INFINITE: _infinite,
    Mutation.PROTOTYPE: _prototype,
    Mutation.UNKNOWN: _unknown,
    Mutation.SURROGATE: _texts_as(f"x{LONE_SURROGATE}y"),
    Mutation.WRAPPED: lambda message: json.dumps([message]),
}
