"""RFC 6455 5.5.1 and 7: the closing handshake, its codes and reasons, and connections that end without it."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.properties import strategies
from wsproof.conformance.properties.property import MASK, Property, script_of
from wsproof.conformance.properties.strategies import fragments
from wsproof.conformance.script import Raw, Script, ScriptEnd, SendFrame
from wsproof.wire import Frame, Opcode

__all__ = ["PROPERTIES"]

_CLOSES = 5
"""Number of connections on which the endpoint's own close is checked."""
_WHOLE = Frame(Opcode.TEXT, b"whole", mask=MASK)


def closing(code: int | None, reason: bytes = b"") -> Frame:
    """Make a close frame."""
    return Frame(Opcode.CLOSE, b"" if code is None else code.to_bytes(2, "big") + reason, mask=MASK)


def _close_edges(profile: EndpointProfile) -> Iterable[Script]:
    yield script_of("close-answered", closing(None))
    for code in strategies.LEGAL_CLOSE_CODES:
        yield script_of("close-answered", closing(code))
    yield script_of("close-answered", _WHOLE, closing(1000))


@st.composite
def _closes(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    before = draw(st.lists(strategies.data_frames(profile) | strategies.pings(max_bytes=20), max_size=3))
    code = draw(st.sampled_from(strategies.LEGAL_CLOSE_CODES) | st.integers(3000, 4999))
    return script_of("close-answered", *before, closing(code))


def _reason_edges(profile: EndpointProfile) -> Iterable[Script]:
    for reason in (b"bye", b"r" * 122, b"r" * 123, "\u20ac".encode() * 41, b"\x00", "\U0010ffff".encode()):
        yield script_of("close-reason", closing(1000, reason))


def _reasons(profile: EndpointProfile) -> st.SearchStrategy[Script]:
    return strategies.close_reasons().map(lambda reason: script_of("close-reason", closing(1000, reason)))


def _one_byte_edges(profile: EndpointProfile) -> Iterable[Script]:
    for byte in (b"\x03", b"\x00", b"\xff"):
        yield script_of("close-one-byte", Frame(Opcode.CLOSE, byte, mask=MASK))


def _code_edges(profile: EndpointProfile) -> Iterable[Script]:
    for code in strategies.ILLEGAL_CLOSE_CODES:
        yield script_of("close-code-legal", closing(code))


def _illegal_codes(profile: EndpointProfile) -> st.SearchStrategy[Script]:
    codes = st.integers(0, 999) | st.integers(1016, 2999) | st.integers(5000, 65_535)
    return codes.map(lambda code: script_of("close-code-legal", closing(code)))


def _later_edges(profile: EndpointProfile) -> Iterable[Script]:
    for code in (1012, 1013, 1014):
        yield script_of("close-code-later", closing(code))


def _broken_reason_edges(profile: EndpointProfile) -> Iterable[Script]:
    for bad in (b"\xff", b"\xed\xa0\x80", b"\xe2\x82", b"ok\xc0\x80"):
        yield script_of("close-reason-utf8", closing(1000, bad))


def _last_edges(profile: EndpointProfile) -> Iterable[Script]:
    for late in (
        _WHOLE,
        Frame(Opcode.PING, b"late", mask=MASK),
        closing(1001),
        Frame(Opcode.CONTINUATION, b"l", mask=MASK),
    ):
        yield script_of("close-is-last", closing(1000), late)


def _half_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject, half = "half-close-ends", ScriptEnd.HALF_CLOSE
    yield Script(subject, ending=half)
    yield script_of(subject, _WHOLE, ending=half)
    yield script_of(subject, *fragments(b"a", ends=False), ending=half)
    yield Script(subject, (Raw(_WHOLE.encode()[:4]),), half)


def _reset_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject, reset = "other-clients-served", ScriptEnd.RESET
    yield Script(subject, ending=reset)
    yield script_of(subject, _WHOLE, ending=reset)
    yield script_of(subject, *fragments(b"a", ends=False), ending=reset)
    yield Script(subject, (Raw(_WHOLE.encode()[:4]),), reset)
    yield Script(subject, (SendFrame(_WHOLE), Raw(b"\x81")), reset)


def _does_not_close(profile: EndpointProfile) -> str:
    return "" if profile.closes_unasked else "this endpoint does not close connections by itself"


def _own_close_edges(profile: EndpointProfile) -> Iterable[Script]:
    for _ in range(_CLOSES):
        yield Script("close-by-server")


PROPERTIES = (
    Property("close-by-server", edges=_own_close_edges, not_here=_does_not_close),
    Property("close-answered", lambda profile: _closes(profile), _close_edges),
    Property("close-reason", _reasons, _reason_edges),
    Property("close-one-byte", edges=_one_byte_edges),
    Property("close-code-legal", _illegal_codes, _code_edges),
    Property("close-code-later", edges=_later_edges),
    Property("close-reason-utf8", edges=_broken_reason_edges),
    Property("close-is-last", edges=_last_edges),
    Property("half-close-ends", edges=_half_edges),
    Property("other-clients-served", edges=_reset_edges),
)
