"""RFC 7692 7.2: compressed messages of every kind of block, alone and in a row."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from hypothesis import strategies as st

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.oracle.deflate_negotiation import CLIENT_BITS, CLIENT_RESETS
from wsproof.conformance.properties import strategies
from wsproof.conformance.properties.deflate_blocks import Blocks, Copy
from wsproof.conformance.properties.deflate_builders import (
    agreed,
    declines_all,
    letters,
    literally,
    packed,
    talk,
    usual_offer,
    words,
)
from wsproof.conformance.properties.property import MASK, Property
from wsproof.conformance.script import Script
from wsproof.wire import Deflater, Frame, Opcode

__all__ = ["PROPERTIES", "copies", "in_blocks"]

_KINDS = ("stored", "fixed", "library", "empty", "nothing")


def _block_edges(facts: EndpointProfile) -> Iterable[Script]:
    subject = "deflate-blocks"
    hello, long = words(facts, "Hello"), words(facts, "a b c d " * 60)
    half = len(long) // 2
    for blocks in (
        Blocks().fixed(hello),
        Blocks().stored(hello),
        Blocks().library(long),
        Blocks().library(long, level=1),
        Blocks().library(long, strategy=zlib.Z_HUFFMAN_ONLY),
        Blocks().fixed(hello[:2]).fixed(hello[2:]),
        Blocks().stored(hello[:2]).stored(hello[2:]),
        Blocks().stored(long[:half]).library(long[half:]),
        Blocks().library(long[:half]).fixed(long[half:-1]).stored(long[-1:]),
        Blocks().fixed(hello[:1]).stored(b"").fixed().fixed(hello[1:]),
    ):
        yield talk(facts, subject, packed(blocks))
    yield talk(facts, subject, packed(_many(long)))
    if facts.sample is None:
        yield talk(facts, subject, packed(Blocks().fixed(b"ab", Copy(258, 1), Copy(3, 2), Copy(258, 258))))
        yield talk(facts, subject, packed(Blocks().library(letters(min(60_000, facts.largest_bytes)))))
    if facts.binary:
        every = bytes(range(256))
        for blocks in (Blocks().fixed(every), Blocks().stored(every), Blocks().library(every * 4)):
            yield talk(facts, subject, packed(blocks, opcode=Opcode.BINARY))


def _many(text: bytes) -> Blocks:
    blocks = Blocks()
    for at in range(len(text)):
        blocks.stored(text[at : at + 1]).stored(b"")
    return blocks


@st.composite
def in_blocks(draw: st.DrawFn, payload: bytes) -> Blocks:
    """A payload in blocks of any types, with empty blocks among them."""
    edges = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=4)))
    blocks = Blocks()
    for start, end in zip([0, *edges], [*edges, len(payload)], strict=True):
        for kind in draw(st.lists(st.sampled_from(_KINDS[3:]), max_size=1)):
            _ = blocks.stored(b"") if kind == "empty" else blocks.fixed()
        match draw(st.sampled_from(_KINDS[:3])):
            case "stored":
                blocks.stored(payload[start:end])
            case "fixed":
                blocks.fixed(payload[start:end])
            case _:
                blocks.library(payload[start:end])
    return blocks


@st.composite
def _messages(draw: st.DrawFn, facts: EndpointProfile) -> Script:
    opcode, payload = draw(strategies.payloads(facts))
    if opcode == Opcode.TEXT and facts.sample is not None:
        payload = facts.sample.payload
    return talk(facts, "deflate-blocks", packed(draw(in_blocks(payload)), opcode=opcode))


def _empty_edges(facts: EndpointProfile) -> Iterable[Script]:
    subject, word = "deflate-empty", words(facts, "word")
    empties = [
        Blocks(),
        Blocks().fixed(),
        Blocks().stored(b""),
        Blocks().stored(b"").stored(b"").fixed(),
    ]
    for empty in empties:
        yield talk(facts, subject, packed(empty))
        yield talk(facts, subject, packed(empty), packed(empty), literally(word), packed(empty), literally(word))
    yield talk(facts, subject, packed(Blocks().stored(b"").fixed(word).stored(b"")))


def _final_edges(facts: EndpointProfile) -> Iterable[Script]:
    subject = "deflate-final"
    hello, more = words(facts, "Hello"), words(facts, "and more")
    for blocks in (
        Blocks().fixed(hello, final=True),
        Blocks().stored(hello, final=True),
        Blocks().fixed(hello[:2], final=True).fixed(hello[2:]),
        Blocks().fixed(hello[:2], final=True).stored(hello[2:], final=True),
        Blocks().fixed(hello[:1]).fixed(hello[1:2], final=True).fixed(final=True).fixed(hello[2:]),
    ):
        yield talk(facts, subject, packed(blocks))
        yield talk(facts, subject, packed(blocks), literally(more))
    final = Blocks().fixed(hello, final=True)
    yield talk(facts, subject, literally(more), packed(final), packed(final), literally(more))
    if facts.sample is None:
        yield talk(facts, subject, packed(Blocks().stored(b"", final=True)), literally(more))
    if not agreed(facts).client_no_context_takeover:
        back = Blocks().fixed(*copies(len(more), len(more)), final=True)
        yield talk(facts, subject, packed(Blocks().stored(more)), packed(back))


@st.composite
def _finals(draw: st.DrawFn, facts: EndpointProfile) -> Script:
    frames = []
    for text in draw(st.lists(strategies.texts(max_characters=6), min_size=1, max_size=3)):
        said = words(facts, text)
        at = draw(st.integers(0, len(said)))
        blocks = Blocks().fixed(said[:at], final=draw(st.booleans())).fixed(said[at:], final=draw(st.booleans()))
        frames.append(packed(blocks))
    return talk(facts, "deflate-final", *frames)


def _context_edges(facts: EndpointProfile) -> Iterable[Script]:
    subject, text = "deflate-context", words(facts, letters(60).decode())
    size = len(text)
    if not agreed(facts).client_no_context_takeover:
        first, again = packed(Blocks().stored(text)), packed(Blocks().fixed(*copies(size, size)))
        yield talk(facts, subject, first, again)
        yield talk(facts, subject, first, again, again, literally(text), again)
    for offer in (usual_offer(facts), CLIENT_RESETS, CLIENT_BITS):
        agreement = facts.agreed(offer or "")
        if agreement is not None:
            deflater = Deflater(agreement)
            frames = [packed(deflater.deflate(text)) for _ in range(4)]
            yield talk(facts, subject, *frames, offer=offer)


def copies(size: int, distance: int) -> list[bytes | Copy]:
    """Copies from `distance` bytes back that make up to `size` bytes. A remainder below 3 bytes is left out."""
    whole = [Copy(min(258, size - at), distance) for at in range(0, size, 258)]
    return [copy for copy in whole if copy.length >= 3]


@st.composite
def _rows(draw: st.DrawFn, facts: EndpointProfile) -> Script:
    deflater = Deflater(agreed(facts))
    texts = draw(st.lists(strategies.texts(), min_size=2, max_size=6))
    return talk(facts, "deflate-context", *(packed(deflater.deflate(words(facts, text))) for text in texts))


def _window_edges(facts: EndpointProfile) -> Iterable[Script]:
    for offer in (usual_offer(facts), CLIENT_BITS):
        agreement = facts.agreed(offer or "")
        if agreement is None or agreement.client_no_context_takeover:
            continue
        window = 1 << agreement.client_max_window_bits
        size = min(window, facts.largest_bytes, 16_384)
        fill = [packed(Blocks().library(letters(size, seed))) for seed in range(window // size)]
        for copy in (Copy(3, window), Copy(258, window), Copy(258, window - 1)):
            yield talk(facts, "deflate-client-window", *fill, packed(Blocks().fixed(copy)), offer=offer)


def _needs_texts(facts: EndpointProfile) -> str:
    return declines_all(facts) or ("" if facts.sample is None else "not checked: the endpoint takes the sample only")


def _mixed_edges(facts: EndpointProfile) -> Iterable[Script]:
    subject = "deflate-mixed"
    text, other = words(facts, letters(40).decode()), words(facts, letters(70, seed=1).decode())
    plain = Frame(Opcode.TEXT, other, mask=MASK)
    size = len(text)
    yield talk(facts, subject, plain)
    yield talk(facts, subject, plain, literally(text), plain)
    yield talk(facts, subject, literally(text), plain, literally(text))
    start, end = Frame(Opcode.TEXT, other[:5], fin=False, mask=MASK), Frame(Opcode.CONTINUATION, other[5:], mask=MASK)
    yield talk(facts, subject, literally(text), start, end, literally(text))
    if not agreed(facts).client_no_context_takeover:
        # The window holds only compressed messages: the text lies right behind, whatever plain messages came between.
        back = packed(Blocks().fixed(*copies(size, size)))
        yield talk(facts, subject, packed(Blocks().stored(text)), plain, back)
        yield talk(facts, subject, packed(Blocks().stored(text)), start, end, plain, back, plain, back)


@st.composite
def _mixtures(draw: st.DrawFn, facts: EndpointProfile) -> Script:
    deflater = Deflater(agreed(facts))
    frames = []
    for text in draw(st.lists(strategies.texts(), min_size=2, max_size=6)):
        said = words(facts, text)
        plain = draw(st.booleans())
        frames.append(Frame(Opcode.TEXT, said, mask=MASK) if plain else packed(deflater.deflate(said)))
    return talk(facts, "deflate-mixed", *frames)


PROPERTIES = (
    Property("deflate-blocks", lambda facts: _messages(facts), _block_edges, declines_all),
    Property("deflate-empty", edges=_empty_edges, not_here=_needs_texts),
    Property("deflate-final", lambda facts: _finals(facts), _final_edges, declines_all),
    Property("deflate-context", lambda facts: _rows(facts), _context_edges, declines_all),
    Property("deflate-client-window", edges=_window_edges, not_here=_needs_texts),
    Property("deflate-mixed", lambda facts: _mixtures(facts), _mixed_edges, declines_all),
)
