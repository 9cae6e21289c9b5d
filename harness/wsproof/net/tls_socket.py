"""A connected socket with TLS whose reads return the kernel's stamps: `ssl.SSLSocket` has no `recvmsg`."""

from __future__ import annotations

import socket
import ssl

from wsproof.net.kernel_clock import AncillaryData
from wsproof.net.tls_session import MAX_PLAINTEXT_BYTES, TlsSession

_READ_BYTES = 65_536


class TlsSocket:
    """The part of a socket's interface that connections use, for plaintext."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, server_hostname: str) -> None:
        """Do the handshake, within the timeout of the socket.

        Raises:
            OSError: the handshake failed.
        """
        self.tcp = sock
        self._session = TlsSession(context, server_hostname)
        self._unsent = bytearray()
        self._accepted_bytes = 0
        """Plaintext bytes whose ciphertext is in `_unsent`."""
        self._early = b""
        """Plaintext that arrived with the end of the handshake."""
        self.is_exact = False
        """Whether the last read ended with a whole TLS record and left nothing in the kernel.

        Otherwise its stamp is too late for the last message, or for the next read.
        """
        sock.sendall(self._session.start())
        while not self._session.is_open:
            data = sock.recv(_READ_BYTES)
            if not data:
                raise ConnectionResetError("the server ended the connection during TLS")
            try:
                self._early = self._session.receive(data)
            finally:
                sock.sendall(self._session.take_ciphertext())

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self.tcp.fileno()

    def settimeout(self, timeout_s: float | None) -> None:
        """Set the timeout of each read and write. 0 means not to block."""
        self.tcp.settimeout(timeout_s)

    def recvmsg(self, size: int, ancillary_bytes: int = 0) -> tuple[bytes, AncillaryData, int, object]:
        """Read plaintext, and the ancillary data of its last bytes. Empty at the end of the stream.

        `size` counts encrypted bytes, so the plaintext may be longer.

        Raises:
            BlockingIOError: no whole record has arrived.
            OSError: the connection was reset, or its bytes are not valid TLS.
        """
        if self._early:
            self.is_exact = False
            plaintext, self._early = self._early, b""
            return plaintext, (), 0, None
        while not self._session.has_ended:
            data, ancillary, flags, address = self.tcp.recvmsg(size, ancillary_bytes)
            if not data:
                break
            plaintext = self._session.receive(data)
            self.is_exact = self._session.is_between_records and len(data) < size
            self._unsent += self._session.take_ciphertext()
            if plaintext:
                return plaintext, ancillary, flags, address
        return b"", (), 0, None

    def recv(self, size: int) -> bytes:
        """Read plaintext, as `recvmsg` does."""
        return self.recvmsg(size)[0]

    def send(self, data: bytes | bytearray) -> int:
        """Send some of the data, and return how many bytes were accepted.

        As with `ssl.SSLSocket`, data that was not accepted must be passed again.

        Raises:
            BlockingIOError: the kernel did not take all of the ciphertext.
        """
        if not self._accepted_bytes:
            some = bytes(data[:MAX_PLAINTEXT_BYTES])
            self._unsent += self._session.encrypt(some)
            self._accepted_bytes = len(some)
        while self._unsent:
            del self._unsent[: self.tcp.send(self._unsent)]
        accepted, self._accepted_bytes = self._accepted_bytes, 0
        return accepted

    def sendall(self, data: bytes) -> None:
        """Send all data."""
        while data:
            data = data[self.send(data) :]

    def shutdown(self, how: int) -> None:
        """Shut TCP down. No close_notify is sent."""
        self.tcp.shutdown(how)

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """Set an option of the TCP socket."""
        self.tcp.setsockopt(level, option, value)

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        """Get an option of the TCP socket."""
        return self.tcp.getsockopt(level, option, size)

    def close(self) -> None:
        """Close the TCP socket. No close_notify is sent."""
        self.tcp.close()
