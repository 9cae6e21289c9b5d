"""Result of a crashed check, which is a bug of wsproof and no evidence about the server."""

from __future__ import annotations

import traceback

from wsproof.model.chapter import Chapter
from wsproof.model.finding import Verdict
from wsproof.model.suite import CheckRun

__all__ = ["crash_reason", "crashed_check", "traceback_of"]


def crash_reason(error: Exception) -> str:
    """Return one sentence for the check's row."""
    lines = str(error).splitlines()
    detail = f": {lines[0]}" if lines else ""
    return f"wsproof crashed in this check ({type(error).__name__}{detail}): a bug of wsproof, not of the server"


def traceback_of(error: Exception) -> str:
    """Return the whole traceback, including chained exceptions."""
    return "".join(traceback.format_exception(error))


def crashed_check(
    check: str,
    section: str,
    title: str,
    error: Exception,
    seconds: float = 0.0,
    *,
    chapter: Chapter = Chapter.CHANNELS,
) -> CheckRun:
    """Return the row of a crashed check: verdict UNKNOWN, with the traceback."""
    reason = crash_reason(error)
    return CheckRun(
        check, section, title, Verdict.UNKNOWN, 0, seconds, reason, traceback=traceback_of(error), chapter=chapter
    )
