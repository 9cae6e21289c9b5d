"""A timer on the event loop, as exact as the platform allows.

uvloop's own timers count whole milliseconds. A timerfd is one more file descriptor in the same epoll instance and wakes
with the kernel's precision. Python has timerfd from 3.13. For older versions, three calls through ctypes do the same.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable
from time import monotonic_ns
from typing import Protocol

from wsproof.model.nanoseconds import NS

_TFD_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC
_CLOCK_MONOTONIC = 1
_ABSOLUTE = 1


class Timer(Protocol):
    """Calls back once at each time it is armed for, in ns of CLOCK_MONOTONIC. Arming again replaces the time."""

    def arm(self, at_ns: int) -> None: ...

    def close(self) -> None: ...


class _Spec(ctypes.Structure):
    """`struct itimerspec`: interval and first expiry, each in seconds and nanoseconds."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class FdTimer:
    """A timerfd (Linux).

    Raises:
        OSError: the kernel or a sandbox refuses a timerfd.
        AttributeError: the C library has no timerfd.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        loop.add_reader(self._fd, self._on_ready)

    def arm(self, at_ns: int) -> None:
        spec = _Spec(0, 0, at_ns // NS, max(at_ns % NS, 1))
        if self._libc.timerfd_settime(self._fd, _ABSOLUTE, ctypes.byref(spec), None):
            raise OSError(ctypes.get_errno(), "timerfd_settime")

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _on_ready(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return  # armed again between the wake-up and now
        self._ring()


class LoopTimer:
    """The event loop's own timer, which every platform has."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._handle: asyncio.TimerHandle | None = None

    def arm(self, at_ns: int) -> None:
        self.close()
        self._handle = self._loop.call_later(max(0, at_ns - monotonic_ns()) / NS, self._ring)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


def best_timer(loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> Timer:
    """Create the most exact timer that this platform has."""
    if sys.platform == "linux":
        try:
            return FdTimer(loop, ring)
        except (OSError, AttributeError):
            pass  # a libc or a sandbox without timerfd: the loop's own timer is exact to a millisecond
    return LoopTimer(loop, ring)
