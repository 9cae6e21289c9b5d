"""Unusual names of members, and whether a workload can send them."""

from __future__ import annotations

import json
from enum import StrEnum
from urllib.parse import quote

from wsproof.delivery.altered_workload import with_names
from wsproof.model.envelope import Envelope
from wsproof.workloads import Workload, text_of

PROBE = "wsproof-name"
"""A name whose occurrence in a workload's messages is searched for."""
HARD = 'a%2F"b ?&#é'
"""A name that arrives unchanged only if the workload encodes names."""


class NameShape(StrEnum):
    """An unusual form of a member's name."""

    UNICODE = "with letters of other alphabets"
    BLANKS = "with blanks in it"
    LONG = "of more than 200 characters"
    NUMERIC = "of 20 digits"
    LONGER = "that begins with the name of member 0"
    PROTOTYPE = "of a field that every object has, __proto__"
    CONSTRUCTOR = "of a field that every object has, constructor"
    NULL = "that reads null"
    PERCENT = "with percent signs"
    SLASH = "with slashes and dots"
    QUERY = "with characters that end a path or a query"
    QUOTES = "with quotes, a backslash and a tag"
    PATTERN = "with characters of search patterns"


IN_ANY_PATH = (
    NameShape.UNICODE,
    NameShape.BLANKS,
    NameShape.LONG,
    NameShape.NUMERIC,
    NameShape.LONGER,
    NameShape.PROTOTYPE,
    NameShape.CONSTRUCTOR,
    NameShape.NULL,
)
"""Names that arrive unchanged even if the workload does not encode them."""


def shaped_name(shape: NameShape, own: str, first: str) -> str:
    """A name of this shape, made from the member's own name and that of member 0."""
    return {
        NameShape.UNICODE: f"{own}-Zoë-日本-ﷺ-😀",
        NameShape.BLANKS: f"{own} of  the house",
        NameShape.LONG: own + "x" * 200,
        NameShape.NUMERIC: f"9{abs(hash_of(own)) % 10**19:019d}",
        NameShape.LONGER: f"{first}1",
        NameShape.PROTOTYPE: "__proto__",
        NameShape.CONSTRUCTOR: "constructor",
        NameShape.NULL: "null",
        NameShape.PERCENT: f"{own}%2F%41%",
        NameShape.SLASH: f"{own}/../{own}",
        NameShape.QUERY: f"{own}?a=b&c=d#e;f",
        NameShape.QUOTES: f"{own}\"'\\<b>",
        NameShape.PATTERN: f"{own}.*[a-z]?",
    }[shape]


def hash_of(text: str) -> int:
    """A number that is the same in every process, unlike `hash`."""
    return int.from_bytes(text.encode(), "big")


def sends_names(workload: Workload) -> bool:
    """Whether the members of a workload tell the server their names."""
    return not workload.has_prepare and any(PROBE in text for text in _sent_as(workload, PROBE))


def fits(shape: NameShape, workload: Workload) -> bool:
    """Whether a name of this shape arrives at the server unchanged."""
    if shape in IN_ANY_PATH:
        return True
    path, *messages = _sent_as(workload, HARD)
    if PROBE in _sent_as(workload, PROBE)[0]:
        return quote(HARD, safe="") in path
    return any(json.dumps(HARD, ensure_ascii=ascii_only) in text for text in messages for ascii_only in (True, False))


def _sent_as(workload: Workload, name: str) -> list[str]:
    """The path, the greeting and a publication of a member of this name, as text."""
    named = with_names(workload, {0: name})
    sent: list[str | bytes | None] = [named.path(0), named.greeting(0)]
    if named.publishes:
        publication = named.publish(0, Envelope(0, 0, 0), "")
        sent.append(text_of(publication, ""))
    return [text.decode(errors="replace") if isinstance(text, bytes) else text or "" for text in sent]
