"""RFC 6455 5.4: messages in fragments of any shape, with control frames between them."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.properties import strategies
from wsproof.conformance.properties.property import MASK, Property, say
from wsproof.conformance.properties.strategies import fragments
from wsproof.conformance.script import Await, Script, SendFrame
from wsproof.wire import Frame, Opcode

__all__ = ["PROPERTIES"]

_WHOLE = Frame(Opcode.TEXT, b"whole", mask=MASK)
_PING = Frame(Opcode.PING, b"between", mask=MASK)
_PONG = Frame(Opcode.PONG, b"between", mask=MASK)


def _shape_edges(facts: EndpointProfile) -> Iterable[Script]:
    shapes = ((b"a", b"b"), (b"", b"b"), (b"a", b""), (b"", b""), (b"a", b"", b"c"), (b"",) * 5, (b"x",) * 60)
    for shape in shapes:
        yield say("fragments-joined", *fragments(*shape))
        yield say("fragments-joined", *fragments(*shape), _WHOLE)
    if facts.binary:
        yield say("fragments-joined", *fragments(b"\xff", b"\xfe", opcode=Opcode.BINARY))
    if facts.largest_bytes >= 65_536:
        yield say("fragments-joined", *fragments(b"x" * 32_000, b"y" * 32_000))


@st.composite
def _shapes(draw: st.DrawFn, facts: EndpointProfile) -> Script:
    messages = draw(st.lists(strategies.payloads(facts), min_size=1, max_size=3))
    frames = [frame for message in messages for frame in draw(strategies.fragmentations(message))]
    return say("fragments-joined", *frames)


def _between_edges(facts: EndpointProfile) -> Iterable[Script]:
    first, second, third = fragments(b"a", b"b", b"c")
    for control in (_PING, _PONG):
        yield say("control-between-fragments", first, control, second, third)
        yield say("control-between-fragments", first, second, control, third)
    yield say("control-between-fragments", first, _PING, _PONG, _PING, second, _PING, third, _PING)


@st.composite
def _mixtures(draw: st.DrawFn, facts: EndpointProfile) -> Script:
    frames: list[Frame] = []
    control = strategies.pings(max_bytes=20) | st.just(_PONG)
    for message in draw(st.lists(strategies.payloads(facts), min_size=1, max_size=2)):
        for frame in draw(strategies.fragmentations(message)):
            frames += [*draw(st.lists(control, max_size=2)), frame]
    size = sum(len(frame.encode()) for frame in frames)
    return say("control-between-fragments", *frames, cuts=draw(st.just(()) | strategies.cuts(size)))


def _weight_edges(facts: EndpointProfile) -> Iterable[Script]:
    # A message near the endpoint's size limit, whose remaining part is shorter than the control frame's payload.
    most, last = fragments(b"x" * (facts.largest_bytes - 1), b"y")
    for control in (_PING, _PONG):
        yield say("control-not-counted", most, control, last)


def _prompt_edges(facts: EndpointProfile) -> Iterable[Script]:
    first, last = fragments(b"a", b"b")
    yield Script("pong-prompt", (SendFrame(first), SendFrame(_PING), Await(), SendFrame(last)))


def _orphan_edges(facts: EndpointProfile) -> Iterable[Script]:
    for fin in (True, False):
        for payload in (b"orphan", b""):
            orphan = Frame(Opcode.CONTINUATION, payload, fin=fin, mask=MASK)
            yield say("continuation-orphan", orphan)
            yield say("continuation-orphan", _WHOLE, orphan)
            yield say("continuation-orphan", *fragments(b"a", b"b"), orphan)


@st.composite
def _orphans(draw: st.DrawFn, facts: EndpointProfile) -> Script:
    before = [
        frame
        for message in draw(st.lists(strategies.payloads(facts), max_size=2))
        for frame in draw(strategies.fragmentations(message))
    ]
    orphan = Frame(Opcode.CONTINUATION, draw(strategies.texts()).encode(), fin=draw(st.booleans()), mask=MASK)
    return say("continuation-orphan", *before, orphan)


def _inside_edges(facts: EndpointProfile) -> Iterable[Script]:
    for opcode in (Opcode.TEXT, Opcode.BINARY):
        for fin in (True, False):
            inside = Frame(opcode, b"inside", fin=fin, mask=MASK)
            yield say("interleaved-messages", *fragments(b"a", ends=False), inside)
            yield say("interleaved-messages", *fragments(b"a", b"b", ends=False), inside)
            yield say("interleaved-messages", *fragments(b"", ends=False), _PING, inside)


def _close_edges(facts: EndpointProfile) -> Iterable[Script]:
    close = Frame(Opcode.CLOSE, b"\x03\xe8", mask=MASK)
    yield say("close-between-fragments", *fragments(b"a", ends=False), close)
    yield say("close-between-fragments", *fragments(b"a", b"b", ends=False), close)


def _closing_edges(facts: EndpointProfile) -> Iterable[Script]:
    close = Frame(Opcode.CLOSE, b"\x03\xe8", mask=MASK)
    begun = fragments(b"a", ends=False)
    # A server that never closes breaks `close-between-fragments` first. With that subject, both give one finding.
    yield say("close-between-fragments", *begun, close)
    yield say("close-between-fragments", *fragments(b"a", b"b", ends=False), close)
    yield say("close-between-fragments", *begun, close, Frame(Opcode.CONTINUATION, b"b", mask=MASK))
    yield say("close-between-fragments", *fragments(b"", ends=False), _PING, close)
    if facts.binary:
        yield say("close-between-fragments", *fragments(b"\xff", opcode=Opcode.BINARY, ends=False), close)


PROPERTIES = (
    Property("fragments-joined", lambda facts: _shapes(facts), _shape_edges),
    Property("control-between-fragments", lambda facts: _mixtures(facts), _between_edges),
    Property("control-not-counted", edges=_weight_edges),
    Property("pong-prompt", edges=_prompt_edges),
    Property("continuation-orphan", lambda facts: _orphans(facts), _orphan_edges),
    Property("interleaved-messages", edges=_inside_edges),
    Property("close-between-fragments", edges=_close_edges),
    Property("close-in-message-legal", edges=_closing_edges),
)
