"""RFC 6455 5.1 and 5.3: a client masks every frame, with any key."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.properties import strategies
from wsproof.conformance.properties.property import MASK, Property, script_of
from wsproof.conformance.script import Script
from wsproof.wire import Frame, Opcode

__all__ = ["PROPERTIES"]


def _bare_edges(profile: EndpointProfile) -> Iterable[Script]:
    for opcode, payload in (
        (Opcode.TEXT, b"bare"),
        (Opcode.TEXT, b""),
        (Opcode.BINARY, b"bare"),
        (Opcode.PING, b"bare"),
        (Opcode.PONG, b""),
        (Opcode.CLOSE, b"\x03\xe8"),
    ):
        yield script_of("mask-required", Frame(opcode, payload))
    yield script_of("mask-required", Frame(Opcode.TEXT, b"a", fin=False, mask=MASK), Frame(Opcode.CONTINUATION, b"b"))


@st.composite
def _bare_frames(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    before = draw(st.lists(strategies.data_frames(profile), max_size=2))
    opcode = draw(st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.PONG]))
    return script_of("mask-required", *before, Frame(opcode, b"b" * draw(st.integers(0, 125))))


@st.composite
def _masked_messages(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    frames = draw(st.lists(strategies.data_frames(profile, any_mask=True), min_size=1, max_size=3))
    return script_of("mask-any", *frames)


def _mask_edges(profile: EndpointProfile) -> Iterable[Script]:
    for mask in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x01", b"\x01\0\0\0", b"abcd"):
        yield script_of("mask-any", Frame(Opcode.TEXT, b"seven b", mask=mask))


PROPERTIES = (
    Property("mask-required", lambda profile: _bare_frames(profile), _bare_edges),
    Property("mask-any", lambda profile: _masked_messages(profile), _mask_edges),
)
