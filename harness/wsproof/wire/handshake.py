"""The opening handshake as values (RFC 6455 4): the request, which may be wrong on purpose, and the response."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Protocol

from wsproof.wire.extensions import TOKEN, DeflateAgreement, DeflateOffer

__all__ = [
    "DEFAULT_MAX_HEAD_BYTES",
    "DeflateAgreement",
    "DeflateOffer",
    "Request",
    "Response",
    "ResponseParser",
    "accept_key",
    "random_key",
]

DEFAULT_MAX_HEAD_BYTES = 64 * 1024
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3


class RandomSource(Protocol):
    """The part of `random.Random` and `secrets.SystemRandom` that is used here."""

    def randbytes(self, n: int, /) -> bytes: ...


def random_key(rng: RandomSource) -> str:
    """Return a Sec-WebSocket-Key: 16 bytes from `rng` in base64 (RFC 6455 4.1)."""
    return base64.b64encode(rng.randbytes(16)).decode()


def accept_key(key: str) -> str:
    """Return the Sec-WebSocket-Accept which proves that a server has read `key` (RFC 6455 4.2.2)."""
    digest = hashlib.sha1((key.strip(" \t") + _GUID).encode("latin-1"), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


@dataclass(frozen=True)
class Request:
    """An upgrade request. The defaults are legal; every field may be set to an illegal value.

    `headers` are extra lines, sent in order after the others (a name may repeat). `omit` holds names of standard
    headers to leave out, in any case. `subprotocols` and `extensions` each become one comma list. `body` is sent
    unchanged after the head; `headers` must declare its length.
    """

    host: str
    path: str
    key: str
    version: str = "13"
    method: str = "GET"
    http: str = "HTTP/1.1"
    headers: tuple[tuple[str, str], ...] = ()
    subprotocols: tuple[str, ...] = ()
    origin: str | None = None
    extensions: tuple[str, ...] = ()
    connection: str = "Upgrade"
    upgrade: str = "websocket"
    omit: frozenset[str] = frozenset()
    body: str = ""

    def header_lines(self) -> list[tuple[str, str]]:
        """Return all header lines of the request, in order."""
        lines = [
            ("Host", self.host),
            ("Upgrade", self.upgrade),
            ("Connection", self.connection),
            ("Sec-WebSocket-Key", self.key),
            ("Sec-WebSocket-Version", self.version),
        ]
        if self.origin is not None:
            lines.append(("Origin", self.origin))
        if self.subprotocols:
            lines.append(("Sec-WebSocket-Protocol", ", ".join(self.subprotocols)))
        if self.extensions:
            lines.append(("Sec-WebSocket-Extensions", ", ".join(self.extensions)))
        omitted = {name.lower() for name in self.omit}
        return [line for line in lines if line[0].lower() not in omitted] + list(self.headers)

    def encode(self) -> bytes:
        """Return the bytes to send, in Latin-1. Raises UnicodeEncodeError for a character above U+00FF."""
        head = f"{self.method} {self.path} {self.http}\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.header_lines())
        return f"{head}{lines}\r\n{self.body}".encode("latin-1")

    def header_values(self, name: str) -> list[str]:
        """Return the values of all lines with this name, in order. Case is ignored."""
        return [value for key, value in self.header_lines() if key.lower() == name.lower()]


@dataclass(frozen=True)
class Response:
    """The head of the server's response, as received."""

    status: int
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    http: str = "HTTP/1.1"

    def header(self, name: str) -> str | None:
        """Return the first value of `name`; None without one."""
        values = self.header_values(name)
        return values[0] if values else None

    def header_values(self, name: str) -> list[str]:
        """Return the values of all lines with this name, in order. Case is ignored."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def describe(self) -> str:
        """Return one printable line for a transcript."""
        return ascii(f"{self.http} {self.status} {self.reason}".strip())[1:-1]


_STATUS_LINE = re.compile(r"(HTTP/[0-9]\.[0-9]) ([0-9]{3})(?: ([^\r\n]*))?")
_HEADER_LINE = re.compile(rf"({TOKEN}):[ \t]*(.*?)[ \t]*", re.DOTALL)


class ResponseParser:
    """Parses a response head from bytes in pieces of any size.

    Interim responses (1xx except 101) are skipped. `response` is None until the head is complete. Then `rest` holds the
    bytes after the head, because frames may follow in the same segment. If the bytes are not an HTTP response, or the
    head is longer than `max_head_bytes`, `fault` is a sentence that says so, and parsing stops.
    """

    def __init__(self, *, max_head_bytes: int = DEFAULT_MAX_HEAD_BYTES) -> None:
        self.max_head_bytes = max_head_bytes
        self.response: Response | None = None
        self.fault: str | None = None
        self._buffer = bytearray()
        self._searched = 0

    @property
    def rest(self) -> bytes:
        """The bytes after the head; empty until there is a response."""
        return bytes(self._buffer) if self.response is not None else b""

    @property
    def unread(self) -> bytes:
        """The start of the unparsed bytes, at most 4 KiB, to show when there is a `fault`."""
        return bytes(self._buffer[:4096])

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes from the network. Bytes after the head go to `rest`."""
        if self.fault is not None:
            return
        self._buffer += data
        while self.response is None and self.fault is None:
            end = self._buffer.find(b"\r\n\r\n", self._searched)
            if (end if end >= 0 else len(self._buffer)) > self.max_head_bytes:
                self.fault = f"the response head is longer than {self.max_head_bytes} bytes"
            elif end < 0:
                # Search again from three bytes back at most: linear time, even for one byte at a time.
                self._searched = max(0, len(self._buffer) - 3)
                return
            else:
                self._searched = 0
                if self._take_head(bytes(self._buffer[:end]).decode("latin-1")):
                    del self._buffer[: end + 4]

    def _take_head(self, head: str) -> bool:
        """Parse one head. Returns False, and sets `fault`, if it is not valid."""
        first, *lines = head.split("\r\n")
        status = _STATUS_LINE.fullmatch(first)
        if status is None:
            self.fault = f"the first line is not an HTTP status line: {first[:80]!a}"
            return False
        headers: list[tuple[str, str]] = []
        for line in lines:
            match = _HEADER_LINE.fullmatch(line)
            if match is None:
                self.fault = f"a header line is not 'name: value': {line[:80]!a}"
                return False
            headers.append((match[1], match[2]))
        code = int(status[2])
        if not 100 <= code < 200 or code == 101:
            self.response = Response(code, status[3] or "", tuple(headers), status[1])
        return True
