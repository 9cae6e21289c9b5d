"""Arrival times of data from the kernel, independent of when a process reads it (Linux, TCP).

With SO_TIMESTAMPNS, each `recvmsg` also returns the time at which the kernel received the last segment of the data, in
ns of CLOCK_REALTIME. `KernelClock` converts it to CLOCK_MONOTONIC. Linux slews both clocks alike, so their difference
is constant until somebody sets the wall clock. `KernelClock` detects and records such a step.
"""

from __future__ import annotations

import atexit
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from time import monotonic_ns, sleep, time_ns

SO_TIMESTAMPNS = 35
"""SO_TIMESTAMPNS of <asm-generic/socket.h>, which Python's `socket` does not name. Its messages have the same type."""
_TIMESPEC = struct.Struct("@ll")
unpack_stamp = _TIMESPEC.unpack
"""Seconds and nanoseconds of a stamp, by CLOCK_REALTIME."""
ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size)
"""Size of the ancillary data of one stamp, for `recvmsg`."""
READINGS = 5
"""Readings of both clocks per check. The fastest one counts, because nothing interrupted it."""
STEP_NS = 1_000
"""Smallest difference, in ns, that counts as a step of the wall clock. A reading is exact to about 50 ns."""
CHECK_NS = 50_000_000
"""Longest time, in ns, between two checks of a clock that is in use."""
ATTEMPTS, ATTEMPT_S = 100, 0.001
"""Number of attempts to get a first stamp, and the seconds between them. The kernel begins to stamp a moment after the
first socket of the machine has asked for it."""

AncillaryData = Sequence[tuple[int, int, bytes]]


@dataclass(frozen=True, slots=True)
class ClockStep:
    """Somebody set the wall clock, by `by_ns`, at a time between `after_ns` and `before_ns`.

    Stamps from this interval may be wrong by `by_ns`.
    """

    after_ns: int
    before_ns: int
    by_ns: int


class KernelClock:
    """Converts the kernel's stamps to CLOCK_MONOTONIC, in ns."""

    def __init__(self, wall_ns: Callable[[], int] = time_ns, now_ns: Callable[[], int] = monotonic_ns) -> None:
        self._wall_ns = wall_ns
        self._now_ns = now_ns
        self.steps: list[ClockStep] = []
        self.offset_ns, self._width_ns = self._measure()
        """CLOCK_REALTIME minus CLOCK_MONOTONIC, and the time that this reading took."""
        self.checked_ns = now_ns()

    def monotonic_ns(self, ancillary: AncillaryData, now_ns: int) -> int | None:
        """Return the arrival time of a read at `now_ns`; None without a stamp, or with one from the future."""
        return self.converted(wall_time_ns(ancillary), now_ns)

    def converted(self, wall_ns: int, now_ns: int) -> int | None:
        """Convert the stamp (CLOCK_REALTIME; 0 for none) of a read at `now_ns`. None as for `monotonic_ns`."""
        if not wall_ns:
            return None
        at_ns = wall_ns - self.offset_ns
        if at_ns <= now_ns:
            return at_ns
        self.check()  # a stamp from the future: the wall clock was set forward
        return None

    def check(self) -> None:
        """Compare both clocks, and record a step of the wall clock since the last check."""
        offset_ns, width_ns = self._measure()
        now_ns = self._now_ns()
        by_ns = offset_ns - self.offset_ns
        if abs(by_ns) > max(width_ns + self._width_ns, STEP_NS):
            self.steps.append(ClockStep(self.checked_ns, now_ns, by_ns))
            self.offset_ns, self._width_ns = offset_ns, width_ns
        elif width_ns < self._width_ns:
            self.offset_ns, self._width_ns = offset_ns, width_ns
        self.checked_ns = now_ns

    def check_when_due(self, now_ns: int) -> None:
        """Check both clocks if the last check was more than CHECK_NS ago."""
        if now_ns - self.checked_ns > CHECK_NS:
            self.check()

    def _measure(self) -> tuple[int, int]:
        """Return the offset by the fastest of several readings, and the duration of that reading."""
        best: tuple[int, int] | None = None
        for _ in range(READINGS):
            before_ns = self._now_ns()
            wall_ns = self._wall_ns()
            after_ns = self._now_ns()
            width_ns = after_ns - before_ns
            if best is None or width_ns < best[1]:
                best = (wall_ns - (before_ns + after_ns) // 2, width_ns)
        assert best is not None
        return best


def wall_time_ns(ancillary: AncillaryData) -> int:
    """The stamp that came with a read, by CLOCK_REALTIME; 0 if there is none."""
    if not ancillary:
        return 0
    seconds, ns = unpack_stamp(ancillary[0][2])
    return int(seconds * 1_000_000_000 + ns)


def request_stamps(sock: socket.socket) -> bool:
    """Ask the kernel to stamp what this socket receives. False if it cannot: not Linux, not TCP, or refused."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or not does_kernel_stamp():
        return False
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return True


@cache
def does_kernel_stamp() -> bool:
    """Whether the kernel stamps data that arrives over TCP. Tried once, on a connection of this process to itself."""
    if sys.platform != "linux":
        return False
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname())
            atexit.register(client.close)  # The kernel stamps while any socket asks for it: keep one open.
            server, _ = listener.accept()
        with server:
            return _gets_stamps(client, server)
    except OSError:  # a sandbox with a network stack of its own, or no network
        return False


def _gets_stamps(client: socket.socket, server: socket.socket) -> bool:
    client.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    for _ in range(ATTEMPTS):
        server.send(b"?")
        if client.recvmsg(1, ANCILLARY_BYTES)[1]:
            return True
        sleep(ATTEMPT_S)
    return False
