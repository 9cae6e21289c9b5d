"""What `Workload.publish` may return."""

from __future__ import annotations

from typing import TypeAlias

from wsproof.model.outside_call import Command, FunctionCall
from wsproof.wire import HttpRequest

Publication: TypeAlias = str | bytes | HttpRequest | FunctionCall | Command
"""A WebSocket message, or a request or call that makes the server publish."""
OUTSIDE = (HttpRequest, FunctionCall, Command)
"""The types of publications that do not go through a WebSocket."""


def text_of(publication: Publication, sealed: str) -> str | bytes:
    """The content of a publication. For a function or a command it is unknown: `sealed`, the text with its envelope."""
    if isinstance(publication, HttpRequest):
        return publication.body
    return publication if isinstance(publication, str | bytes) else sealed
