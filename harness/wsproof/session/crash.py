"""Crashes of wsproof itself, and the reasons why a run ended early."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wsproof.errors import ExitCode, TerminatedRun, WsproofError
from wsproof.model.finding import Verdict

if TYPE_CHECKING:
    from wsproof.session.context import CommandContext

__all__ = ["CRASHED", "CrashedRun", "all_done", "end_reason", "violations_outrank_crashes"]

CRASHED = "wsproof itself crashed; this is a bug of ours, and it says nothing about the server. The traceback is above."
VIOLATED = "Before that a violation was found: see above. It stands, so the exit code is 1."


class CrashedRun(WsproofError):
    """wsproof crashed after it had found a violation: the violation outranks the crash."""

    exit_code = ExitCode.FAILED


@contextmanager
def violations_outrank_crashes(stage: CommandContext) -> Iterator[None]:
    """Context manager that turns a crash of wsproof into CrashedRun, if the record already holds a violation."""
    try:
        yield
    except (WsproofError, BrokenPipeError):
        raise
    except Exception as error:
        if stage.log is None or stage.log.record.verdict is not Verdict.INVALID:
            raise
        traceback.print_exc(file=sys.stderr)
        raise CrashedRun(f"{CRASHED} {VIOLATED}") from error


def all_done(steps: Iterable[Callable[[], None]]) -> None:
    """Run all steps, even if some fail. At the end, raise the first failure with the others as its notes.

    Raises:
        BrokenPipeError: at once, since the reader of the output has gone.
    """
    failures: list[Exception] = []
    for step in steps:
        try:
            step()
        except BrokenPipeError:
            raise  # the reader of our output has gone
        except Exception as error:  # noqa: BLE001  a crash in one reporter must not stop the others
            failures.append(error)
    if failures:
        for other in failures[1:]:
            failures[0].add_note(f"after that, too: {other!r}")
        raise failures[0]


def end_reason(error: BaseException) -> str:
    """The reason why a run ended early, for the checks that were not run."""
    if isinstance(error, KeyboardInterrupt):
        return "the run was interrupted"
    if isinstance(error, TerminatedRun):
        return "the run was terminated"
    if isinstance(error, WsproofError):
        return f"the run ended: {str(error).splitlines()[0]}" if str(error) else "the run ended"
    return f"wsproof crashed ({type(error).__name__})"
