"""Reader of HTTP responses on a connection that is kept alive: the head, and the end of the body (RFC 9112 6.3)."""

from __future__ import annotations

from wsproof.wire.extensions import split_list
from wsproof.wire.handshake import Response, ResponseParser

__all__ = ["HttpResponseReader"]

SHOWN_BYTES = 200
"""Bytes of a body that are kept. The beginning often says why the server refused a request."""
_WITHOUT_BODY = (204, 304)
_MAX_LINE_BYTES = 4_096
"""Longest line of a chunked body, in bytes."""


class HttpResponseReader:
    """Reads the response to one request. Call `feed` until `is_complete`, and `feed_eof` at the end of the stream."""

    def __init__(self, method: str = "POST") -> None:
        self._method = method
        self._head = ResponseParser()
        self.is_complete = False
        """Whether the whole response, with its body, has been read."""
        self.fault = ""
        """The reason why there is no response: a sentence. Empty if nothing is wrong."""
        self._buffer = bytearray()
        self._body = bytearray()
        self._left = 0
        """Bytes of the body, or of the chunk, that are still to come."""
        self._mode = ""
        """How the body ends: `length`, `chunked` or `close`; empty before the head is complete."""
        self._is_in_trailer = False

    @property
    def response(self) -> Response | None:
        """The head of the response; None before it is complete."""
        return self._head.response

    @property
    def excerpt(self) -> str:
        """The beginning of the body, as text."""
        return bytes(self._body[:SHOWN_BYTES]).decode("utf-8", "replace")

    @property
    def is_reusable(self) -> bool:
        """Whether another request may follow on the connection."""
        response = self.response
        if not self.is_complete or response is None or self._mode == "close" or self._buffer:
            return False
        options = {option.lower() for option in split_list(response.header_values("Connection"))}
        return "close" not in options and (response.http != "HTTP/1.0" or "keep-alive" in options)

    def feed(self, data: bytes) -> None:
        """Take bytes from the network."""
        if self.is_complete or self.fault:
            return
        if not self._mode:
            self._head.feed(data)
            self.fault = self._head.fault or ""
            response = self._head.response
            if response is None:
                return
            self._begin_body(response)
            data = self._head.rest
        self._buffer += data
        self._read_body()

    def feed_eof(self) -> None:
        """Take the end of the stream."""
        if self.is_complete or self.fault:
            return
        if self._mode == "close":
            self.is_complete = True
        else:
            self.fault = "the server ended the connection " + (
                "before it answered" if self.response is None else "in the middle of its response"
            )

    def _begin_body(self, response: Response) -> None:
        length = response.header("Content-Length")
        coding = response.header_values("Transfer-Encoding")
        if self._method == "HEAD" or response.status in _WITHOUT_BODY or response.status < 200:
            self._mode, self._left = "length", 0
        elif coding:
            self._mode = "chunked" if coding[-1].lower().endswith("chunked") else "close"
        elif length is not None and length.isascii() and length.isdigit():
            self._mode, self._left = "length", int(length)
        elif length is not None:
            self.fault = f"its Content-Length is not a number: {length[:40]!a}"
        else:
            self._mode = "close"

    def _read_body(self) -> None:
        if self._mode == "close":
            self._take(len(self._buffer))
        elif self._mode == "length":
            self._left -= self._take(self._left)
            self.is_complete = not self._left
        else:
            while not (self.is_complete or self.fault) and self._read_chunk():
                pass

    def _read_chunk(self) -> bool:
        """Read a part of a chunked body (RFC 9112 7.1). False if more bytes are needed."""
        if self._left > 2:
            self._left -= self._take(self._left - 2)
        if self._left == 2 and len(self._buffer) >= 2:
            del self._buffer[:2]
            self._left = 0
        if self._left:
            return False
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > _MAX_LINE_BYTES:
                self.fault = "a line of its chunked body does not end"
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        if self._is_in_trailer:
            self.is_complete = not line
            return True
        try:
            size = int(line.partition(b";")[0].strip(), 16)
        except ValueError:
            self.fault = f"a chunk of its body has no size: {line[:40]!a}"
            return False
        self._is_in_trailer = size == 0
        self._left = size + 2 if size else 0
        return True

    def _take(self, count: int) -> int:
        """Take at most `count` bytes of the body. Returns how many there were."""
        taken = min(count, len(self._buffer))
        if len(self._body) < SHOWN_BYTES:
            self._body += self._buffer[: min(taken, SHOWN_BYTES)]
        del self._buffer[:taken]
        return taken
