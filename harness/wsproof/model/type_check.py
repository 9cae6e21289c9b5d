"""Checks that the values of a dataclass have the types that its fields declare.

A stored file may have been edited or cut, and a dataclass accepts every value. So a number that is a text would be
noticed far from its cause, or on a page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

__all__ = ["require_types"]

_UNIONS = (Union, UnionType)
_SHOWN = 40
"""Maximum number of characters of a wrong value that a message shows."""


def require_types(value: Any) -> None:
    """Check a dataclass and all that it holds.

    Raises:
        ValueError: a value has another type than its field; the message names the field.
    """
    for mistake in _mistakes(value, type(value), ""):
        raise ValueError(mistake)


def _mistakes(value: Any, declared: Any, at: str) -> Iterator[str]:
    """Yield a sentence for each value that does not fit its declared type. `at` is the path of the value."""
    origin = get_origin(declared)
    if declared is Any:
        return
    if origin in _UNIONS:
        yield from _union_mistakes(value, get_args(declared), at)
    elif origin is Literal:
        if value not in get_args(declared):
            yield _sentence(value, " or ".join(map(repr, get_args(declared))), at)
    elif not _is_instance(value, origin or declared):
        yield _sentence(value, getattr(declared, "__name__", str(declared)), at)
    elif is_dataclass(value):
        kind: type = type(value)
        hints = _hints(kind)
        for field in fields(value):
            yield from _mistakes(
                getattr(value, field.name), hints[field.name], f"{at}.{field.name}" if at else field.name
            )
    elif get_args(declared):
        for part, kind, place in _parts(value, get_args(declared), at):
            yield from _mistakes(part, kind, place)


def _union_mistakes(value: Any, options: Sequence[Any], at: str) -> Iterator[str]:
    """Yield the mistakes of the option that has the value's own type; if there is none, one sentence."""
    fitting = [one for one in options if one is Any or _is_instance(value, get_origin(one) or one)]
    if not fitting:
        yield _sentence(value, " or ".join(_name(one) for one in options), at)
    elif value is not None:
        mistakes = [list(_mistakes(value, one, at)) for one in fitting]
        yield from min(mistakes, key=len)


def _is_instance(value: Any, kind: Any) -> bool:
    """As isinstance. An integer that fits is also a float; a bool is no number.

    NaN and infinities are not in any record.
    """
    if isinstance(value, bool):
        return kind in (bool, object)
    if kind is float:
        return isinstance(value, int | float) and abs(value) <= sys.float_info.max
    return isinstance(value, NoneType if kind is None else kind)


def _parts(value: Any, arguments: tuple[Any, ...], at: str) -> Iterable[tuple[Any, Any, str]]:
    """The parts of a container, each with its declared type and its path."""
    if isinstance(value, Mapping):
        return ((part, arguments[-1], f"{at}.{name}") for name, part in value.items())
    if isinstance(value, tuple) and arguments[-1] is not Ellipsis:
        return (
            (part, kind, f"{at}[{number}]") for number, (part, kind) in enumerate(zip(value, arguments, strict=False))
        )
    if isinstance(value, Sequence | AbstractSet):
        return ((part, arguments[0], f"{at}[{number}]") for number, part in enumerate(value))
    return ()


def _sentence(value: Any, expected: str, at: str) -> str:
    return f"{at or 'the document'}: expected {expected}, got {type(value).__name__} {repr(value)[:_SHOWN]}"


def _name(kind: Any) -> str:
    return "null" if kind in (None, NoneType) else getattr(kind, "__name__", str(kind))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
