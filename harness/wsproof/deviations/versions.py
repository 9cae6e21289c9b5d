"""Version ranges such as `>=17` and `>=0.34,<0.55`."""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import eq, ge, gt, le, lt

__all__ = ["in_range", "is_range"]

_Release = tuple[int, ...]
_OPERATORS: dict[str, Callable[[_Release, _Release], bool]] = {">=": ge, "<=": le, "==": eq, ">": gt, "<": lt}
_PART = re.compile(r"\s*(>=|<=|==|>|<)\s*(\d+(?:\.\d+)*)\s*")


def is_range(wanted: str) -> bool:
    """Whether a text is a version range."""
    return all(_PART.fullmatch(part) for part in wanted.split(","))


def in_range(version: str | None, wanted: str) -> bool:
    """Whether a version lies in a range. False for a package that is not installed."""
    if version is None:
        return False
    release = _release(version)
    parts = [_PART.fullmatch(part) for part in wanted.split(",")]
    return all(part is not None and _OPERATORS[part[1]](release, _release(part[2])) for part in parts)


def _release(version: str) -> _Release:
    """`17.4.0rc1` as (17, 4): the leading numbers, without trailing zeros."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(number) for number in found[0].split(".")] if found else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
