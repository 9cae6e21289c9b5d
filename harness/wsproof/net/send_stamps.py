"""The time at which a network device took what a socket sent (Linux, TCP): SO_TIMESTAMPING with TX_SOFTWARE.

Our own time right before the write is earlier, by 8 to 30 us (`python -m benchmarks.truth`). The kernel reports its
time through the socket's error queue, as a rule before the write returns.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import termios
from functools import cache
from time import sleep

from wsproof.net.kernel_clock import ATTEMPT_S, ATTEMPTS, unpack_stamp

SO_TIMESTAMPING = 37
"""SO_TIMESTAMPING of <asm-generic/socket.h>, which Python's `socket` does not name. Its messages have the same type."""
_TX_SOFTWARE, _SOFTWARE, _TIME_ONLY = 1 << 1, 1 << 4, 1 << 11
"""SOF_TIMESTAMPING_TX_SOFTWARE, _SOFTWARE and _OPT_TSONLY of <linux/net_tstamp.h>."""
_ASK = struct.pack("@I", _TX_SOFTWARE | _SOFTWARE | _TIME_ONLY)
_STOP = struct.pack("@I", 0)
MOST_BYTES = 8 * 1024
"""Longest data, in bytes, that a device takes at once if nothing is in flight."""
_INT = struct.Struct("@i")
_STAMP_BYTES = struct.calcsize("@ll")
_ANCILLARY_BYTES = 256
"""Size of the ancillary data: three times of 16 bytes, and the error that describes them."""


@cache
def does_kernel_stamp_sends() -> bool:
    """Whether the kernel stamps what is sent over TCP. Tried once, on a connection of this process to itself."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname())
            server, _ = listener.accept()
        with client, server:
            return _gets_stamps(client, server)
    except (OSError, AttributeError):  # not Linux, no network, or a sandbox with a network stack of its own
        return False


def _gets_stamps(client: socket.socket, server: socket.socket) -> bool:
    is_idle(client)
    for _ in range(ATTEMPTS):
        _, stamp_ns = send_stamped(client, b"?")
        server.recv(1)
        if stamp_ns is not None:
            return True
        drain(client)
        sleep(ATTEMPT_S)
    return False


def is_idle(sock: socket.socket) -> bool:
    """Whether the peer has acknowledged everything, so that a device takes new data at once."""
    return not _INT.unpack(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(_INT.size)))[0]


def send_stamped(sock: socket.socket, data: bytes) -> tuple[int, int | None]:
    """Send without waiting, and read the kernel's stamp of it.

    Returns the number of bytes that were sent, and the stamp in ns of CLOCK_REALTIME. The stamp is None if no
    device has taken the data yet. It then comes through the error queue: see `drain`.

    Raises:
        OSError: as `socket.send`.
    """
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, _ASK)
    try:
        return sock.send(data), _read_stamp(sock)
    finally:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, _STOP)  # it would stamp reads as well


def drain(sock: socket.socket) -> bool:
    """Empty the error queue. Returns whether it had entries: `poll` reports such a socket as failed."""
    has_stamps = False
    while _read_error(sock) is not None:
        has_stamps = True
    return has_stamps


def _read_stamp(sock: socket.socket) -> int | None:
    for level, kind, data in _read_error(sock) or ():
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPING):
            seconds, ns = unpack_stamp(data[:_STAMP_BYTES])
            return int(seconds * 1_000_000_000 + ns)
    return None


def _read_error(sock: socket.socket) -> list[tuple[int, int, bytes]] | None:
    try:
        return sock.recvmsg(0, _ANCILLARY_BYTES, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)[1]
    except BlockingIOError:
        return None
