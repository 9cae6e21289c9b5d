"""RFC 6455 8.1: text is UTF-8, wherever fragments cut it."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.properties import strategies
from wsproof.conformance.properties.property import MASK, Property, script_of
from wsproof.conformance.properties.strategies import fragments
from wsproof.conformance.script import Await, Script, SendFrame
from wsproof.wire import Frame, Opcode

__all__ = ["PROPERTIES"]

_WIDE = ("\u00e9", "\u20ac", "\U0001f600", "\U0010ffff", "\ud7ff", "\ue000", "\ufffe")


def _valid_edges(profile: EndpointProfile) -> Iterable[Script]:
    for text in ("\x00", "\ufeffbom", "e\u0301", "\r\n", *_WIDE):
        yield script_of("utf8-valid", Frame(Opcode.TEXT, text.encode(), mask=MASK))
    for text in _WIDE:
        data = text.encode()
        yield script_of("utf8-valid", *fragments(*(data[at : at + 1] for at in range(len(data)))))
        yield script_of("utf8-valid", *fragments(data[:1], b"", data[1:]))


@st.composite
def _valid(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    message = (int(Opcode.TEXT), draw(strategies.texts()).encode())
    return script_of("utf8-valid", *draw(strategies.fragmentations(message)))


def _broken_edges(profile: EndpointProfile) -> Iterable[Script]:
    for bad in strategies.BROKEN_UTF8:
        yield script_of("utf8-broken", Frame(Opcode.TEXT, bad, mask=MASK))
        if len(bad) > 1:
            yield script_of("utf8-broken", *fragments(bad[:1], bad[1:]))
    yield script_of("utf8-broken", *fragments(b"\xce\xba\xe1", b"\xed\xa0\x80", b"end"))
    yield script_of("utf8-broken", *fragments("\u20ac".encode()[:2], b""))


@st.composite
def _broken(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    message = (int(Opcode.TEXT), draw(strategies.broken_utf8()))
    before = draw(st.lists(strategies.data_frames(profile), max_size=1))
    return script_of("utf8-broken", *before, *draw(strategies.fragmentations(message)))


def _fast_edges(profile: EndpointProfile) -> Iterable[Script]:
    ping = Frame(Opcode.PING, b"still there?", mask=MASK)
    (start,) = fragments(b"\xff", ends=False)
    yield Script("utf8-fail-fast", (SendFrame(start), SendFrame(ping), Await()))


PROPERTIES = (
    Property("utf8-valid", lambda profile: _valid(profile), _valid_edges),
    Property("utf8-broken", lambda profile: _broken(profile), _broken_edges),
    Property("utf8-fail-fast", edges=_fast_edges),
)
