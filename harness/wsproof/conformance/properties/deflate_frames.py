"""RFC 7692 6: compressed messages in frames and segments, and RSV1 in illegal places."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import strategies as st

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.properties import strategies
from wsproof.conformance.properties.deflate_blocks import Blocks
from wsproof.conformance.properties.deflate_builders import (
    RSV1,
    agreed,
    apply_cuts,
    declines_all,
    deflate_script,
    literals,
    packed,
    text_or_sample,
)
from wsproof.conformance.properties.property import MASK, Property
from wsproof.conformance.script import Script
from wsproof.wire import Deflater, Frame, Opcode

__all__ = ["PROPERTIES"]

_PING = Frame(Opcode.PING, b"between", mask=MASK)
_PONG = Frame(Opcode.PONG, b"between", mask=MASK)


def _message(profile: EndpointProfile) -> Frame:
    return packed(Blocks().fixed(text_or_sample(profile, "in pieces")).stored(b""))


def _fragment_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject, frame = "deflate-fragments", _message(profile)
    size = len(frame.payload)
    for places in ((1,), (size // 2,), (size - 1,), (0,), (size,), (0, 0, 3, size), tuple(range(1, size))):
        yield deflate_script(profile, subject, *apply_cuts(frame, *places))
        yield deflate_script(profile, subject, *apply_cuts(frame, *places), literals(text_or_sample(profile, "whole")))
    # The client does not know the end until it has sent the rest, so the last fragment inflates to nothing (7.2.3.6).
    data = Blocks().fixed(text_or_sample(profile, "in pieces")).stored(b"").unfinished()
    parts = apply_cuts(packed(data + b"\x00"), len(data))
    yield deflate_script(profile, subject, *parts)


@st.composite
def _fragments(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    return deflate_script(profile, "deflate-fragments", *_drawn(draw, profile, controls=False))


def _drawn(draw: st.DrawFn, profile: EndpointProfile, *, controls: bool) -> list[Frame]:
    """Some messages, compressed one after the other and cut anywhere."""
    deflater = Deflater(agreed(profile))
    control = strategies.pings(max_bytes=20) | st.just(_PONG)
    frames: list[Frame] = []
    for text in draw(st.lists(strategies.texts(), min_size=1, max_size=3)):
        message = packed(deflater.deflate(text_or_sample(profile, text)))
        places = draw(st.lists(st.integers(0, len(message.payload)), max_size=4))
        for piece in apply_cuts(message, *places):
            frames += [*(draw(st.lists(control, max_size=2)) if controls else ()), piece]
    return frames


def _between_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "deflate-control-frames"
    first, second, third = apply_cuts(_message(profile), 2, 5)
    for control in (_PING, _PONG):
        yield deflate_script(profile, subject, first, control, second, third)
        yield deflate_script(profile, subject, first, second, control, third)
    yield deflate_script(profile, subject, first, _PING, _PONG, _PING, second, _PING, third, _PING, _message(profile))
    yield deflate_script(profile, subject, _PING, _message(profile), _PING, _message(profile))


@st.composite
def _mixtures(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    return deflate_script(profile, "deflate-control-frames", *_drawn(draw, profile, controls=True))


def _segment_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject, frame = "deflate-segmentation", _message(profile)
    size = len(frame.encode())
    yield deflate_script(profile, subject, frame, cuts=tuple(range(1, size)))
    yield deflate_script(profile, subject, frame, cuts=(size - 1,))
    yield deflate_script(profile, subject, *[frame] * 20)  # Many frames in one segment.


@st.composite
def _segments(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    frames = _drawn(draw, profile, controls=True)
    size = sum(len(frame.encode()) for frame in frames)
    return deflate_script(profile, "deflate-segmentation", *frames, cuts=draw(strategies.cuts(size)))


def _control_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "deflate-rsv-control"
    yield deflate_script(profile, subject, Frame(Opcode.PING, b"p", rsv=RSV1, mask=MASK))
    packed_ping = Frame(Opcode.PING, Blocks().fixed(b"packed").message(), rsv=RSV1, mask=MASK)
    yield deflate_script(profile, subject, literals(text_or_sample(profile, "before")), packed_ping)
    first, second = apply_cuts(_message(profile), 3)
    yield deflate_script(profile, subject, first, packed_ping, second)
    yield deflate_script(profile, subject, Frame(Opcode.PONG, b"p", rsv=RSV1, mask=MASK))
    yield deflate_script(profile, subject, Frame(Opcode.CLOSE, b"\x03\xe8", rsv=RSV1, mask=MASK))


def _continuation_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "deflate-rsv-continuation"
    first, second, third = apply_cuts(_message(profile), 2, 5)
    yield deflate_script(profile, subject, first, replace(second, rsv=RSV1), third)
    yield deflate_script(profile, subject, first, second, replace(third, rsv=RSV1))
    start = Frame(Opcode.TEXT, b"plain ", fin=False, mask=MASK)
    yield deflate_script(profile, subject, start, Frame(Opcode.CONTINUATION, b"text", rsv=RSV1, mask=MASK))
    inflatable = Blocks().fixed(b"text").message()
    yield deflate_script(profile, subject, start, Frame(Opcode.CONTINUATION, inflatable, rsv=RSV1, mask=MASK))


def _other_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject, frame = "deflate-rsv2-rsv3", _message(profile)
    for rsv in (1, 2, 3):
        yield deflate_script(profile, subject, Frame(Opcode.TEXT, b"plain", rsv=rsv, mask=MASK))
        yield deflate_script(profile, subject, replace(frame, rsv=RSV1 | rsv))
        yield deflate_script(profile, subject, Frame(Opcode.PING, b"p", rsv=rsv, mask=MASK))
        first, second = apply_cuts(frame, 3)
        yield deflate_script(profile, subject, first, replace(second, rsv=rsv))


PROPERTIES = (
    Property("deflate-fragments", lambda profile: _fragments(profile), _fragment_edges, declines_all),
    Property("deflate-control-frames", lambda profile: _mixtures(profile), _between_edges, declines_all),
    Property("deflate-segmentation", lambda profile: _segments(profile), _segment_edges, declines_all),
    Property("deflate-rsv-control", edges=_control_edges, not_here=declines_all),
    Property("deflate-rsv-continuation", edges=_continuation_edges, not_here=declines_all),
    Property("deflate-rsv2-rsv3", edges=_other_edges, not_here=declines_all),
)
