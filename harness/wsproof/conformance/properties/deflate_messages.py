"""RFC 7692 7.2: compressed messages with every kind of block, alone and in sequence."""

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
    deflate_script,
    letters,
    literals,
    packed,
    text_or_sample,
    usual_offer,
)
from wsproof.conformance.properties.property import MASK, Property
from wsproof.conformance.script import Script
from wsproof.wire import Deflater, Frame, Opcode

__all__ = ["PROPERTIES", "copies", "in_blocks"]

_KINDS = ("stored", "fixed", "library", "empty", "nothing")


def _block_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "deflate-blocks"
    hello, long = text_or_sample(profile, "Hello"), text_or_sample(profile, "a b c d " * 60)
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
        yield deflate_script(profile, subject, packed(blocks))
    yield deflate_script(profile, subject, packed(_many(long)))
    if profile.sample is None:
        yield deflate_script(profile, subject, packed(Blocks().fixed(b"ab", Copy(258, 1), Copy(3, 2), Copy(258, 258))))
        yield deflate_script(profile, subject, packed(Blocks().library(letters(min(60_000, profile.largest_bytes)))))
    if profile.binary:
        every = bytes(range(256))
        for blocks in (Blocks().fixed(every), Blocks().stored(every), Blocks().library(every * 4)):
            yield deflate_script(profile, subject, packed(blocks, opcode=Opcode.BINARY))


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
def _messages(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    opcode, payload = draw(strategies.payloads(profile))
    if opcode == Opcode.TEXT and profile.sample is not None:
        payload = profile.sample.payload
    return deflate_script(profile, "deflate-blocks", packed(draw(in_blocks(payload)), opcode=opcode))


def _empty_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject, word = "deflate-empty", text_or_sample(profile, "word")
    empties = [
        Blocks(),
        Blocks().fixed(),
        Blocks().stored(b""),
        Blocks().stored(b"").stored(b"").fixed(),
    ]
    for empty in empties:
        yield deflate_script(profile, subject, packed(empty))
        yield deflate_script(
            profile, subject, packed(empty), packed(empty), literals(word), packed(empty), literals(word)
        )
    yield deflate_script(profile, subject, packed(Blocks().stored(b"").fixed(word).stored(b"")))


def _final_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "deflate-final"
    hello, more = text_or_sample(profile, "Hello"), text_or_sample(profile, "and more")
    for blocks in (
        Blocks().fixed(hello, final=True),
        Blocks().stored(hello, final=True),
        Blocks().fixed(hello[:2], final=True).fixed(hello[2:]),
        Blocks().fixed(hello[:2], final=True).stored(hello[2:], final=True),
        Blocks().fixed(hello[:1]).fixed(hello[1:2], final=True).fixed(final=True).fixed(hello[2:]),
    ):
        yield deflate_script(profile, subject, packed(blocks))
        yield deflate_script(profile, subject, packed(blocks), literals(more))
    final = Blocks().fixed(hello, final=True)
    yield deflate_script(profile, subject, literals(more), packed(final), packed(final), literals(more))
    if profile.sample is None:
        yield deflate_script(profile, subject, packed(Blocks().stored(b"", final=True)), literals(more))
    if not agreed(profile).client_no_context_takeover:
        back = Blocks().fixed(*copies(len(more), len(more)), final=True)
        yield deflate_script(profile, subject, packed(Blocks().stored(more)), packed(back))


@st.composite
def _finals(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    frames = []
    for text in draw(st.lists(strategies.texts(max_characters=6), min_size=1, max_size=3)):
        text_bytes = text_or_sample(profile, text)
        at = draw(st.integers(0, len(text_bytes)))
        blocks = (
            Blocks().fixed(text_bytes[:at], final=draw(st.booleans())).fixed(text_bytes[at:], final=draw(st.booleans()))
        )
        frames.append(packed(blocks))
    return deflate_script(profile, "deflate-final", *frames)


def _context_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject, text = "deflate-context", text_or_sample(profile, letters(60).decode())
    size = len(text)
    if not agreed(profile).client_no_context_takeover:
        first, again = packed(Blocks().stored(text)), packed(Blocks().fixed(*copies(size, size)))
        yield deflate_script(profile, subject, first, again)
        yield deflate_script(profile, subject, first, again, again, literals(text), again)
    for offer in (usual_offer(profile), CLIENT_RESETS, CLIENT_BITS):
        agreement = profile.agreed(offer or "")
        if agreement is not None:
            deflater = Deflater(agreement)
            frames = [packed(deflater.deflate(text)) for _ in range(4)]
            yield deflate_script(profile, subject, *frames, offer=offer)


def copies(size: int, distance: int) -> list[bytes | Copy]:
    """Copies from `distance` bytes back that make up to `size` bytes. A remainder below 3 bytes is left out."""
    pieces = [Copy(min(258, size - at), distance) for at in range(0, size, 258)]
    return [copy for copy in pieces if copy.length >= 3]


@st.composite
def _rows(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    deflater = Deflater(agreed(profile))
    texts = draw(st.lists(strategies.texts(), min_size=2, max_size=6))
    return deflate_script(
        profile, "deflate-context", *(packed(deflater.deflate(text_or_sample(profile, text))) for text in texts)
    )


def _window_edges(profile: EndpointProfile) -> Iterable[Script]:
    for offer in (usual_offer(profile), CLIENT_BITS):
        agreement = profile.agreed(offer or "")
        if agreement is None or agreement.client_no_context_takeover:
            continue
        window = 1 << agreement.client_max_window_bits
        size = min(window, profile.largest_bytes, 16_384)
        fill = [packed(Blocks().library(letters(size, seed))) for seed in range(window // size)]
        for copy in (Copy(3, window), Copy(258, window), Copy(258, window - 1)):
            yield deflate_script(profile, "deflate-client-window", *fill, packed(Blocks().fixed(copy)), offer=offer)


def _needs_texts(profile: EndpointProfile) -> str:
    return declines_all(profile) or (
        "" if profile.sample is None else "not checked: the endpoint accepts only the sample"
    )


def _mixed_edges(profile: EndpointProfile) -> Iterable[Script]:
    subject = "deflate-mixed"
    text, other = text_or_sample(profile, letters(40).decode()), text_or_sample(profile, letters(70, seed=1).decode())
    plain = Frame(Opcode.TEXT, other, mask=MASK)
    size = len(text)
    yield deflate_script(profile, subject, plain)
    yield deflate_script(profile, subject, plain, literals(text), plain)
    yield deflate_script(profile, subject, literals(text), plain, literals(text))
    start, end = Frame(Opcode.TEXT, other[:5], fin=False, mask=MASK), Frame(Opcode.CONTINUATION, other[5:], mask=MASK)
    yield deflate_script(profile, subject, literals(text), start, end, literals(text))
    if not agreed(profile).client_no_context_takeover:
        # The window holds only compressed messages, so uncompressed messages in between do not change the distance.
        back = packed(Blocks().fixed(*copies(size, size)))
        yield deflate_script(profile, subject, packed(Blocks().stored(text)), plain, back)
        yield deflate_script(profile, subject, packed(Blocks().stored(text)), start, end, plain, back, plain, back)


@st.composite
def _mixtures(draw: st.DrawFn, profile: EndpointProfile) -> Script:
    deflater = Deflater(agreed(profile))
    frames = []
    for text in draw(st.lists(strategies.texts(), min_size=2, max_size=6)):
        text_bytes = text_or_sample(profile, text)
        plain = draw(st.booleans())
        frames.append(Frame(Opcode.TEXT, text_bytes, mask=MASK) if plain else packed(deflater.deflate(text_bytes)))
    return deflate_script(profile, "deflate-mixed", *frames)


PROPERTIES = (
    Property("deflate-blocks", lambda profile: _messages(profile), _block_edges, declines_all),
    Property("deflate-empty", edges=_empty_edges, not_here=_needs_texts),
    Property("deflate-final", lambda profile: _finals(profile), _final_edges, declines_all),
    Property("deflate-context", lambda profile: _rows(profile), _context_edges, declines_all),
    Property("deflate-client-window", edges=_window_edges, not_here=_needs_texts),
    Property("deflate-mixed", lambda profile: _mixtures(profile), _mixed_edges, declines_all),
)
