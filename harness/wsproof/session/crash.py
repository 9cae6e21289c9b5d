"""Crashes of wsproof itself, and the reasons why a run ended early."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wsproof.errors import InterruptedRun, TerminatedRun, ViolatedRun, WsproofError
from wsproof.model.finding import Verdict

if TYPE_CHECKING:
    from wsproof.session.context import CommandContext
    from wsproof.session.options import TargetOptions

__all__ = ["CRASHED", "all_done", "end_reason", "violations_outrank_errors"]

CRASHED = "wsproof itself crashed. This is a bug in wsproof and says nothing about the server. The traceback is above."
VIOLATED = "A violation was found before that: see above. It still counts, so the exit code is 1."


@contextmanager
def violations_outrank_errors(context: CommandContext[TargetOptions]) -> Iterator[None]:
    """Context manager that turns an error into ViolatedRun, if the record already holds a violation.

    An error is a target that has gone, a wrong option that shows late, or a crash of wsproof. Ctrl-C and SIGTERM are
    no errors.
    """
    try:
        yield
    except (InterruptedRun, BrokenPipeError):
        raise
    except Exception as error:
        if context.log is None or context.log.record.verdict is not Verdict.INVALID:
            raise
        if isinstance(error, WsproofError):
            raise ViolatedRun(f"{error}\n{VIOLATED}") from error
        raise ViolatedRun(f"{CRASHED} {VIOLATED}") from error


def all_done(steps: Iterable[Callable[[], None]]) -> None:
    """Run all steps, even if some fail. At the end, raise the first failure with the others as its notes.

    Raises:
        BrokenPipeError: at once, since nobody reads the output any more.
    """
    failures: list[Exception] = []
    for step in steps:
        try:
            step()
        except BrokenPipeError:
            raise  # nobody reads our output any more
        except Exception as error:  # noqa: BLE001  a crash in one reporter must not stop the others
            failures.append(error)
    if failures:
        for other in failures[1:]:
            failures[0].add_note(f"a later step failed as well: {other!r}")
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
