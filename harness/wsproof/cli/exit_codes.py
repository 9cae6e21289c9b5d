"""From verdicts to exit codes. A violation outranks whatever cannot be told."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.errors import ExitCode
from wsproof.model.comparison import Judgement
from wsproof.model.finding import Verdict


def exit_code_of(
    verdict: Verdict, *, objectives_met: Iterable[bool | None] = (), void: bool = False, strict_trust: bool = False
) -> ExitCode:
    """The code for a verdict on a server, its objectives (None: could not be decided), and what was asked of trust.

    Figures that are void (`void`) end a command with "cannot tell" only where somebody asked for them: an objective
    that needs one is None, and `--strict-trust` asks for all.
    """
    met = list(objectives_met)
    if verdict is Verdict.INVALID or False in met:
        return ExitCode.FAILED
    if verdict is Verdict.UNKNOWN or None in met or (void and strict_trust):
        return ExitCode.CANNOT_TELL
    return ExitCode.OK


def exit_code_of_comparison(judgement: Judgement) -> ExitCode:
    """The code for a comparison: unpaired runs are shown side by side and judge nothing."""
    if judgement is Judgement.WORSE:
        return ExitCode.FAILED
    if judgement is Judgement.CANNOT_TELL:
        return ExitCode.CANNOT_TELL
    return ExitCode.OK
