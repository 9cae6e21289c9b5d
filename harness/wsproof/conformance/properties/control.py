"""RFC 6455 5.5: pings, pongs and illegal control frames."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.properties import strategies
from wsproof.conformance.properties.property import MASK, Property, script_of
from wsproof.conformance.script import Script
from wsproof.wire import Frame, Opcode

__all__ = ["PROPERTIES"]

_WHOLE = Frame(Opcode.TEXT, b"whole", mask=MASK)
_LONG = (126, 127, 1000)


def _ping_edges(profile: EndpointProfile) -> Iterable[Script]:
    for payload in (b"", b"p", b"\x00\xff\xfe", b"\xe2\x82", b"p" * 124, b"p" * 125):
        yield script_of("ping-answered", Frame(Opcode.PING, payload, mask=MASK))
    yield _burst("ping-answered", 10)


def _burst(subject: str, count: int) -> Script:
    """A script with `count` pings in one write."""
    return script_of(subject, *(Frame(Opcode.PING, b"%d" % index, mask=MASK) for index in range(count)))


def _bursts(profile: EndpointProfile) -> st.SearchStrategy[Script]:
    return st.integers(11, 300).map(lambda count: _burst("ping-burst", count))


@st.composite
def _pings(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    frame = strategies.pings() | strategies.data_frames(profile)
    return script_of("ping-answered", *draw(st.lists(frame, min_size=1, max_size=5)))


def _pong_edges(profile: EndpointProfile) -> Iterable[Script]:
    for payload in (b"", b"never asked for", b"\xff" * 125):
        yield script_of("pong-ignored", Frame(Opcode.PONG, payload, mask=MASK), _WHOLE)
    ping, other = Frame(Opcode.PING, b"mine", mask=MASK), Frame(Opcode.PONG, b"other", mask=MASK)
    yield script_of("pong-ignored", ping, other, _WHOLE)


def _long_edges(profile: EndpointProfile) -> Iterable[Script]:
    for opcode in (Opcode.PING, Opcode.PONG, Opcode.CLOSE):
        for size in _LONG:
            payload = b"\x03\xe8" + b"l" * (size - 2)
            yield script_of("control-long", Frame(opcode, payload, mask=MASK))


def _fragment_edges(profile: EndpointProfile) -> Iterable[Script]:
    rest = Frame(Opcode.CONTINUATION, b"rest", mask=MASK)
    for opcode in (Opcode.PING, Opcode.PONG, Opcode.CLOSE):
        begun = Frame(opcode, b"\x03\xe8", fin=False, mask=MASK)
        yield script_of("control-fragmented", begun)
        yield script_of("control-fragmented", begun, rest)
    start = Frame(Opcode.TEXT, b"a", fin=False, mask=MASK)
    yield script_of("control-fragmented", start, Frame(Opcode.PING, b"", fin=False, mask=MASK), rest)


PROPERTIES = (
    Property("ping-answered", lambda profile: _pings(profile), _ping_edges),
    Property("ping-burst", _bursts),
    Property("pong-ignored", edges=_pong_edges),
    Property("control-long", edges=_long_edges),
    Property("control-fragmented", edges=_fragment_edges),
)
