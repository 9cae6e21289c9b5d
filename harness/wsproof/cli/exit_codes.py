"""Exit codes of verdicts. A violation outranks an unknown result."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.errors import ExitCode
from wsproof.model.comparison import Judgement
from wsproof.model.finding import Verdict


def exit_code_of(
    verdict: Verdict, *, objectives_met: Iterable[bool | None] = (), void: bool = False, strict_trust: bool = False
) -> ExitCode:
    """The exit code for a verdict on a server and its objectives (None: an objective could not be decided).

    Void figures (`void`) lead to CANNOT_TELL only if the user asked for them. An objective that needs a void figure
    is None, and `--strict-trust` asks for all figures.
    """
    met = list(objectives_met)
    if verdict is Verdict.INVALID or False in met:
        return ExitCode.FAILED
    if verdict is Verdict.UNKNOWN or None in met or (void and strict_trust):
        return ExitCode.CANNOT_TELL
    return ExitCode.OK


def exit_code_of_comparison(judgement: Judgement) -> ExitCode:
    """The exit code for a comparison. Unpaired runs are only shown side by side, which is OK."""
    if judgement is Judgement.WORSE:
        return ExitCode.FAILED
    if judgement is Judgement.CANNOT_TELL:
        return ExitCode.CANNOT_TELL
    return ExitCode.OK
