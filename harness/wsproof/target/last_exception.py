"""Finds the last exception in a server's output.

Recognises tracebacks of Python, JavaScript, Java, Go and Rust, and lines that report an error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["last_exception", "last_lines", "quoted_last_lines"]

_MOST_LINES = 16
_LONGEST_LINE = 300
_TRACEBACK = "Traceback (most recent call last)"
_FRAME = re.compile(r"\s+(at |from |\d+:|File )|\t")
_ERROR = re.compile(
    r"\b(ERROR|CRITICAL|FATAL|PANIC|EMERG|ALERT)\b|\bpanic(ked)?\b|\b(segfault|core dumped|aborted)\b"
    r"|\b[A-Z]\w*(Error|Exception)\b",
)
_ANY_CASE = re.compile(r"\b(uncaught|unhandled|segmentation fault|assertion failed)\b", re.IGNORECASE)


def last_exception(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the lines of the last exception or of the last error line; empty without either."""
    for start in range(len(lines) - 1, -1, -1):
        if _TRACEBACK in lines[start]:
            return _bounded(lines[start : _end_of_traceback(lines, start)])
        if not _FRAME.match(lines[start]) and (_ERROR.search(lines[start]) or _ANY_CASE.search(lines[start])):
            begin = _begin_of_traceback(lines, start)
            return _bounded(lines[begin : _end_of_frames(lines, start + 1)])
    return ()


def last_lines(lines: Sequence[str], count: int = 8) -> tuple[str, ...]:
    """Return the last lines that are not empty."""
    return _bounded([line for line in lines if line.strip()][-count:])


def quoted_last_lines(lines: Sequence[str], count: int) -> str:
    """Return the last lines that are not empty, unabridged, as the end of an error message about a process."""
    shown = [line for line in lines if line.strip()][-count:]
    return "".join(["\nIts last lines:", *(f"\n    {line}" for line in shown)]) if shown else " It wrote nothing."


def _begin_of_traceback(lines: Sequence[str], end: int) -> int:
    """Return the first line of the traceback that ends at line `end`; `end` itself without one."""
    for start in range(end - 1, -1, -1):
        if _TRACEBACK in lines[start]:
            return start if _end_of_traceback(lines, start) == end + 1 else end
        if not lines[start][:1].isspace():
            return end
    return end


def _end_of_traceback(lines: Sequence[str], start: int) -> int:
    """Return the index after the line that names the exception.

    That line is the first one that is indented no deeper than the traceback's header.
    """
    margin = lines[start].index(_TRACEBACK)
    for at in range(start + 1, len(lines)):
        if not lines[at][margin : margin + 1].isspace() and lines[at][margin:]:
            return at + 1
    return len(lines)


def _end_of_frames(lines: Sequence[str], start: int) -> int:
    end = start
    while end < len(lines) and _FRAME.match(lines[end]):
        end += 1
    return end


def _bounded(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the lines, with the middle left out if there are too many.

    The first lines name the kind of error, the last ones say what happened.
    """
    shown = [line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…" for line in lines]
    if len(shown) <= _MOST_LINES:
        return tuple(shown)
    head, tail = 2, _MOST_LINES - 3
    return (*shown[:head], f"({len(shown) - head - tail} lines left out)", *shown[-tail:])
