"""Auditor of a response head as an HTTP message (RFC 9110, RFC 9112), whatever its status."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.wire.audit import Breach, breach
from wsproof.wire.handshake import Response

__all__ = ["audit_http"]

_ONCE = (
    "Content-Length",
    "Content-Location",
    "Content-Range",
    "Content-Type",
    "Date",
    "ETag",
    "Expires",
    "Last-Modified",
    "Location",
    "Retry-After",
    "Server",
)
"""Response fields whose value is not a list, so that each may appear only once (RFC 9110 5.3, 5.5)."""


def audit_http(response: Response) -> Iterable[Breach]:
    """Yield each breach in the header fields of a response. The body is not checked."""
    lengths = response.header_values("Content-Length")
    for name in _ONCE:
        values = response.header_values(name)
        if len(values) > 1 and name != "Content-Length":
            yield breach("field-repeated", f"{len(values)} lines of {name}: {_show(values)}")
    if len({length.strip() for length in lengths}) > 1:
        yield breach("length-contradicts", f"Content-Length: {_show(lengths)}")
    elif len(lengths) > 1:
        yield breach("field-repeated", f"{len(lengths)} lines of Content-Length: {_show(lengths)}")
    if lengths and not all(length.strip().isdecimal() for length in lengths):
        yield breach("length-grammar", f"Content-Length: {_show(lengths)}")
    encodings = response.header_values("Transfer-Encoding")
    if lengths and encodings and response.status != 101:  # in a 101 each of them is a breach by itself
        yield breach("length-and-encoding", f"Content-Length: {_show(lengths)}, Transfer-Encoding: {_show(encodings)}")
    for name, value in response.headers:
        if "\r" in value or "\n" in value or "\0" in value:
            yield breach("field-characters", f"{name}: {value[:80]!a}")


def _show(values: list[str]) -> str:
    return ", ".join(ascii(value[:80]) for value in values)
