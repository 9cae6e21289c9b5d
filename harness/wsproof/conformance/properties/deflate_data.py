"""RFC 7692 7.2.2: illegal compressed data, and illegal text inside compressed messages."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.properties import strategies
from wsproof.conformance.properties.deflate_blocks import Blocks, Copy
from wsproof.conformance.properties.deflate_builders import (
    apply_cuts,
    declines_all,
    deflate_script,
    literals,
    packed,
    text_or_sample,
)
from wsproof.conformance.properties.deflate_messages import copies, in_blocks
from wsproof.conformance.properties.property import Property
from wsproof.conformance.script import Script
from wsproof.wire import Frame

__all__ = ["PROPERTIES"]

_BROKEN = (
    Blocks().bits(0b110, 3).message(),  # Block type 3.
    Blocks().fixed(b"good").bits(0b110, 3).message(),
    b"\x00\x05\x00\x00\x00Hello\x00",  # A stored block whose length and complement do not match.
    b"Hello",  # Uncompressed data with RSV1 set.
    Blocks().fixed(b"far", Copy(3, 4)).message(),  # A copy from before the first byte.
    Blocks().fixed(Copy(258, 32_768)).message(),
    Blocks().bits(0b010, 3).bits(0b01100011, 8).message(),  # A length code that does not exist.
    # A distance code that does not exist.
    Blocks().fixed(b"abc").bits(0b010, 3).bits(0b1000000, 7).bits(0b01111, 5).message(),
    b"\x04\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00",  # Codes that contradict each other.
)


def _data_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject, before = "deflate-data", literals(text_or_sample(profile, "before"))
    for data in _BROKEN:
        yield deflate_script(profile, subject, packed(data))
    yield deflate_script(profile, subject, before, packed(_BROKEN[0]))
    # The context of an earlier connection must not be available.
    size = len(text_or_sample(profile, "before"))
    yield deflate_script(profile, subject, packed(Blocks().fixed(*copies(size, size))))
    yield deflate_script(profile, subject, *apply_cuts(packed(_BROKEN[0]), 1))
    yield deflate_script(profile, subject, *apply_cuts(packed(_BROKEN[2]), 2, 6))


@st.composite
def _noise(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    data = bytes(draw(st.lists(st.integers(0, 255), min_size=1, max_size=24)))
    # The oracle decides whether these bytes happen to be DEFLATE data.
    before = [literals(text_or_sample(profile, "before"))] if draw(st.booleans()) else []
    return deflate_script(profile, "deflate-data", *before, packed(b"\x06" + data if draw(st.booleans()) else data))


def _unfinished_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "deflate-unfinished"
    yield deflate_script(profile, subject, packed(b""))
    yield deflate_script(profile, subject, packed(Blocks().fixed(text_or_sample(profile, "Hello")).message()[:-3]))
    yield deflate_script(profile, subject, packed(b"\x00\x0a\x00\xf5\xffHello"))


def _utf8_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "deflate-utf8"
    for text in ("\u20ac", "\U0001f600", "\u00e9\x00\ufeff", "\U0010ffff"):
        data = text_or_sample(profile, text)
        for blocks in (Blocks().fixed(data), Blocks().stored(data), Blocks().fixed(data[:1]).fixed(data[1:])):
            message = packed(blocks)
            yield deflate_script(profile, subject, message)
            yield deflate_script(profile, subject, *apply_cuts(message, *range(1, len(message.payload))))


@st.composite
def _texts(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    message = packed(draw(in_blocks(text_or_sample(profile, draw(strategies.texts())))))
    return deflate_script(profile, "deflate-utf8", *apply_cuts(message, *_places(draw, message)))


def _places(draw: st.DrawFn, message: Frame) -> list[int]:
    return draw(st.lists(st.integers(0, len(message.payload)), max_size=4))


def _broken_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "deflate-utf8-broken"
    for bad in strategies.BROKEN_UTF8:
        yield deflate_script(profile, subject, literals(bad))
    yield deflate_script(profile, subject, literals(text_or_sample(profile, "fine")), literals(b"\xff"))
    yield deflate_script(profile, subject, packed(Blocks().stored(b"\xe2\x82").fixed(b"a")))
    message = literals(b"\xce\xba\xed\xa0\x80end")
    yield deflate_script(profile, subject, *apply_cuts(message, 3, 6))
    yield deflate_script(profile, subject, *apply_cuts(literals(b"ends early \xe2\x82"), 5))


@st.composite
def _broken(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    message = packed(draw(in_blocks(draw(strategies.broken_utf8()))))
    return deflate_script(profile, "deflate-utf8-broken", *apply_cuts(message, *_places(draw, message)))


PROPERTIES = (
    Property("deflate-data", lambda profile: _noise(profile), _data_edges, declines_all),
    Property("deflate-unfinished", edges=_unfinished_edges, not_here=declines_all),
    Property("deflate-utf8", lambda profile: _texts(profile), _utf8_edges, declines_all),
    Property("deflate-utf8-broken", lambda profile: _broken(profile), _broken_edges, declines_all),
)
