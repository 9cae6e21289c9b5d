"""RFC 6455 5.1 and 5.3: a client masks every frame, with any key."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.properties import strategies
from wsproof.conformance.properties.property import MASK, Property, say
from wsproof.conformance.script import Script
from wsproof.wire import Frame, Opcode

__all__ = ["PROPERTIES"]


def _bare_edges(facts: EndpointProfile) -> Iterable[Script]:
    for opcode, payload in (
        (Opcode.TEXT, b"bare"),
        (Opcode.TEXT, b""),
        (Opcode.BINARY, b"bare"),
        (Opcode.PING, b"bare"),
        (Opcode.PONG, b""),
        (Opcode.CLOSE, b"\x03\xe8"),
    ):
        yield say("mask-required", Frame(opcode, payload))
    yield say("mask-required", Frame(Opcode.TEXT, b"a", fin=False, mask=MASK), Frame(Opcode.CONTINUATION, b"b"))


@st.composite
def _bare_frames(draw: st.DrawFn, facts: EndpointProfile) -> Script:
    before = draw(st.lists(strategies.data_frames(facts), max_size=2))
    opcode = draw(st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.PONG]))
    return say("mask-required", *before, Frame(opcode, b"b" * draw(st.integers(0, 125))))


@st.composite
def _masked_messages(draw: st.DrawFn, facts: EndpointProfile) -> Script:
    frames = draw(st.lists(strategies.data_frames(facts, any_mask=True), min_size=1, max_size=3))
    return say("mask-any", *frames)


def _mask_edges(facts: EndpointProfile) -> Iterable[Script]:
    for mask in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x01", b"\x01\0\0\0", b"abcd"):
        yield say("mask-any", Frame(Opcode.TEXT, b"seven b", mask=mask))


PROPERTIES = (
    Property("mask-required", lambda facts: _bare_frames(facts), _bare_edges),
    Property("mask-any", lambda facts: _masked_messages(facts), _mask_edges),
)
