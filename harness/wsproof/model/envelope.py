"""The key, times and checksum that travel inside every message of a workload.

A sealed message is a body and a fixed-length ASCII trailer at its *end*, because servers put words in front of what a
client says (`Client #7 says: ...`), never behind it:

    body  ~w1 LLLLLLLL PPPPPPPP SSSSSSSS IIIIIIIIIIIIIIII CCCCCCCC      (no blanks between the fields; hexadecimal)
          mark length  publisher sequence intended time    CRC-32

`length` is that of the body in bytes, so the receiver can find where the publisher's own words begin; the CRC-32
(zlib's) covers body, mark and the four fields before it. Loss, order and corruption are so decided without the
server's help. The intended time is in nanoseconds of CLOCK_MONOTONIC.
"""

from __future__ import annotations

import struct
from binascii import Error as HexError
from binascii import unhexlify
from dataclasses import dataclass
from zlib import crc32

MARK = b"~w1"
FIELDS = struct.Struct(">IIIQI")
TRAILER_BYTES = len(MARK) + 2 * FIELDS.size
"""How long the trailer is: 51 bytes. A sealed message is never shorter."""

FILLER = "the quick brown fox jumps over the lazy dog. "


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who published a message, its number within that publisher, and when it was meant to leave (ns)."""

    publisher: int
    sequence: int
    intended_ns: int

    def seal(self, body: str = "") -> str:
        """The message to send: `body` and the trailer."""
        return self.seal_bytes(body.encode()).decode()

    def seal_bytes(self, body: bytes) -> bytes:
        """As `seal`, for a body that is bytes already (UTF-8 where the message will be a text)."""
        fields = b"%08x%08x%08x%016x" % (len(body), self.publisher, self.sequence, self.intended_ns)
        signed = body + MARK + fields
        return signed + b"%08x" % crc32(signed)


@dataclass(frozen=True, slots=True)
class Opened:
    """An envelope found in a received message. `intact` is the checksum's word; `start` is where the body begins."""

    envelope: Envelope
    intact: bool
    start: int


def open_envelope(payload: bytes | str) -> Opened | None:
    """Find the envelope at the end of `payload`; None where there is none (or its mark or digits are damaged).

    For a protocol that carries the text inside JSON: load the JSON first, and hand the text to this. Escaping changes
    the bytes on the wire (quotes, newlines, all that is not ASCII), and loading the JSON brings them back.
    """
    whole = payload.encode(errors="surrogatepass") if isinstance(payload, str) else payload
    return _open_at(whole, len(whole) - TRAILER_BYTES)


def find_envelope(payload: bytes) -> Opened | None:
    """Find the last envelope anywhere in `payload`: for servers that put words of their own behind the text, too.

    It reads bytes as they are. A text that was escaped to stand inside JSON has other bytes than were sealed, and is
    not intact; so load the JSON, and use `open_envelope` on the text in it.
    """
    return _open_at(payload, payload.rfind(MARK))


def _open_at(payload: bytes, at: int) -> Opened | None:
    end = at + TRAILER_BYTES
    if at < 0 or payload[at : at + len(MARK)] != MARK or end > len(payload):
        return None
    try:
        length, publisher, sequence, intended_ns, checksum = FIELDS.unpack(unhexlify(payload[at + len(MARK) : end]))
    except HexError:
        return None
    start = at - length
    intact = start >= 0 and crc32(payload[start : end - 8]) == checksum
    return Opened(Envelope(publisher, sequence, intended_ns), intact, max(start, 0))


def body_of(size_bytes: int) -> str:
    """Plain words that make a sealed message `size_bytes` long (or as near as the trailer lets it)."""
    room = max(size_bytes - TRAILER_BYTES, 0)
    return (FILLER * (room // len(FILLER) + 1))[:room]
