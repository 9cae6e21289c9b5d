"""TLS between a member's connection and its SocketTransport."""

from __future__ import annotations

import asyncio
import socket
import ssl
from time import monotonic_ns
from typing import Protocol

from wsproof.load.worker.socket_poller import SocketPoller
from wsproof.load.worker.socket_transport import READ_BYTES, SocketTransport, TransportReader
from wsproof.net.kernel_clock import KernelClock
from wsproof.net.tls_session import TlsSession


class TlsReader(TransportReader, Protocol):
    """The receiver of the plaintext."""

    def connection_made(self, transport: TlsTransport, /) -> None:
        """Take the transport, once the TLS handshake is done."""


class TlsTransport:
    """Encrypts what a connection writes, and decrypts what a SocketTransport reads.

    A message has the time at which the last byte of its TLS record arrived.
    """

    __slots__ = ("_opened", "_reader", "_session", "_socket_transport")

    def __init__(
        self,
        poller: SocketPoller,
        sock: socket.socket,
        reader: TlsReader,
        clock: KernelClock,
        session: TlsSession,
        *,
        is_stamped: bool = True,
    ) -> None:
        self._socket_transport = SocketTransport(poller, sock, self, clock, is_stamped=is_stamped)
        self._reader = reader
        self._session = session
        self._opened: asyncio.Future[None] | None = None

    def take_back(self) -> tuple[int, bytes] | None:
        """Nobody but the reader reads: there is nothing to take back."""
        return None

    async def open(self) -> None:
        """Do the TLS handshake, then pass the transport to the reader.

        Raises:
            OSError: the handshake failed, or the server ended the connection.
        """
        opened = self._opened = asyncio.get_running_loop().create_future()
        self._socket_transport.start()
        try:
            self._socket_transport.write(self._session.start())
            await opened
        except BaseException:
            self.abort()
            raise

    # Writing and ending, as an asyncio transport does.

    def write(self, data: bytes) -> None:
        """Encrypt and send data."""
        if data and not self._socket_transport.is_closing():
            self._socket_transport.write(self._session.encrypt(data))

    def write_stamped(self, data: bytes) -> int:
        """Encrypt and send data. Returns the time as `SocketTransport.write_stamped` does."""
        if self._socket_transport.is_closing():
            return monotonic_ns()
        return self._socket_transport.write_stamped(self._session.encrypt(data))

    def get_write_buffer_size(self) -> int:
        """Encrypted bytes that the kernel has not taken yet."""
        return self._socket_transport.get_write_buffer_size()

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._socket_transport.is_closing()

    def close(self) -> None:
        """Stop reading, send the buffered data and close_notify, and close the socket."""
        if not self._socket_transport.is_closing():
            self._socket_transport.write(self._session.close())
            self._socket_transport.close()

    def abort(self) -> None:
        """Close the socket at once. Buffered data is dropped."""
        self._socket_transport.abort()

    @property
    def is_stamped(self) -> bool:
        """Whether the kernel stamps what the socket receives."""
        return self._socket_transport.is_stamped

    @property
    def woke_ns(self) -> int:
        """The time at which the event loop woke up for its current reads without a pause, in ns."""
        return self._socket_transport.woke_ns

    # Callbacks of the SocketTransport.

    def received(self, data: bytes, at_ns: int, now_ns: int) -> None:
        """Decrypt data that had arrived by `at_ns`, by the kernel's clock, and was read at `now_ns`."""
        plaintext = self._decrypt(data)
        # What follows a full read may have arrived before its stamp.
        if plaintext and self._session.is_between_records and len(data) < READ_BYTES:
            self._reader.received(plaintext, at_ns, now_ns)
        elif plaintext:
            self._reader.received_by(plaintext, at_ns, now_ns)
        if self._session.has_ended:
            self._end()

    def received_by(self, data: bytes, latest_ns: int, now_ns: int) -> None:
        """Decrypt data of which only the latest time of arrival is known."""
        if plaintext := self._decrypt(data):
            self._reader.received_by(plaintext, latest_ns, now_ns)
        if self._session.has_ended:
            self._end()

    def found_queued(self, queued_bytes: int, window_bytes: int, at_ns: int) -> None:
        """Pass on how many bytes a read found waiting."""
        self._reader.found_queued(queued_bytes, window_bytes, at_ns)

    def eof_received(self) -> None:
        """Pass on the end of the stream."""
        if self._opened is None:
            self._reader.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass on the end of the connection."""
        if self._opened is None:
            self._reader.connection_lost(exc)
        elif not self._opened.done():
            self._opened.set_exception(exc or ConnectionResetError("the server ended the connection during TLS"))

    def _decrypt(self, data: bytes) -> bytes:
        try:
            plaintext = self._session.receive(data)
        except ssl.SSLError as error:
            self._socket_transport.write(self._session.take_ciphertext())  # an alert
            self._socket_transport.abort(error)
            return b""
        if not plaintext or self._opened is not None:
            self._continue_tls()
        return plaintext

    def _continue_tls(self) -> None:
        """Send what TLS itself has to send, and see whether its handshake is done."""
        self._socket_transport.write(self._session.take_ciphertext())
        opened = self._opened
        if opened is not None and self._session.is_open and not opened.done():
            opened.set_result(None)
            self._opened = None
            self._reader.connection_made(self)

    def _end(self) -> None:
        """Take the server's close_notify."""
        if not self._socket_transport.is_closing():
            self._reader.eof_received()
            self.close()
