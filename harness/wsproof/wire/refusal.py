"""The body of a refused handshake, read as far as a person may want to see it (RFC 9112 6)."""

from __future__ import annotations

import re

from wsproof.wire.handshake import Response

__all__ = ["MAX_BODY_BYTES", "BodyReader"]

MAX_BODY_BYTES = 64 * 1024
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")


class BodyReader:
    """Take the bytes after the head; `complete` says when the server has said all. More than 64 KiB is cut off."""

    def __init__(self, response: Response) -> None:
        self._raw = bytearray()
        self._chunked = (response.header("Transfer-Encoding") or "").lower().endswith("chunked")
        length = response.header("Content-Length") or ""
        # Without a length the body lasts until the end of TCP.
        self._length = int(length) if re.fullmatch(r"[0-9]{1,9}", length) and not self._chunked else None
        if response.status in (204, 304):
            self._length = 0

    def feed(self, data: bytes) -> None:
        """Take bytes from the network."""
        self._raw += data[: max(0, MAX_BODY_BYTES - len(self._raw))]

    @property
    def complete(self) -> bool:
        """True when nothing more is to come, or nothing more would be kept."""
        if len(self._raw) >= MAX_BODY_BYTES:
            return True
        if self._chunked:
            return self._dechunk()[1]
        return self._length is not None and len(self._raw) >= self._length

    @property
    def body(self) -> bytes:
        """What came so far, without chunk marks."""
        return self._dechunk()[0] if self._chunked else bytes(self._raw[: self._length])

    def _dechunk(self) -> tuple[bytes, bool]:
        """Return the chunks' content and whether the last chunk is there; bytes that are no chunk end it."""
        out, at = bytearray(), 0
        while True:
            size = _CHUNK_SIZE.match(self._raw, at)
            if size is None:
                return bytes(out), False
            length = int(size[1], 16)
            if length == 0:
                return bytes(out), True
            out += self._raw[size.end() : size.end() + length]
            at = size.end() + length + 2
