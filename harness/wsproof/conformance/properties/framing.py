"""RFC 6455 5.2: lengths, reserved bits and opcodes, and frames in any segments."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.properties import strategies
from wsproof.conformance.properties.property import MASK, Property, script_of
from wsproof.conformance.script import Script, ScriptEnd, SendFrame
from wsproof.wire import Frame, LengthForm, Opcode

__all__ = ["PROPERTIES"]

_TOP_BIT = 1 << 63


def _text(size: int) -> Frame:
    return Frame(Opcode.TEXT, b"x" * size, mask=MASK)


def _length_edges(profile: EndpointProfile) -> Iterable[Script]:
    yield from _huge_edges(profile)
    for size in strategies.LENGTHS:
        if size <= profile.largest_bytes:
            yield script_of("payload-lengths", _text(size))
            if profile.binary:
                yield script_of("payload-lengths", Frame(Opcode.BINARY, b"\xfe" * size, mask=MASK))


def _huge_edges(profile: EndpointProfile) -> Iterable[Script]:
    """Lengths beyond 32 bits, with only a few bytes of payload. No message is complete, whatever the low bits say."""
    for declared in ((1 << 32) + 5, (1 << 63) - 1):
        for opcode in (Opcode.TEXT, Opcode.BINARY):
            frame = Frame(opcode, b"hello", mask=MASK, length_form=LengthForm.BITS64, declared_length=declared)
            yield script_of("payload-lengths", frame, ending=ScriptEnd.HALF_CLOSE)


def _lengths(profile: EndpointProfile) -> st.SearchStrategy[Script]:
    several = st.lists(strategies.lengths(profile), min_size=1, max_size=3)
    return several.map(lambda sizes: script_of("payload-lengths", *(_text(size) for size in sizes)))


def _segment_edges(profile: EndpointProfile) -> Iterable[Script]:
    close = Frame(Opcode.CLOSE, b"\x03\xe8bye", mask=MASK)
    for frame in (_text(5), _text(200), Frame(Opcode.PING, b"cut", mask=MASK), close):
        size = len(frame.encode())
        yield script_of("segmentation", frame, cuts=tuple(range(1, min(size, 40))))
        yield script_of("segmentation", frame, cuts=(size - 1,))
    if profile.largest_bytes >= 65_536:
        yield script_of("segmentation", _text(65_536), cuts=tuple(range(1, 16)))
    yield script_of("segmentation", *(_text(size) for size in range(1, 30)))  # many frames in one segment


@st.composite
def _segmentations(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    frame = strategies.data_frames(profile) | strategies.pings(max_bytes=20)
    frames = draw(st.lists(frame, min_size=1, max_size=4))
    size = sum(len(frame.encode()) for frame in frames)
    return script_of("segmentation", *frames, cuts=draw(strategies.cuts(size)))


def _top_bit_edges(profile: EndpointProfile) -> Iterable[Script]:
    for opcode, declared in ((Opcode.TEXT, _TOP_BIT), (Opcode.TEXT, 2 * _TOP_BIT - 1), (Opcode.BINARY, _TOP_BIT + 5)):
        frame = Frame(opcode, b"hello", mask=MASK, length_form=LengthForm.BITS64, declared_length=declared)
        yield script_of("length-top-bit", frame)


def _minimal_edges(profile: EndpointProfile) -> Iterable[Script]:
    for size, form in (
        (5, LengthForm.BITS16),
        (5, LengthForm.BITS64),
        (0, LengthForm.BITS16),
        (200, LengthForm.BITS64),
    ):
        yield script_of("length-minimal", Frame(Opcode.TEXT, b"x" * size, mask=MASK, length_form=form))


def _rsv_edges(profile: EndpointProfile) -> Iterable[Script]:
    for opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.PONG, Opcode.CLOSE):
        payload = b"\x03\xe8" if opcode == Opcode.CLOSE else b"rsv"
        for rsv in (4, 2, 1):
            yield script_of("rsv-zero", Frame(opcode, payload, rsv=rsv, mask=MASK))
    for rsv in (4, 2, 1):
        start = Frame(Opcode.TEXT, b"a", fin=False, mask=MASK)
        yield script_of("rsv-zero", start, Frame(Opcode.CONTINUATION, b"b", rsv=rsv, mask=MASK))


@st.composite
def _rsv_frames(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    before = draw(st.lists(strategies.data_frames(profile), max_size=2))
    opcode = draw(st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.PONG]))
    frame = Frame(opcode, b"r" * draw(st.integers(0, 125)), rsv=draw(st.integers(1, 7)), mask=MASK)
    return script_of("rsv-zero", *before, frame)


def _opcode_edges(profile: EndpointProfile) -> Iterable[Script]:
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield script_of("opcode-reserved", Frame(opcode, mask=MASK))
        yield script_of("opcode-reserved", Frame(opcode, b"data", mask=MASK))


@st.composite
def _reserved_opcodes(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    before = draw(st.lists(strategies.data_frames(profile), max_size=2))
    opcode = draw(st.sampled_from([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]))
    frame = Frame(opcode, b"o" * draw(st.integers(0, 130 if opcode < 8 else 125)), mask=MASK)
    inside = draw(st.booleans())
    start = [Frame(Opcode.TEXT, b"begun", fin=False, mask=MASK)] if inside else []
    return Script("opcode-reserved", tuple(SendFrame(each) for each in [*before, *start, frame]))


PROPERTIES = (
    Property("payload-lengths", _lengths, _length_edges),
    Property("segmentation", lambda profile: _segmentations(profile), _segment_edges),
    Property("length-top-bit", edges=_top_bit_edges),
    Property("length-minimal", edges=_minimal_edges),
    Property("rsv-zero", lambda profile: _rsv_frames(profile), _rsv_edges),
    Property("opcode-reserved", lambda profile: _reserved_opcodes(profile), _opcode_edges),
)
