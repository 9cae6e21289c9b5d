"""RFC 6455 as a whole: frames of every kind in one script, in any order, cut anywhere."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.properties import strategies
from wsproof.conformance.properties.property import MASK, Property, script_of
from wsproof.conformance.script import Script, ScriptEnd
from wsproof.wire import Frame, LengthForm, Opcode

__all__ = ["PROPERTIES", "faulty_frames"]

_LATE = (Frame(Opcode.PING, b"late", mask=MASK), Frame(Opcode.TEXT, b"late", mask=MASK))


def faulty_frames() -> st.SearchStrategy[Frame]:
    """Frames that break a rule wherever they stand.

    The last two break one only outside, or only inside, a message.
    """
    return st.one_of(
        st.builds(lambda rsv: Frame(Opcode.TEXT, b"rsv", rsv=rsv, mask=MASK), st.integers(1, 3)),
        st.builds(lambda opcode: Frame(opcode, b"?", mask=MASK), st.sampled_from([3, 7, 11, 15])),
        st.builds(lambda opcode: Frame(opcode, b"bare"), st.sampled_from([Opcode.TEXT, Opcode.PING, Opcode.PONG])),
        st.builds(lambda size: Frame(Opcode.PING, b"l" * size, mask=MASK), st.integers(126, 200)),
        st.just(Frame(Opcode.PING, b"part", fin=False, mask=MASK)),
        st.just(Frame(Opcode.CLOSE, b"\x03", mask=MASK)),
        st.just(Frame(Opcode.CLOSE, b"\x03\xe8\xff", mask=MASK)),
        st.just(
            Frame(Opcode.TEXT, b"top", mask=MASK, length_form=LengthForm.BITS64, declared_length=(1 << 63) + 3),
        ),
        st.builds(lambda bad: Frame(Opcode.TEXT, bad, mask=MASK), strategies.broken_utf8()),
        st.just(Frame(Opcode.CONTINUATION, b"orphan", mask=MASK)),
        st.just(Frame(Opcode.TEXT, b"inside", mask=MASK)),
    )


@st.composite
def _legal_frames(draw: st.DrawFn, profile: EndpointProfile) -> list[Frame]:
    """Legal frames: messages in fragments, each frame with its own mask, with control frames between them."""
    control = strategies.pings(max_bytes=20) | st.just(Frame(Opcode.PONG, b"unasked", mask=MASK))
    sizes = strategies.lengths(profile).map(lambda size: (int(Opcode.TEXT), b"x" * size))
    frames: list[Frame] = []
    for message in draw(st.lists(strategies.payloads(profile) | sizes, max_size=3)):
        for frame in draw(strategies.fragmentations(message)):
            frames += draw(st.lists(control, max_size=1))
            mask = draw(strategies.masks())
            frames.append(Frame(frame.opcode, frame.payload, frame.fin, mask=mask))
    return frames


def _edges(profile: EndpointProfile) -> Iterable[Script]:
    ping, pong = Frame(Opcode.PING, b"between", mask=b"\0\xff\0\xff"), Frame(Opcode.PONG, b"unasked", mask=MASK)
    message, euro = Frame(Opcode.TEXT, b"", mask=b"\xff\xff\xff\xff"), "\u20ac".encode()
    first = Frame(Opcode.TEXT, b"a" + euro[:1], fin=False, mask=b"abcd")
    middle = Frame(Opcode.CONTINUATION, euro[1:2], fin=False, mask=b"\0\0\0\x01")
    last = Frame(Opcode.CONTINUATION, euro[2:] + b"b" * 200, mask=b"\0\0\0\0")
    close = Frame(Opcode.CLOSE, b"\x0f\xa0bye", mask=b"\x01\0\0\0")
    legal = (message, first, ping, middle, pong, last, ping)
    size = sum(len(frame.encode()) for frame in legal)
    yield script_of("mixed-frames", *legal)
    yield script_of("mixed-frames", *legal, *legal, cuts=tuple(range(1, size)))
    yield script_of("mixed-frames", *legal, close, *_LATE)
    yield script_of("mixed-frames", *legal, first, ping, close)
    for ending in (ScriptEnd.HALF_CLOSE, ScriptEnd.RESET):
        yield script_of("mixed-frames", *legal, first, ending=ending)


@st.composite
def _scripts(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    frames = draw(_legal_frames(profile))
    endings = st.sampled_from(["none", "close", "fault", ScriptEnd.HALF_CLOSE, ScriptEnd.RESET])
    how = draw(endings)
    if how == "close":
        code = draw(st.sampled_from(strategies.LEGAL_CLOSE_CODES)).to_bytes(2, "big")
        frames.append(Frame(Opcode.CLOSE, code + draw(strategies.close_reasons()), mask=MASK))
    elif how == "fault":
        # Anywhere: before the first message, inside a fragmented one, or at the end, followed by legal frames.
        frames.insert(draw(st.integers(0, len(frames))), draw(faulty_frames()))
    if how in ("close", "fault"):
        frames += draw(st.lists(st.sampled_from(_LATE), max_size=2))
    size = sum(len(frame.encode()) for frame in frames)
    ending = how if isinstance(how, ScriptEnd) else ScriptEnd.CLOSE
    return script_of("mixed-frames", *frames, ending=ending, cuts=draw(st.just(()) | strategies.cuts(size)))


PROPERTIES = (Property("mixed-frames", lambda profile: _scripts(profile), _edges),)
