"""From an endpoint to a connected socket, with TLS where it belongs."""

from __future__ import annotations

import socket
import ssl
import struct

from wsproof.errors import TargetError
from wsproof.net.endpoint import Endpoint


def connect_socket(endpoint: Endpoint, timeout_s: float, receive_buffer: int | None = None) -> socket.socket:
    """Connect, trying every address of the host. `receive_buffer` (bytes) is set first: it bounds the TCP window.

    Raises:
        TargetError: nobody answers there, or TLS cannot be agreed.
    """
    context = endpoint.ssl_context()
    try:
        sock = _connect(endpoint, endpoint.at_most(timeout_s), receive_buffer)
    except OSError as error:
        why = "nothing within the deadline" if isinstance(error, TimeoutError) else (error.strerror or str(error))
        where, right = (endpoint.url, "are host and port right")
        if endpoint.unix is not None:
            where, right = (f"the Unix socket {endpoint.unix}", "is the path right")
        raise TargetError(f"expected a server at {where}, got: {why}. Is it running, and {right}?") from error
    if context is None:
        return sock
    try:
        return context.wrap_socket(sock, server_hostname=endpoint.host)
    except (OSError, ssl.CertificateError) as error:
        sock.close()
        raise TargetError(
            f"expected TLS at {endpoint.url}, got: {error}. For a certificate of your own try --ca FILE (or, to trust "
            "any, --insecure); for a server without TLS write ws://"
        ) from error


def is_refused(endpoint: Endpoint, timeout_s: float) -> bool:
    """Whether connections are refused there: nobody listens. A server that is slow, or full, refuses none."""
    try:
        _connect(endpoint, timeout_s, None).close()
    except (ConnectionRefusedError, FileNotFoundError):
        return True
    except OSError:
        return False
    return False


def reset_on_close(sock: socket.socket) -> None:
    """From now on closing it sends RST instead of FIN, and throws away what was not sent yet."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _connect(endpoint: Endpoint, timeout_s: float, receive_buffer: int | None) -> socket.socket:
    if endpoint.unix is not None:
        return _try(socket.AF_UNIX, endpoint.unix, timeout_s, receive_buffer)
    failure: OSError | None = None
    for family, _, _, _, address in socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM):
        try:
            sock = _try(family, address, timeout_s, receive_buffer)
        except OSError as error:
            failure = failure or error
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
    raise failure or OSError(f"{endpoint.host} has no address")


def _try(family: int, address: object, timeout_s: float, receive_buffer: int | None) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(timeout_s)
        sock.connect(address)  # type: ignore[arg-type]  # what getaddrinfo gave, or a path
    except OSError:
        sock.close()
        raise
    return sock
