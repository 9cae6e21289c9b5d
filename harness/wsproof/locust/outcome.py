"""The end of a Locust process: the lines for the user, the exit code, and the summary of the test."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
from locust.runners import WorkerRunner

from wsproof.errors import ExitCode, WorkloadError
from wsproof.locust.options import options_of
from wsproof.locust.session import LoadSession, session_of
from wsproof.model.finding import Verdict
from wsproof.model.load_summary import LoadFailure, LoadSummary
from wsproof.net.redact import hide, hide_known_everywhere
from wsproof.stats.recovery import users_cut_off

logger = logging.getLogger(__name__)


def summary_of(environment: Any) -> LoadSummary:
    """The summary of the last test, with the failures of all requests, also those that are not ours."""
    session, statistics = session_of(environment), environment.stats
    failures = [
        LoadFailure(error.name, _in_words(error.error), error.occurrences) for error in statistics.errors.values()
    ]
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
        for line in outcome_lines(environment):
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
            "objectives": [objective.outcome().to_json() for objective in session.objectives],
            "mistake": session.mistakes[0] if session.mistakes else None,
        }
    )
    return shown


def outcome_lines(environment: Any) -> Iterator[str]:
    """The outcome in lines: each workload's verdict, what makes its figures void, and the objectives."""
    session = session_of(environment)
    if not session.results:
        yield "no member of a channel has connected, so nothing is known"
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
    for objective in session.objectives:
        yield objective.sentence()


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
    if any(objective.met is False for objective in session.objectives):
        return int(ExitCode.FAILED)
    if environment.stats.errors or getattr(environment.runner, "exceptions", None):
        return None
    return int(ExitCode.CANNOT_TELL) if _is_doubtful(environment, session) else None


def _is_doubtful(environment: Any, session: LoadSession) -> bool:
    """Whether a median is void by a millisecond or more, or a figure of an objective is void."""
    if not session.results or any(objective.met is None for objective in session.objectives):
        return True
    loads = [result.load for result in session.results]
    if options_of(environment, None).strict_trust:
        return any(warning.invalidates for load in loads for warning in load.warnings)
    return any(load.has_void_median for load in loads)


def give_up(environment: Any, mistake: WorkloadError) -> None:
    """End the test with exit code 2 and without a verdict, because the user's channel file has a mistake.

    Only the first mistake is printed. If Locust runs headless, its process ends, else only the test.
    """
    mistakes = session_of(environment).mistakes
    if mistakes:
        return
    mistakes.append(hide(str(mistake)))
    print(f"wsproof: {mistakes[0]}", file=sys.stderr)  # noqa: T201 - Locust's log may go elsewhere
    environment.process_exit_code = int(ExitCode.USAGE)
    # Spawn a greenlet, since this may run in a callback of the event loop, which must not block.
    gevent.spawn(environment.runner.quit if environment.web_ui is None else environment.runner.stop)
