"""Known deviations of the target: from `--accepted FILE`, else from the file that the app ships for this server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from wsproof.model.finding import Finding, Level, Verdict, verdict_of
from wsproof.model.suite import CheckRun, SuiteReport
from wsproof.net.target import Target
from wsproof.rfc6455.accepted import apply, load_accepted, mark


def find_accepted(target: Target, server_name: str) -> Path | None:
    """`shop/accepted/SERVER.toml` for `shop.asgi:app` run by SERVER; None where there is none."""
    if target.app is None:
        return None
    package = target.app.partition(":")[0].split(".")[0]
    path = target.cwd / package / "accepted" / f"{server_name}.toml"
    return path if path.is_file() else None


def mark_accepted(report: SuiteReport, path: Path | None, *, named: bool = False) -> SuiteReport:
    """The report, known deviations marked with their reasons, and a finding for each that has disappeared.

    Such a finding is a violation where the user `named` the file, and so vouches for it; else it is non-strict.
    """
    known = load_accepted(path) if path is not None else ()
    level = Level.VIOLATION if named else Level.NON_STRICT
    findings = tuple(apply(report.findings, known, checks_run=report.checks_run, gone=level))
    return replace(report, findings=findings, checks_run=tuple(_lived_with(run, findings) for run in report.checks_run))


def mark_seen(findings: Iterable[Finding], path: Path | None) -> tuple[Finding, ...]:
    """What a run under load has seen, known deviations marked; what did not show there was not looked for either."""
    return tuple(mark(findings, load_accepted(path) if path is not None else ()))


def _lived_with(run: CheckRun, findings: Iterable[Finding]) -> CheckRun:
    """A check all of whose violations are accepted no longer fails, nor one that fails of the same cause."""
    own = [finding for finding in findings if finding.check == (run.cause or run.check)]
    if run.verdict is not Verdict.INVALID or not own or verdict_of(own) is not Verdict.VALID:
        return run
    return replace(run, verdict=Verdict.VALID, reason="known deviation, accepted")
