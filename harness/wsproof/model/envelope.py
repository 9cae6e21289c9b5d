"""Envelope of each message: key, intended send time and checksum.

A message with an envelope is a body and a fixed-length ASCII trailer at its *end*. Servers put text in front of a
client's message (`Client #7 says: ...`), and not after it.

    body  ~w1 LLLLLLLL PPPPPPPP SSSSSSSS IIIIIIIIIIIIIIII CCCCCCCC      (no blanks between the fields; hexadecimal)
          mark length  publisher sequence intended time    CRC-32

`length` is the length of the body in bytes, so the receiver can find the start of the publisher's text. The CRC-32 (as
in zlib) covers body, mark and the four fields before it. Loss, order and corruption can thus be detected without help
from the server. The intended time is in nanoseconds of CLOCK_MONOTONIC.
"""

from __future__ import annotations

import struct
from binascii import Error as HexError
from binascii import unhexlify
from dataclasses import dataclass, replace
from zlib import crc32

MARK = b"~w1"
FIELDS = struct.Struct(">IIIQI")
TRAILER_BYTES = len(MARK) + 2 * FIELDS.size
"""Length of the trailer: 51 bytes. A message with an envelope is never shorter."""

FILLER = "the quick brown fox jumps over the lazy dog. "


@dataclass(frozen=True, slots=True)
class Envelope:
    """The publisher of a message, its sequence number for that publisher, and its intended send time (ns)."""

    publisher: int
    sequence: int
    intended_ns: int

    def seal(self, body: str = "") -> str:
        """Return the message to send: `body` and the trailer."""
        return self.seal_bytes(body.encode()).decode()

    def seal_bytes(self, body: bytes) -> bytes:
        """Like `seal`, for a body in bytes (UTF-8 if the message will be a text message)."""
        fields = b"%08x%08x%08x%016x" % (len(body), self.publisher, self.sequence, self.intended_ns)
        signed = body + MARK + fields
        return signed + b"%08x" % crc32(signed)


@dataclass(frozen=True, slots=True)
class Opened:
    """An envelope found in a received message.

    `intact` says whether the checksum matches; `start` is the start of the body.
    """

    envelope: Envelope
    intact: bool
    start: int

    @property
    def publisher(self) -> int:
        """The publisher's number, as in the envelope."""
        return self.envelope.publisher

    @property
    def sequence(self) -> int:
        """The publisher's sequence number, as in the envelope."""
        return self.envelope.sequence

    @property
    def intended_ns(self) -> int:
        """The intended send time, as in the envelope."""
        return self.envelope.intended_ns


def open_envelope(payload: bytes | str) -> Opened | None:
    """Find the envelope at the end of `payload`; None if there is none, or its mark or digits are damaged.

    If the protocol carries the text inside JSON, parse the JSON first and pass the text. JSON escaping changes the
    bytes on the wire (quotes, newlines, all characters outside ASCII), and parsing restores them.
    """
    data = payload.encode(errors="surrogatepass") if isinstance(payload, str) else payload
    return _open_at(data, len(data) - TRAILER_BYTES)


def find_envelope(payload: bytes) -> Opened | None:
    """Find the last envelope anywhere in `payload`, for servers that also add text after a message.

    The bytes are read as they are. A text that was escaped for JSON has other bytes than the original and is not
    intact: for JSON, parse it and call `open_envelope` on the text.
    """
    return _open_at(payload, payload.rfind(MARK))


def undamaged(opened: Opened | None, body_at: int) -> Opened | None:
    """Return the envelope, marked damaged unless the body begins at byte `body_at`, right after the server's prefix.

    The checksum covers only what the publisher sent. Without this check, extra text between prefix and body would go
    unnoticed.
    """
    if opened is None or not opened.intact or opened.start == body_at:
        return opened
    return replace(opened, intact=False)


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
    """Return filler text so that the message with its envelope is `size_bytes` long, or as close as possible."""
    room = max(size_bytes - TRAILER_BYTES, 0)
    return (FILLER * (room // len(FILLER) + 1))[:room]
