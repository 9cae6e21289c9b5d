"""Violations as Locust failures: one row per check, counted by occurrences, once while the test runs or at its end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wsproof.checks import PROMISES
from wsproof.deviations import KnownDeviations
from wsproof.locust.options import options_of
from wsproof.locust.session import session_of
from wsproof.locust.stats import log_failures
from wsproof.model.finding import Finding, Verdict


class Violation(Exception):
    """The failure that Locust shows for a finding with the verdict invalid. It states the promise that the server
    broke.
    """


def known_deviations(environment: Any) -> list[KnownDeviations]:
    """The known deviations of the servers, from `wsproof load` or from this process's own start of the targets."""
    session = session_of(environment)
    handed = session.handed.known_deviations
    return session.known if handed is None else [KnownDeviations.from_json(handed)]


def marked(environment: Any, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, with known deviations marked."""
    result = tuple(findings)
    for deviations in known_deviations(environment):
        result = tuple(deviations.mark(result))
    return result


def report_live(environment: Any, workload: str, findings: Iterable[Finding]) -> None:
    """Report the violations so far, as far as they have not been reported. Not in a worker: its master reports."""
    session, strict = session_of(environment), options_of(environment, None).strict
    for finding in marked(environment, findings):
        if finding.verdict(strict=strict) is Verdict.INVALID:
            _report(environment, workload, finding, finding.occurrences - session.reported[workload, finding.check])


def report_final(environment: Any, workload: str, finding: Finding) -> None:
    """Report a violation of the final verdict of one process, without the occurrences that were reported before."""
    session = session_of(environment)
    key = workload, finding.check
    session.judged[key] += finding.occurrences
    _report(environment, workload, finding, session.judged[key] - session.reported[key])


def _report(environment: Any, workload: str, finding: Finding, count: int) -> None:
    if count > 0:
        session_of(environment).reported[workload, finding.check] += count
        promise = PROMISES.get(finding.check, finding.explanation)
        log_failures(environment, f"{workload}: {finding.check}", Violation(promise), count)
