"""Reader of a server's output: keeps the last lines, and writes all lines to a log file.

The output is read at once, so that the server's pipe never fills.
"""

from __future__ import annotations

import select
import threading
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import IO
from urllib.parse import quote

from wsproof.net.redact import redact

__all__ = ["LogFile", "OutputTail", "OutputWatch"]

_MAX_LINES = 500
_MAX_LINE = 2_000
_MAX_LOG_BYTES = 20_000_000
_SETTLE_S = 1.0
"""Maximum seconds to wait until all available output is read. Reading a full pipe takes microseconds."""


class LogFile:
    """The output of a server, across restarts, in a file. Output after 20 MB is left out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._left = _MAX_LOG_BYTES
        path.touch()

    def write(self, line: str) -> None:
        """Append a line."""
        data = line.encode("utf-8", "backslashreplace") + b"\n"
        if self._left <= 0:
            return
        self._left -= len(data)
        if self._left <= 0:
            data = b"(wsproof: later output is left out, because the log has reached 20 MB)\n"
        with self.path.open("ab") as file:
            file.write(data)


class OutputTail:
    """Drains a pipe in its own thread and keeps the last lines."""

    def __init__(self, pipe: IO[bytes], secrets: tuple[str, ...] = (), log: LogFile | None = None) -> None:
        self._pipe = pipe
        self._secrets = secrets
        self._log = log
        self._lines: deque[bytes] = deque(maxlen=_MAX_LINES)
        self._count = 0
        self._rest = b""
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._drain, name="wsproof-server-output", daemon=True)
        self._thread.start()

    def lines(self, count: int) -> list[str]:
        """Return the last `count` lines so far, redacted.

        Control characters are escaped, because a terminal would obey them.
        """
        with self._changed:
            return self._last(count)

    def mark(self) -> int:
        """Return how many lines the server has written so far."""
        with self._changed:
            self._settle()
            return self._count

    def since(self, mark: int) -> list[str]:
        """Return the lines written after `mark`, in the form of `lines`. Old lines may have been dropped."""
        with self._changed:
            self._settle()
            return self._last(self._count - mark + bool(self._rest))

    def lines_with(self, values: Iterable[str], since: int) -> list[str]:
        """Return the lines after the mark `since` that contain one of these values, in the form of `lines`."""
        forms = [form.encode() for value in values for form in {value, quote(value, safe="")}]
        with self._changed:
            self._settle()
            raw = [*self._lines, *([self._rest] if self._rest else [])]
            raw = raw[-max(0, self._count - since + bool(self._rest)) :] if self._count >= since else []
            return [self._shown(line) for line in raw if any(value in line for value in forms)]

    def keep_in(self, log: LogFile) -> None:
        """Write the lines so far and all later lines to a file."""
        with self._changed:
            for line in self._lines:
                log.write(self._shown(line))
            self._log = log

    def wait_end(self, deadline_s: float) -> None:
        """Wait until all writers have closed the pipe, so that the tail is complete."""
        self._thread.join(deadline_s)

    def _last(self, count: int) -> list[str]:
        raw = [*self._lines, *([self._rest] if self._rest else [])][-count:] if count > 0 else []
        return [self._shown(line) for line in raw]

    def _shown(self, line: bytes) -> str:
        return _printable(redact(line.decode(errors="replace"), self._secrets))

    def _settle(self) -> None:
        """Wait until all output so far has been read. The caller holds the lock."""
        self._changed.wait_for(lambda: self._ended or not self._has_data(0), _SETTLE_S)

    def _has_data(self, timeout_ms: int | None) -> bool:
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN)
        return bool(poll.poll(timeout_ms))

    def _drain(self) -> None:
        with self._pipe:
            while not self._ended:
                self._wait_readable()
                # Read under the lock: a caller never misses data that was read but not yet added to the lines.
                with self._changed:
                    data = self._read()
                    self._take(data)
                    self._ended = not data
                    self._changed.notify_all()

    def _wait_readable(self) -> None:
        try:
            self._has_data(None)
        except (OSError, ValueError):  # closed by another thread: the next read reports the same
            return

    def _read(self) -> bytes:
        try:
            return self._pipe.read1(65_536)  # type: ignore[attr-defined,no-any-return]  # a BufferedReader has it
        except (OSError, ValueError):  # closed by another thread
            return b""

    def _take(self, data: bytes) -> None:
        *complete, rest = (self._rest + data).split(b"\n")
        if not data and rest:  # EOF ends the last line
            complete, rest = [rest], b""
        lines = [line.rstrip(b"\r")[:_MAX_LINE] for line in complete]
        self._lines.extend(lines)
        self._count += len(lines)
        self._rest = rest[:_MAX_LINE]
        if self._log is not None:
            for line in lines:
                self._log.write(self._shown(line))


class OutputWatch:
    """Collects a server's output from now on."""

    def __init__(self, tail: OutputTail) -> None:
        self._tail = tail
        self._mark = tail.mark()

    def lines(self) -> list[str]:
        """Return the lines written so far."""
        return self._tail.since(self._mark)

    def lines_with(self, values: Iterable[str]) -> list[str]:
        """Return the lines written so far that contain one of these values, redacted."""
        return self._tail.lines_with(values, self._mark)


def _printable(line: str) -> str:
    return "".join(char if char.isprintable() or char == "\t" else ascii(char)[1:-1] for char in line)
