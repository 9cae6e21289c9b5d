"""RFC 7692 7.2.2: illegal compressed data, and illegal text inside compressed messages."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.properties import strategies
from wsproof.conformance.properties.deflate_blocks import Blocks, Copy
from wsproof.conformance.properties.deflate_builders import apply_cuts, declines_all, literally, packed, talk, words
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


def _data_edges(facts: EndpointProfile) -> Iterable[Script]:
    subject, before = "deflate-data", literally(words(facts, "before"))
    for data in _BROKEN:
        yield talk(facts, subject, packed(data))
    yield talk(facts, subject, before, packed(_BROKEN[0]))
    # The context of an earlier connection must not be available.
    size = len(words(facts, "before"))
    yield talk(facts, subject, packed(Blocks().fixed(*copies(size, size))))
    yield talk(facts, subject, *apply_cuts(packed(_BROKEN[0]), 1))
    yield talk(facts, subject, *apply_cuts(packed(_BROKEN[2]), 2, 6))


@st.composite
def _noise(draw: st.DrawFn, facts: EndpointProfile) -> Script:
    data = bytes(draw(st.lists(st.integers(0, 255), min_size=1, max_size=24)))
    # The oracle decides whether these bytes happen to be DEFLATE data.
    before = [literally(words(facts, "before"))] if draw(st.booleans()) else []
    return talk(facts, "deflate-data", *before, packed(b"\x06" + data if draw(st.booleans()) else data))


def _unfinished_edges(facts: EndpointProfile) -> Iterable[Script]:
    subject = "deflate-unfinished"
    yield talk(facts, subject, packed(b""))
    yield talk(facts, subject, packed(Blocks().fixed(words(facts, "Hello")).message()[:-3]))
    yield talk(facts, subject, packed(b"\x00\x0a\x00\xf5\xffHello"))


def _utf8_edges(facts: EndpointProfile) -> Iterable[Script]:
    subject = "deflate-utf8"
    for text in ("\u20ac", "\U0001f600", "\u00e9\x00\ufeff", "\U0010ffff"):
        data = words(facts, text)
        for blocks in (Blocks().fixed(data), Blocks().stored(data), Blocks().fixed(data[:1]).fixed(data[1:])):
            message = packed(blocks)
            yield talk(facts, subject, message)
            yield talk(facts, subject, *apply_cuts(message, *range(1, len(message.payload))))


@st.composite
def _texts(draw: st.DrawFn, facts: EndpointProfile) -> Script:
    message = packed(draw(in_blocks(words(facts, draw(strategies.texts())))))
    return talk(facts, "deflate-utf8", *apply_cuts(message, *_places(draw, message)))


def _places(draw: st.DrawFn, message: Frame) -> list[int]:
    return draw(st.lists(st.integers(0, len(message.payload)), max_size=4))


def _broken_edges(facts: EndpointProfile) -> Iterable[Script]:
    subject = "deflate-utf8-broken"
    for bad in strategies.BROKEN_UTF8:
        yield talk(facts, subject, literally(bad))
    yield talk(facts, subject, literally(words(facts, "fine")), literally(b"\xff"))
    yield talk(facts, subject, packed(Blocks().stored(b"\xe2\x82").fixed(b"a")))
    message = literally(b"\xce\xba\xed\xa0\x80end")
    yield talk(facts, subject, *apply_cuts(message, 3, 6))
    yield talk(facts, subject, *apply_cuts(literally(b"ends early \xe2\x82"), 5))


@st.composite
def _broken(draw: st.DrawFn, facts: EndpointProfile) -> Script:
    message = packed(draw(in_blocks(draw(strategies.broken_utf8()))))
    return talk(facts, "deflate-utf8-broken", *apply_cuts(message, *_places(draw, message)))


PROPERTIES = (
    Property("deflate-data", lambda facts: _noise(facts), _data_edges, declines_all),
    Property("deflate-unfinished", edges=_unfinished_edges, not_here=declines_all),
    Property("deflate-utf8", lambda facts: _texts(facts), _utf8_edges, declines_all),
    Property("deflate-utf8-broken", lambda facts: _broken(facts), _broken_edges, declines_all),
)
