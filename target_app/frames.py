"""Our side of a WebSocket frame: what every connection would otherwise encode for itself."""

from __future__ import annotations

import struct

TEXT, BINARY = 0x81, 0x82
"""First byte of a final frame (RFC 6455, section 5.2). Reserved bits stay 0, so that the frame is right with and
without permessage-deflate, which allows messages that are not compressed (RFC 7692, section 6)."""


def frame_of(data: str | bytes) -> bytes:
    """One whole message as one frame; servers do not mask (RFC 6455, section 5.1)."""
    opcode, payload = (TEXT, data.encode()) if isinstance(data, str) else (BINARY, data)
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", opcode, size) + payload
    if size < 65_536:
        return struct.pack("!BBH", opcode, 126, size) + payload
    return struct.pack("!BBQ", opcode, 127, size) + payload
