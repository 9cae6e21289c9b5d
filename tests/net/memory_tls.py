"""The server's side of TLS, in memory."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path

from wsproof.net.tls_session import TlsSession


class MemoryTlsServer:
    """A TLS server whose bytes the test carries."""

    def __init__(self, certificate: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def open(self, client: TlsSession) -> None:
        """Do the handshake with a client."""
        answer = self.answer(client.start())
        while answer:
            client.receive(answer)
            answer = self.answer(client.take_ciphertext())

    def answer(self, ciphertext: bytes) -> bytes:
        """Take the client's part of the handshake, and return the server's."""
        self._incoming.write(ciphertext)
        with suppress(ssl.SSLWantReadError):
            self._object.do_handshake()
        return self._outgoing.read()

    def encrypt(self, plaintext: bytes) -> bytes:
        self._object.write(plaintext)
        return self._outgoing.read()

    def decrypt(self, ciphertext: bytes) -> bytes:
        self._incoming.write(ciphertext)
        return self._object.read(65_536)

    def is_end(self, ciphertext: bytes) -> bool:
        """Whether these bytes are the client's close_notify."""
        try:
            return self.decrypt(ciphertext) == b""
        except ssl.SSLZeroReturnError:  # we have sent ours, too
            return True

    def close(self) -> bytes:
        """Send close_notify."""
        with suppress(ssl.SSLError):
            self._object.unwrap()
        return self._outgoing.read()
