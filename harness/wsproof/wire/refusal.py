"""A refused handshake: the body of its response (RFC 9112 6), and advice for the user."""

from __future__ import annotations

import re

from wsproof.wire.handshake import Response

__all__ = ["LOAD_STATUSES", "MAX_BODY_BYTES", "BodyReader", "advice_on_refusal"]

LOAD_STATUSES = (429, 503)
"""Statuses with which a server refuses clients because of its load, which says nothing about the handshake itself."""
MAX_BODY_BYTES = 64 * 1024
"""Bytes of a body that are kept: enough for what a user wants to see."""
_STATUS = re.compile(r"HTTP/\d\.\d (\d{3})")
_PATH = "Is the path right (--path, the URL, or path() of the channel)"
_CREDENTIALS = f"{_PATH}? If so, give what the server asks for with --header, --token, --origin or --subprotocol."
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]{0,200})?\r\n")


class BodyReader:
    """Reads the bytes after the head until the body `is_complete`. The body is cut off after 64 KiB."""

    def __init__(self, response: Response) -> None:
        self._raw = bytearray()
        self._chunked = (response.header("Transfer-Encoding") or "").lower().endswith("chunked")
        self._chunks = bytearray()
        self._next_chunk = 0
        self._last_chunk = False
        length = response.header("Content-Length") or ""
        # Without a length, the body ends when TCP ends.
        self._length = int(length) if re.fullmatch(r"[0-9]{1,9}", length) and not self._chunked else None
        if response.status in (204, 304):
            self._length = 0

    def feed(self, data: bytes) -> None:
        """Take bytes from the network."""
        self._raw += data[: max(0, MAX_BODY_BYTES - len(self._raw))]
        if self._chunked:
            self._take_chunks()

    @property
    def is_complete(self) -> bool:
        """Whether no more data is expected, or no more would be kept."""
        if len(self._raw) >= MAX_BODY_BYTES or self._last_chunk:
            return True
        return self._length is not None and len(self._raw) >= self._length

    @property
    def body(self) -> bytes:
        """The body so far, without chunk headers and without an incomplete chunk."""
        return bytes(self._chunks) if self._chunked else bytes(self._raw[: self._length])

    def _take_chunks(self) -> None:
        while not self._last_chunk and (size := _CHUNK_SIZE.match(self._raw, self._next_chunk)):
            begin = size.end()
            end = begin + int(size[1], 16)
            self._last_chunk = begin == end
            if len(self._raw) < end + 2:
                return
            self._chunks += self._raw[begin:end]
            self._next_chunk = end + 2


def advice_on_refusal(response: str) -> str:
    """Return advice on a response such as `HTTP/1.1 403 Forbidden`. Its options exist in every command."""
    match = _STATUS.search(response)
    status = int(match[1]) if match is not None else 0
    if status in (404, 405, 410):
        return f"{_PATH}?"
    if 200 <= status < 300:
        return f"The server sent an ordinary web page. {_PATH}?"
    if 300 <= status < 400:
        return "The server redirects, and wsproof does not follow: use the address that the server redirects to."
    if status in LOAD_STATUSES:
        return "The server is full, or limits connections: open fewer, or open them more slowly."
    if status >= 500:
        return "The server failed: look at its own output."
    return _CREDENTIALS
