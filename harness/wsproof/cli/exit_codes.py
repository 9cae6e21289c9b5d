"""Exit codes of verdicts. A violation outranks an unknown result."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.errors import ExitCode
from wsproof.model.comparison import Judgement
from wsproof.model.finding import Verdict
from wsproof.model.record import RunRecord
from wsproof.stats.trust import NOTHING_MEASURED

PRECEDENCE = (ExitCode.FAILED, ExitCode.USAGE, ExitCode.CANNOT_TELL, ExitCode.OK)
"""Exit codes, the one of the highest precedence first."""


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The exit code of the highest precedence: FAILED, then USAGE, then CANNOT_TELL, then OK."""
    return min(codes, key=PRECEDENCE.index)


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


def exit_code_of_run(record: RunRecord, *, strict_trust: bool = False) -> ExitCode:
    """The exit code for a run with a measurement or a load."""
    if record.load is not None and record.load.has_failed:
        return ExitCode.FAILED  # as Locust itself does
    nothing = any(warning.code == NOTHING_MEASURED for warning in record.warnings)
    return exit_code_of(
        Verdict.worst([record.verdict, Verdict.UNKNOWN]) if nothing else record.verdict,
        objectives_met=[objective.met for objective in record.objectives],
        void=not record.trusted or (record.load is not None and not record.load.trusted),
        strict_trust=strict_trust,
    )


def exit_code_of_load(record: RunRecord, *, strict_trust: bool = False) -> ExitCode:
    """The exit code for a load alone. A load that was not carried out as requested proves nothing."""
    code = exit_code_of_run(record, strict_trust=strict_trust)
    is_doubtful = record.load is not None and not record.load.was_carried_out
    return worst([code, ExitCode.CANNOT_TELL]) if is_doubtful else code


def exit_code_of_comparison(judgement: Judgement) -> ExitCode:
    """The exit code for a comparison. Unpaired runs are only shown side by side, which is OK."""
    if judgement is Judgement.WORSE:
        return ExitCode.FAILED
    if judgement is Judgement.CANNOT_TELL:
        return ExitCode.CANNOT_TELL
    return ExitCode.OK
