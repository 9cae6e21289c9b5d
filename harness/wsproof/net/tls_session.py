"""TLS without a socket: ciphertext in, plaintext out. The reader of the socket can thus use the kernel's stamps.

A message is decrypted once its TLS record has arrived. So if the last record of a read is incomplete, the read has no
exact time for any message: `is_between_records` says so.
"""

from __future__ import annotations

import ssl
from contextlib import suppress

MAX_PLAINTEXT_BYTES = 16_384
"""Largest plaintext of one TLS record (RFC 8446 5.1)."""
HEADER_BYTES = 5
"""Length of a record's header. Its last two bytes are the length of what follows (RFC 8446 5.1)."""


class TlsSession:
    """The client's side of one TLS connection."""

    __slots__ = (
        "_header",
        "_incoming",
        "_object",
        "_outgoing",
        "_read_plaintext",
        "_rest_bytes",
        "_write_ciphertext",
        "has_ended",
        "is_between_records",
        "is_open",
    )

    def __init__(self, context: ssl.SSLContext, server_hostname: str | None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)
        self._write_ciphertext = self._incoming.write
        self._read_plaintext = self._object.read
        self._header = b""
        """The beginning of a record's header, if the last read ended there."""
        self._rest_bytes = 0
        """Bytes of the current record that have not arrived yet."""
        self.is_open = False
        """Whether the handshake is done."""
        self.has_ended = False
        """Whether the server has sent close_notify, after which nothing follows."""
        self.is_between_records = True
        """Whether the last read ended with a whole record."""

    def start(self) -> bytes:
        """Begin the handshake. Returns the bytes to send."""
        self._do_handshake()
        return self._outgoing.read()

    def receive(self, ciphertext: bytes) -> bytes:
        """Take bytes from the socket, and return all plaintext that they complete.

        Afterwards there may be bytes to send (`take_ciphertext`).

        Raises:
            ssl.SSLError: the handshake failed, or the bytes are not valid TLS.
        """
        self._write_ciphertext(ciphertext)
        size = len(ciphertext)
        if (
            self.is_between_records
            and self.is_open
            and size > HEADER_BYTES
            and size == HEADER_BYTES + (ciphertext[3] << 8 | ciphertext[4])
        ):
            return self._read()  # usually one record fills the read
        self._follow_records(ciphertext)
        if not self.is_open and not self._do_handshake():
            return b""
        parts = [self._read()]
        while self._incoming.pending and parts[-1]:
            parts.append(self._read())
        return b"".join(parts)

    def encrypt(self, plaintext: bytes) -> bytes:
        """Return the bytes to send for this plaintext, after those that are already pending."""
        self._object.write(plaintext)
        return self._outgoing.read()

    def take_ciphertext(self) -> bytes:
        """Return pending bytes of the TLS protocol itself."""
        return self._outgoing.read() if self._outgoing.pending else b""

    def close(self) -> bytes:
        """End our direction. Returns the bytes to send (close_notify)."""
        if self.is_open:
            with suppress(ssl.SSLError):  # the server's close_notify has not arrived, and we do not wait for it
                self._object.unwrap()
        return self._outgoing.read()

    def _do_handshake(self) -> bool:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.is_open = True
        return True

    def _read(self) -> bytes:
        """Return the plaintext of the next record; empty if none is complete, or if it carries no plaintext."""
        try:
            plaintext = self._read_plaintext(MAX_PLAINTEXT_BYTES)
        except ssl.SSLWantReadError:
            return b""
        except ssl.SSLZeroReturnError:  # how Python reports close_notify after our own
            plaintext = b""
        if not plaintext:
            self.has_ended = True
        return plaintext

    def _follow_records(self, data: bytes) -> None:
        """Set `is_between_records`: whether the last record ends with this data."""
        at = self._rest_bytes
        if self._header:
            data = self._header + data
        size = len(data)
        while at + HEADER_BYTES <= size:
            at += HEADER_BYTES + (data[at + 3] << 8 | data[at + 4])
        self._header = data[at:] if at < size else b""
        self._rest_bytes = max(at - size, 0)
        self.is_between_records = at == size
