"""TCP ports of this machine: find a free port, check a port, probe a server."""

from __future__ import annotations

import http.client
import socket
from enum import Enum

from wsproof.errors import TargetError
from wsproof.net.endpoint import Endpoint

_PROBE_TIMEOUT_S = 1.0
_FIN_TIMEOUT_S = 0.3
_NOT_HTTP = b"?\r\n\r\n"


class PortState(Enum):
    """The result of a port probe."""

    NOTHING = "nothing"
    ACCEPTED = "accepted"
    """The kernel accepted the connection, but no process has handled it yet."""
    ANSWERED = "answered"
    """A process handled the connection: it sent something, or closed the connection."""


def free_port(host: str) -> int:
    """Return a port that is free at this moment.

    Another process may take the port first, so be ready to retry.
    """
    with socket.socket(_family(host), socket.SOCK_STREAM) as sock:
        sock.bind((host, 0))
        port: int = sock.getsockname()[1]
        return port


def require_free_port(host: str, port: int) -> None:
    """Check that a server could listen on this port.

    Raises:
        TargetError: the port is out of range or in use.
    """
    if not 1 <= port <= 65_535:
        raise TargetError(f"expected a port from 1 to 65535, got {port}")
    with socket.socket(_family(host), socket.SOCK_STREAM) as sock:
        # Servers set this option too: connections in TIME_WAIT from an earlier server do not count.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
            sock.listen(1)
        except OSError as error:
            raise TargetError(
                f"expected port {port} of {host} to be free, but: {error.strerror}. "
                "Stop the process that listens there, or choose another --port"
            ) from error


def probe_port(host: str, port: int) -> PortState:
    """Connect and find out whether a live process handles the connection.

    A successful connect proves nothing: servers with workers listen before a worker is ready. So the first probe sends
    a FIN only, which leaves no trace in any log. Some servers ignore a FIN (hypercorn waits for its keep-alive
    timeout). For these, the second probe sends bytes that are not HTTP, which no server passes to the app.
    """
    state = _probe(host, port, b"", _FIN_TIMEOUT_S)
    return _probe(host, port, _NOT_HTTP, _PROBE_TIMEOUT_S) if state is PortState.ACCEPTED else state


def _probe(host: str, port: int, data: bytes, timeout_s: float) -> PortState:
    try:
        sock = socket.create_connection((host, port), _PROBE_TIMEOUT_S)
    except OSError:
        return PortState.NOTHING
    with sock:
        try:
            sock.settimeout(timeout_s)
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            sock.recv(4096)
        except TimeoutError:
            return PortState.ACCEPTED
        except OSError:
            return PortState.NOTHING
        return PortState.ANSWERED


def http_status(endpoint: Endpoint, timeout_s: float = _PROBE_TIMEOUT_S) -> int | None:
    """Return the status of a GET at this endpoint; None without an HTTP response."""
    connection: http.client.HTTPConnection
    if (context := endpoint.ssl_context()) is not None:
        connection = http.client.HTTPSConnection(endpoint.host, endpoint.port, timeout=timeout_s, context=context)
    else:
        connection = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=timeout_s)
    try:
        connection.request("GET", endpoint.path, headers=dict(endpoint.headers))
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
