"""WebSocket frames of the server, encoded once for all recipients."""

from __future__ import annotations

import struct

TEXT, BINARY = 0x81, 0x82
"""First byte of a final frame (RFC 6455, section 5.2). The reserved bits are 0, so the frame is valid with and without
permessage-deflate, which allows uncompressed messages (RFC 7692, section 6)."""


def frame_of(data: str | bytes) -> bytes:
    """Return a message as one unmasked frame (RFC 6455, section 5.1)."""
    opcode, payload = (TEXT, data.encode()) if isinstance(data, str) else (BINARY, data)
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", opcode, size) + payload
    if size < 65_536:
        return struct.pack("!BBH", opcode, 126, size) + payload
    return struct.pack("!BBQ", opcode, 127, size) + payload
