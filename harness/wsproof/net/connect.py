"""Open a connected socket for an endpoint, with TLS where it is needed."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from wsproof.errors import TargetError
from wsproof.net.endpoint import Endpoint
from wsproof.net.kernel_clock import request_stamps
from wsproof.net.tls_socket import TlsSocket


def connect_socket(endpoint: Endpoint, timeout_s: float, receive_buffer: int | None = None) -> socket.socket:
    """Connect, trying every address of the host.

    `receive_buffer` (bytes) is set before the connect, because it bounds the TCP window.

    Raises:
        TargetError: no server answers there, or the TLS handshake fails.
    """
    sock = _connected(endpoint, timeout_s, receive_buffer)
    context = endpoint.ssl_context()
    if context is None:
        return sock
    with _closed_on_failure(sock, endpoint):
        return context.wrap_socket(sock, server_hostname=endpoint.host)


def connect_stamped(
    endpoint: Endpoint, timeout_s: float, receive_buffer: int | None = None
) -> tuple[socket.socket | TlsSocket, bool]:
    """Connect as `connect_socket` does, and request the kernel's stamps. Also returns whether the kernel gives them.

    Raises:
        TargetError: as `connect_socket`.
    """
    sock = _connected(endpoint, timeout_s, receive_buffer)
    is_stamped = request_stamps(sock)
    context = endpoint.ssl_context()
    if context is None:
        return sock, is_stamped
    with _closed_on_failure(sock, endpoint):
        return TlsSocket(sock, context, endpoint.host), is_stamped


def _connected(endpoint: Endpoint, timeout_s: float, receive_buffer: int | None) -> socket.socket:
    try:
        return _connect(endpoint, endpoint.at_most(timeout_s), receive_buffer)
    except OSError as error:
        why = "nothing within the deadline" if isinstance(error, TimeoutError) else (error.strerror or str(error))
        where, right = (endpoint.url, "are host and port right")
        if endpoint.unix is not None:
            where, right = (f"the Unix socket {endpoint.unix}", "is the path right")
        raise TargetError(f"expected a server at {where}, got: {why}. Is it running, and {right}?") from error


@contextmanager
def _closed_on_failure(sock: socket.socket, endpoint: Endpoint) -> Iterator[None]:
    """Close the socket if the TLS handshake in this block fails, and raise a TargetError."""
    try:
        yield
    except (OSError, ssl.CertificateError) as error:
        sock.close()
        raise TargetError(
            f"expected TLS at {endpoint.url}, got: {error}. For a certificate of your own try --ca FILE (or, to trust "
            "any, --insecure); for a server without TLS write ws://"
        ) from error


def is_refused(endpoint: Endpoint, timeout_s: float) -> bool:
    """Whether connections are refused because nobody listens. A slow or full server does not refuse."""
    try:
        _connect(endpoint, timeout_s, None).close()
    except (ConnectionRefusedError, FileNotFoundError):
        return True
    except OSError:
        return False
    return False


def reset_on_close(sock: socket.socket | TlsSocket) -> None:
    """Make a later close of the socket send RST instead of FIN. Unsent data is then discarded."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _connect(endpoint: Endpoint, timeout_s: float, receive_buffer: int | None) -> socket.socket:
    if endpoint.unix is not None:
        return _try(socket.AF_UNIX, endpoint.unix, timeout_s, receive_buffer, "")
    failure: OSError | None = None
    for family, _, _, _, address in socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM):
        try:
            sock = _try(family, address, timeout_s, receive_buffer, endpoint.source)
        except OSError as error:
            failure = failure or error
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
    raise failure or OSError(f"{endpoint.host} has no address")


def _try(family: int, address: object, timeout_s: float, receive_buffer: int | None, source: str) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(timeout_s)
        if source:
            sock.bind((source, 0))
        sock.connect(address)  # type: ignore[arg-type] # an address from getaddrinfo, or a path
    except OSError:
        sock.close()
        raise
    return sock
