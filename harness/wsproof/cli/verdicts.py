"""From verdicts to exit codes. A violation outranks whatever cannot be told."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.errors import ExitCode
from wsproof.model.comparison import Judgement
from wsproof.model.finding import Verdict


def exit_code_of(verdict: Verdict, *, trusted: bool = True, objectives_met: Iterable[bool | None] = ()) -> ExitCode:
    """The code for a verdict on a server, a measurement and its objectives (None: could not be decided)."""
    met = list(objectives_met)
    if verdict is Verdict.INVALID or (False in met and trusted):
        return ExitCode.FAILED
    if verdict is Verdict.UNKNOWN or not trusted or None in met:
        return ExitCode.CANNOT_TELL
    return ExitCode.OK


def exit_code_of_comparison(judgement: Judgement) -> ExitCode:
    """The code for a comparison: unpaired runs are shown side by side and judge nothing."""
    if judgement is Judgement.WORSE:
        return ExitCode.FAILED
    if judgement is Judgement.CANNOT_TELL:
        return ExitCode.CANNOT_TELL
    return ExitCode.OK
