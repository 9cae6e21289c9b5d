"""Hypothesis strategies for frames, messages and handshakes, legal and broken.

Their names are plural nouns, their options keyword-only. Texts consist of code points that have caused faults in
servers, not of all of Unicode. They cover every width of UTF-8 and its limits.
"""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.wire import MASK, Frame, Opcode

__all__ = [
    "BROKEN_UTF8",
    "ILLEGAL_CLOSE_CODES",
    "LEGAL_CLOSE_CODES",
    "LENGTHS",
    "broken_utf8",
    "close_reasons",
    "cuts",
    "data_frames",
    "fragmentations",
    "fragments",
    "lengths",
    "masks",
    "payloads",
    "pings",
    "texts",
]

LENGTHS = (0, 1, 2, 124, 125, 126, 127, 128, 1000, 4095, 4096, 65_534, 65_535, 65_536, 65_537)
LEGAL_CLOSE_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
ILLEGAL_CLOSE_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535)

_CHARACTERS = (
    "a", "\x00", " ", "\x7f", "\r\n", '"', "\x80", "\u00e9", "e\u0301", "\u07ff", "\u0800", "\u20ac", "\ud7ff",
    "\ue000", "\ufeff", "\ufffd", "\uffff", "\U00010000", "\U0001f600", "\U0010ffff", "\u2028",
)  # fmt: skip

BROKEN_UTF8 = (
    b"\x80",  # A lone continuation byte.
    b"\xbf",
    b"\xc0\x80",  # Overlong forms.
    b"\xc1\xbf",
    b"\xe0\x80\x80",
    b"\xe0\x9f\xbf",
    b"\xf0\x80\x80\x80",
    b"\xf0\x8f\xbf\xbf",
    b"\xed\xa0\x80",  # Surrogates.
    b"\xed\xbf\xbf",
    b"\xf4\x90\x80\x80",  # Above U+10FFFF.
    b"\xf5\x80\x80\x80",
    b"\xfe",
    b"\xff",
    b"\xc3",  # Cut short.
    b"\xe2\x82",
    b"\xf0\x9f\x98",
    b"\xe2a\x82\xac",  # Interrupted.
)


def masks() -> st.SearchStrategy[bytes]:
    """Masking keys: usual ones, all zeros, all ones, and any."""
    special = st.sampled_from([MASK, b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x01"])
    return special | st.lists(st.integers(0, 255), min_size=4, max_size=4).map(bytes)


def texts(*, max_characters: int = 12) -> st.SearchStrategy[str]:
    """Short texts of awkward characters."""
    return st.lists(st.sampled_from(_CHARACTERS), max_size=max_characters).map("".join)


def broken_utf8(*, max_characters: int = 4) -> st.SearchStrategy[bytes]:
    """Bytes that are not UTF-8, with valid text around the fault."""
    around = texts(max_characters=max_characters).map(str.encode)
    return st.builds(
        lambda before, bad, after: _surely_broken(before + bad + after), around, st.sampled_from(BROKEN_UTF8), around
    )


def _surely_broken(data: bytes) -> bytes:
    try:
        data.decode()
    except UnicodeDecodeError:
        return data
    return data + b"\xff"  # The text after the fault has completed the character.


def lengths(profile: EndpointProfile) -> st.SearchStrategy[int]:
    """Payload lengths at and around the limits of the three forms, up to the endpoint's largest message."""
    return st.sampled_from([length for length in LENGTHS if length <= profile.largest_bytes]) | st.integers(0, 300)


def payloads(profile: EndpointProfile) -> st.SearchStrategy[tuple[int, bytes]]:
    """Data messages as (opcode, payload): text, and binary if the endpoint echoes it."""
    text = texts().map(lambda text: (int(Opcode.TEXT), text.encode()))
    if not profile.binary:
        return text
    binary = st.lists(st.integers(0, 255), max_size=12).map(lambda data: (int(Opcode.BINARY), bytes(data)))
    return text | binary


def data_frames(profile: EndpointProfile, *, any_mask: bool = False) -> st.SearchStrategy[Frame]:
    """Whole messages, each in one legal frame."""
    keys = masks() if any_mask else st.just(MASK)
    return st.builds(lambda message, mask: Frame(message[0], message[1], mask=mask), payloads(profile), keys)


def pings(*, max_bytes: int = 125) -> st.SearchStrategy[Frame]:
    """Legal pings with any payload: of edge lengths, printable, and not UTF-8."""
    sizes = st.sampled_from([size for size in (0, 1, 2, 124, 125) if size <= max_bytes]) | st.integers(0, max_bytes)
    fill = st.sampled_from([b"p", b"\x00", b"\xff", b"\x03\xe8"])
    return st.builds(lambda size, unit: Frame(Opcode.PING, (unit * size)[:size], mask=MASK), sizes, fill)


def fragments(*pieces: bytes, opcode: int = Opcode.TEXT, rsv: int = 0, ends: bool = True) -> list[Frame]:
    """Split one message into these fragments, with `rsv` on the first.

    With `ends=False` the last fragment is missing.
    """
    last = len(pieces) - 1
    return [
        Frame(Opcode.CONTINUATION if index else opcode, piece, ends and index == last, 0 if index else rsv, MASK)
        for index, piece in enumerate(pieces)
    ]


@st.composite
def fragmentations(draw: st.DrawFn, message: tuple[int, bytes], *, max_fragments: int = 6) -> list[Frame]:
    """One message as a first frame and continuation frames. Fragments may be empty and may cut characters."""
    opcode, payload = message
    edges = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=max_fragments - 1)))
    return fragments(*(payload[start:end] for start, end in pairwise([0, *edges, len(payload)])), opcode=opcode)


@st.composite
def cuts(draw: st.DrawFn, size: int, *, max_cuts: int = 8) -> tuple[int, ...]:
    """Offsets that cut `size` bytes into segments, mostly in the first bytes, where the headers are."""
    if size < 2:
        return ()
    near = st.integers(1, min(16, size - 1))
    return tuple(sorted(set(draw(st.lists(near | st.integers(1, size - 1), min_size=1, max_size=max_cuts)))))


def close_reasons() -> st.SearchStrategy[bytes]:
    """Legal close reasons: UTF-8 of at most 123 bytes."""
    long = st.sampled_from([b"r" * 122, b"r" * 123, "\u20ac".encode() * 41])
    return texts().map(str.encode) | long
