"""The last lines that a server wrote: read as they come, so that its pipe never fills, and bounded."""

from __future__ import annotations

import threading
from collections import deque
from typing import IO

from wsproof.net.redact import redact

_MAX_LINES = 500
_MAX_LINE = 2_000


class OutputTail:
    """Drain a pipe in a thread of its own and keep its last lines."""

    def __init__(self, pipe: IO[bytes], secrets: tuple[str, ...] = ()) -> None:
        self._pipe = pipe
        self._secrets = secrets
        self._lines: deque[bytes] = deque(maxlen=_MAX_LINES)
        self._rest = b""
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self._drain, name="wsproof-server-output", daemon=True)
        self._thread.start()

    def lines(self, count: int) -> list[str]:
        """The last `count` lines so far, redacted, with control characters made visible: a terminal would obey them."""
        with self._guard:
            raw = [*self._lines, *([self._rest] if self._rest else [])][-count:] if count > 0 else []
        return [_printable(redact(line.decode(errors="replace"), self._secrets)) for line in raw]

    def wait_end(self, deadline_s: float) -> None:
        """Wait until everybody who holds the pipe has closed it, so that the tail is complete."""
        self._thread.join(deadline_s)

    def _drain(self) -> None:
        with self._pipe:
            while data := self._read():
                self._take(data)

    def _read(self) -> bytes:
        try:
            return self._pipe.read1(65_536)  # type: ignore[attr-defined,no-any-return]  # a BufferedReader has it
        except (OSError, ValueError):  # closed under us
            return b""

    def _take(self, data: bytes) -> None:
        with self._guard:
            *whole, rest = (self._rest + data).split(b"\n")
            self._lines.extend(line.rstrip(b"\r")[:_MAX_LINE] for line in whole)
            self._rest = rest[:_MAX_LINE]


def _printable(line: str) -> str:
    return "".join(char if char.isprintable() or char == "\t" else ascii(char)[1:-1] for char in line)
