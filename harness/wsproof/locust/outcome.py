"""The end of a Locust process: what the user is told, the exit code, and the summary of the test."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from locust.runners import WorkerRunner

from wsproof.errors import ExitCode
from wsproof.locust.options import options_of
from wsproof.locust.session import LoadSession, session_of
from wsproof.model.finding import Verdict
from wsproof.model.load_summary import LoadFailure, LoadSummary
from wsproof.net.redact import hide_known_everywhere
from wsproof.stats.recovery import users_cut_off

logger = logging.getLogger(__name__)


def summary_of(environment: Any) -> LoadSummary:
    """The summary of the last test, with the failures of all requests, also those that are not ours."""
    session, statistics = session_of(environment), environment.stats
    failures = [LoadFailure(one.name, _in_words(one.error), one.occurrences) for one in statistics.errors.values()]
    total = statistics.total
    rooms = tuple(result.load for result in session.results)
    return LoadSummary(rooms, total.num_requests, total.num_failures, tuple(failures))


def _in_words(error: Any) -> str:
    return str(error) if isinstance(error, str) else repr(error)


def finish(environment: Any, **_: Any) -> None:
    """Stop the test, which checks its runs; then tell the outcome, decide the exit code and write the summary."""
    if isinstance(environment.runner, WorkerRunner):
        return
    if environment.runner is not None:
        environment.runner.stop()  # SIGTERM and Ctrl-C lead here first
    session = session_of(environment)
    if session.results or session.has_begun:
        for line in told(environment):
            logger.warning("wsproof: %s", line)
        environment.process_exit_code = exit_code(environment, environment.process_exit_code)
    if session.handed.summary is not None:
        Path(session.handed.summary).write_text(json.dumps(document(environment), indent=2) + "\n", encoding="utf-8")


def document(environment: Any) -> dict[str, Any]:
    """The summary as `wsproof load` reads it."""
    session = session_of(environment)
    shown: dict[str, Any] = hide_known_everywhere(
        {
            **summary_of(environment).to_json(),
            "findings": [finding.to_json() for result in session.results for finding in result.findings],
            "objectives": [one.outcome().to_json() for one in session.objectives],
            "mistake": session.mistakes[0] if session.mistakes else None,
        }
    )
    return shown


def told(environment: Any) -> Iterator[str]:
    """The outcome in lines: each workload's verdict, what makes its figures void, and the objectives."""
    session = session_of(environment)
    if not session.results:
        yield "no member of a channel has connected: nothing is known"
    for result in session.results:
        load = result.load
        yield f"{load.workload}: {load.users} users, {load.published} publications, {load.verdict.value}"
        cut = users_cut_off(result.measurement.history) if result.measurement is not None else 0
        if cut:
            yield f"{load.workload}: {_cut_in_words(cut)}, and nothing is known of what was due to them afterwards."
        if load.recovery is not None:
            yield f"{load.workload}: {load.recovery.sentence()}."
        for finding in result.findings:
            if finding.verdict(strict=options_of(environment, None).strict) is Verdict.INVALID:
                yield f"{load.workload}: {finding.check}: {finding.explanation}"
        for warning in load.warnings:
            if warning.invalidates:
                yield f"{load.workload}: void figures ({warning.code}): {warning.message} {warning.advice}"
    for one in session.objectives:
        yield one.sentence()


def _cut_in_words(users: int) -> str:
    who = "a user, who has" if users == 1 else f"{users} users, who have"
    return f"the server ended the connection of {who} not come back"


def exit_code(environment: Any, before: int | None) -> int | None:
    """The exit code of Locust: 1 for a missed objective, 3 where the load was not the one that was asked for.

    None leaves it to Locust, which ends with 1 if a request failed. `before` is what somebody has already decided.
    """
    if before is not None:
        return before
    session = session_of(environment)
    if any(one.met is False for one in session.objectives):
        return int(ExitCode.FAILED)
    if environment.stats.errors or getattr(environment.runner, "exceptions", None):
        return None
    return int(ExitCode.CANNOT_TELL) if _is_doubtful(environment, session) else None


def _is_doubtful(environment: Any, session: LoadSession) -> bool:
    """Whether a median, or a figure that was asked for, is void."""
    if not session.results or any(one.met is None for one in session.objectives):
        return True
    warnings = [warning for result in session.results for warning in result.load.warnings]
    if options_of(environment, None).strict_trust:
        return any(warning.invalidates for warning in warnings)
    return any(warning.voids_medians for warning in warnings)
