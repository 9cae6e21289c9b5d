"""The form in which a server delivers a text, as one message shows it. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TAGS = ("type", "event", "op", "kind", "action", "method")
"""Keys whose value usually says what kind of message a JSON object is."""
DEPTH = 4
"""Maximum depth at which a JSON object is searched for the text."""


@dataclass(frozen=True)
class MessageShape:
    """The position of the published text in a message.

    `keys` leads to it in a JSON object; empty for a message that is no JSON. `before` and `after` are what the
    server adds around it. `tag` is the key and the value that name the kind of message.
    """

    keys: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    tag: tuple[str, str] | None = None
    is_binary: bool = False

    @property
    def is_json(self) -> bool:
        """Whether the message is a JSON object."""
        return bool(self.keys)


def shape_of(message: str | bytes, text: str) -> MessageShape | None:
    """The shape of a message that contains `text`; None if the text is not in it."""
    if isinstance(message, bytes):
        return MessageShape(is_binary=True) if message == text.encode() else None
    value = _object(message)
    if value is not None:
        place = _find(value, text, DEPTH)
        return MessageShape(*place, tag=_tag(value)) if place is not None else None
    before, is_there, after = message.partition(text)
    return MessageShape((), before, after) if is_there else None


def _object(message: str) -> Mapping[str, Any] | None:
    try:
        value = json.loads(message)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _find(value: Mapping[str, Any], text: str, depth: int) -> tuple[tuple[str, ...], str, str] | None:
    """The keys that lead to the text, and what stands before and after it."""
    for key, inner in value.items():
        if isinstance(inner, str) and text in inner:
            before, _, after = inner.partition(text)
            return (key,), before, after
        if isinstance(inner, dict) and depth > 1 and (place := _find(inner, text, depth - 1)) is not None:
            return (key, *place[0]), place[1], place[2]
    return None


def _tag(value: Mapping[str, Any]) -> tuple[str, str] | None:
    return next(((key, value[key]) for key in TAGS if isinstance(value.get(key), str)), None)
