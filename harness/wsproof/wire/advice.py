"""Advice for a refused handshake."""

from __future__ import annotations

import re

__all__ = ["advice_on_refusal"]

_STATUS = re.compile(r"HTTP/\d\.\d (\d{3})")
_PATH = "Is the path right (--path, the URL, or path() of the channel)"


def advice_on_refusal(answer: str) -> str:
    """Return advice on a response such as `HTTP/1.1 403 Forbidden`. Its options exist in every command."""
    found = _STATUS.search(answer)
    status = int(found[1]) if found is not None else 0
    if status in (401, 403, 407):
        return f"{_PATH}? Else give what it asks for with --header, --token, --origin or --subprotocol."
    if status in (404, 405, 410):
        return f"{_PATH}?"
    if 200 <= status < 300:
        return f"That is an ordinary web page. {_PATH}?"
    if 300 <= status < 400:
        return "It redirects, which wsproof does not follow: name the address that it points to."
    if status == 429 or status == 503:
        return "It has no room, or limits connections: ask for fewer, or more slowly."
    if status >= 500:
        return "Look at the server's own output: it failed to answer."
    return f"{_PATH}? Else give what it asks for with --header, --token, --origin or --subprotocol."
