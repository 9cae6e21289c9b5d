"""The fill level of the kernel's receive buffer of a TCP socket (Linux).

With a full buffer, the kernel's stamps are no longer exact: the server has to wait for us before it can send, and its
messages get later stamps.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import termios

from wsproof.net.tls_socket import TlsSocket

LARGE_READ_BYTES = 32 * 1024
"""Only reads of at least this many bytes are checked for a full buffer.

A smaller read cannot have found one, because the window begins with 64 KiB.
"""
_INT = struct.Struct("@i")
_WINDOW_LIMIT = struct.Struct("@64xI")
"""tcpi_rcv_ssthresh in `struct tcp_info`: the largest window, in bytes, that a socket offers at present."""


def receive_queue(sock: socket.socket | TlsSocket, read_bytes: int) -> tuple[int, int]:
    """Return the number of bytes that a read of `read_bytes` found waiting, and the socket's largest window."""
    left = _INT.unpack(fcntl.ioctl(sock.fileno(), termios.FIONREAD, bytes(_INT.size)))[0]
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _WINDOW_LIMIT.size)
    return read_bytes + left, _WINDOW_LIMIT.unpack(info)[0]
