"""What `Workload.publish` may return."""

from __future__ import annotations

from typing import TypeAlias

from wsproof.model.outside_call import Command, FunctionCall
from wsproof.wire import HttpRequest

Publication: TypeAlias = str | bytes | HttpRequest | FunctionCall | Command
"""A message of the WebSocket; or what makes the server publish from outside of it."""
OUTSIDE = (HttpRequest, FunctionCall, Command)
"""The types of publications that do not go through a WebSocket."""


def text_of(publication: Publication, sealed: str) -> str | bytes:
    """What a publication sends. A function or a command need not show it: `sealed`, then."""
    if isinstance(publication, HttpRequest):
        return publication.body
    return publication if isinstance(publication, str | bytes) else sealed
