"""Machine-wide lock that detects concurrent measurements.

Two measurements on one machine distort each other. Each measurement holds a shared `flock` on one file. A measurement
that gets the exclusive lock at its start is alone at that moment. A later measurement cannot get the exclusive lock,
and appends a byte to the file, so that the earlier measurement notices it too.
"""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wsproof.errors import UsageError

_NAME = "wsproof-measurement.lock"
_held: list[MeasurementLock] = []


@dataclass(slots=True)
class MeasurementLock:
    """The lock of a running measurement, as `measurement_lock` yields it.

    Read `alone` at the end: another measurement may have started in between.
    """

    descriptor: int
    alone_at_start: bool

    @property
    def alone(self) -> bool:
        """Whether no other measurement has run on this machine since this one started."""
        return self.alone_at_start and os.fstat(self.descriptor).st_size == 0


@contextmanager
def measurement_lock(folder: Path | None = None) -> Iterator[MeasurementLock]:
    """Mark a running measurement. Never waits for another measurement.

    Nested uses in one process count as one. `folder` is for tests; the default is the temporary folder of the machine.
    """
    if _held:
        yield _held[-1]
        return
    descriptor = _open(folder)
    try:
        lock = MeasurementLock(descriptor, _enter(descriptor))
        _held.append(lock)
        try:
            yield lock
        finally:
            _held.remove(lock)
    finally:
        os.close(descriptor)


def _enter(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        # The process that holds the exclusive lock is between two lines of this function: this wait takes microseconds.
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        os.write(descriptor, b"+")
        return False
    os.ftruncate(descriptor, 0)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return True


def _open(folder: Path | None) -> int:
    # Not tempfile.gettempdir() alone: TMPDIR differs between users and shells, but all of them must use the same file.
    shared = Path("/tmp") if os.access("/tmp", os.W_OK) else Path(tempfile.gettempdir())
    path = (folder or shared) / _NAME
    flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        try:
            descriptor = os.open(path, flags)
        except FileNotFoundError:
            descriptor = os.open(path, flags | os.O_CREAT, 0o666)
            os.fchmod(descriptor, 0o666)  # other users of this machine must be able to open it, whatever our umask
    except OSError as error:
        raise UsageError(
            f"cannot open the measurement lock {path}: {error.strerror}. Remove it, then try again"
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UsageError(f"expected the measurement lock {path} to be a plain file. Remove it, then try again")
    return descriptor
