"""RFC 6455 5.4: messages in fragments of any shape, with control frames between them."""

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

_WHOLE = Frame(Opcode.TEXT, b"whole", mask=MASK)
_PING = Frame(Opcode.PING, b"between", mask=MASK)
_PONG = Frame(Opcode.PONG, b"between", mask=MASK)


def _shape_edges(profile: EndpointProfile) -> Iterable[Script]:
    shapes = ((b"a", b"b"), (b"", b"b"), (b"a", b""), (b"", b""), (b"a", b"", b"c"), (b"",) * 5, (b"x",) * 60)
    for shape in shapes:
        yield script_of("fragments-joined", *fragments(*shape))
        yield script_of("fragments-joined", *fragments(*shape), _WHOLE)
    if profile.binary:
        yield script_of("fragments-joined", *fragments(b"\xff", b"\xfe", opcode=Opcode.BINARY))
    if profile.largest_bytes >= 65_536:
        yield script_of("fragments-joined", *fragments(b"x" * 32_000, b"y" * 32_000))


@st.composite
def _shapes(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    messages = draw(st.lists(strategies.payloads(profile), min_size=1, max_size=3))
    frames = [frame for message in messages for frame in draw(strategies.fragmentations(message))]
    return script_of("fragments-joined", *frames)


def _between_edges(profile: EndpointProfile) -> Iterable[Script]:
    first, second, third = fragments(b"a", b"b", b"c")
    for control in (_PING, _PONG):
        yield script_of("control-between-fragments", first, control, second, third)
        yield script_of("control-between-fragments", first, second, control, third)
    yield script_of("control-between-fragments", first, _PING, _PONG, _PING, second, _PING, third, _PING)


@st.composite
def _mixtures(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    frames: list[Frame] = []
    control = strategies.pings(max_bytes=20) | st.just(_PONG)
    for message in draw(st.lists(strategies.payloads(profile), min_size=1, max_size=2)):
        for frame in draw(strategies.fragmentations(message)):
            frames += [*draw(st.lists(control, max_size=2)), frame]
    size = sum(len(frame.encode()) for frame in frames)
    return script_of("control-between-fragments", *frames, cuts=draw(st.just(()) | strategies.cuts(size)))


def _weight_edges(profile: EndpointProfile) -> Iterable[Script]:
    # A message near the endpoint's size limit, whose remaining part is shorter than the control frame's payload.
    most, last = fragments(b"x" * (profile.largest_bytes - 1), b"y")
    for control in (_PING, _PONG):
        yield script_of("control-not-counted", most, control, last)


def _prompt_edges(profile: EndpointProfile) -> Iterable[Script]:
    first, last = fragments(b"a", b"b")
    yield Script("pong-prompt", (SendFrame(first), SendFrame(_PING), Await(), SendFrame(last)))


def _orphan_edges(profile: EndpointProfile) -> Iterable[Script]:
    for fin in (True, False):
        for payload in (b"orphan", b""):
            orphan = Frame(Opcode.CONTINUATION, payload, fin=fin, mask=MASK)
            yield script_of("continuation-orphan", orphan)
            yield script_of("continuation-orphan", _WHOLE, orphan)
            yield script_of("continuation-orphan", *fragments(b"a", b"b"), orphan)


@st.composite
def _orphans(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    before = [
        frame
        for message in draw(st.lists(strategies.payloads(profile), max_size=2))
        for frame in draw(strategies.fragmentations(message))
    ]
    orphan = Frame(Opcode.CONTINUATION, draw(strategies.texts()).encode(), fin=draw(st.booleans()), mask=MASK)
    return script_of("continuation-orphan", *before, orphan)


def _inside_edges(profile: EndpointProfile) -> Iterable[Script]:
    for opcode in (Opcode.TEXT, Opcode.BINARY):
        for fin in (True, False):
            inside = Frame(opcode, b"inside", fin=fin, mask=MASK)
            yield script_of("interleaved-messages", *fragments(b"a", ends=False), inside)
            yield script_of("interleaved-messages", *fragments(b"a", b"b", ends=False), inside)
            yield script_of("interleaved-messages", *fragments(b"", ends=False), _PING, inside)


def _close_edges(profile: EndpointProfile) -> Iterable[Script]:
    close = Frame(Opcode.CLOSE, b"\x03\xe8", mask=MASK)
    yield script_of("close-between-fragments", *fragments(b"a", ends=False), close)
    yield script_of("close-between-fragments", *fragments(b"a", b"b", ends=False), close)


def _closing_edges(profile: EndpointProfile) -> Iterable[Script]:
    close = Frame(Opcode.CLOSE, b"\x03\xe8", mask=MASK)
    begun = fragments(b"a", ends=False)
    # A server that never closes breaks `close-between-fragments` first. With that subject, both give one finding.
    yield script_of("close-between-fragments", *begun, close)
    yield script_of("close-between-fragments", *fragments(b"a", b"b", ends=False), close)
    yield script_of("close-between-fragments", *begun, close, Frame(Opcode.CONTINUATION, b"b", mask=MASK))
    yield script_of("close-between-fragments", *fragments(b"", ends=False), _PING, close)
    if profile.binary:
        yield script_of("close-between-fragments", *fragments(b"\xff", opcode=Opcode.BINARY, ends=False), close)


PROPERTIES = (
    Property("fragments-joined", lambda profile: _shapes(profile), _shape_edges),
    Property("control-between-fragments", lambda profile: _mixtures(profile), _between_edges),
    Property("control-not-counted", edges=_weight_edges),
    Property("pong-prompt", edges=_prompt_edges),
    Property("continuation-orphan", lambda profile: _orphans(profile), _orphan_edges),
    Property("interleaved-messages", edges=_inside_edges),
    Property("close-between-fragments", edges=_close_edges),
    Property("close-in-message-legal", edges=_closing_edges),
)
