"""What a crash of wsproof itself comes to, and how an end that came too early is told."""

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
    """Within, a crash of ours is a CrashedRun where the record of `stage` holds a violation already."""
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
    """Take all steps, though some fail; the first failure is raised at the end, the others are its notes."""
    failures: list[Exception] = []
    for step in steps:
        try:
            step()
        except BrokenPipeError:
            raise  # nobody reads any more
        except Exception as error:  # noqa: BLE001  a reporter that crashes must not cost the others
            failures.append(error)
    if failures:
        for other in failures[1:]:
            failures[0].add_note(f"after that, too: {other!r}")
        raise failures[0]


def end_reason(error: BaseException) -> str:
    """Why a run ended before its time, for what was not run."""
    if isinstance(error, KeyboardInterrupt):
        return "the run was interrupted"
    if isinstance(error, TerminatedRun):
        return "the run was terminated"
    if isinstance(error, WsproofError):
        return f"the run ended: {str(error).splitlines()[0]}" if str(error) else "the run ended"
    return f"wsproof crashed ({type(error).__name__})"
