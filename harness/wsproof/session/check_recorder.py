"""Recorder of a check. It writes results as they arrive and reports them once, even if the check ends early."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from wsproof.conformance.catalogue import was_tried
from wsproof.errors import InterruptedRun, WsproofError
from wsproof.model.chapter import SuiteName
from wsproof.model.finding import Finding
from wsproof.model.record import RunRecord
from wsproof.model.suite import CheckRun, Keep, NotRun, SuiteReport
from wsproof.net.redact import hide, hide_in
from wsproof.session.context import CommandContext
from wsproof.session.crash import end_reason
from wsproof.session.options import CheckOptions
from wsproof.session.run_recorder import RunRecorder
from wsproof.target.server import RunningServer

__all__ = ["CheckRecorder", "OnReport"]

OnReport = Callable[[SuiteReport, RunRecord], None]
"""A callback that gets the report, and the record of its run."""
_WRITE_EVERY_S = 1.0
"""Seconds between two writes of progress. A new or changed finding is written at once."""
_NOT_YET = "not run yet"


@dataclass(frozen=True)
class _Kept:
    finding: Finding
    shown: Finding
    path: Path


class CheckRecorder:
    """Context manager that records and reports a check on exit, even if the run ends early.

    `on_report` is called once. It is not called if a usage or target error ends the run before any report exists.
    """

    def __init__(
        self, context: CommandContext[CheckOptions], server: RunningServer, log: RunRecorder, on_report: OnReport
    ) -> None:
        self._context, self._log, self._on_report = context, log, on_report
        self._target = context.describe(server)
        self._known = server.known_deviations
        self._planned: tuple[NotRun, ...] = ()
        self._reports: dict[SuiteName, SuiteReport] = {}
        self._kept: list[_Kept] = []
        self._crashes: set[str] = set()
        self._written_at = float("-inf")

    def plan(self, checks: Iterable[NotRun]) -> None:
        """Set the checks that are planned. If the run ends early, the remaining ones are reported as not run."""
        self._planned = tuple(checks)

    def keep(self, suite: SuiteName) -> Keep:
        """A callback that records each report of the suite; a report replaces the suite's previous one."""

        def take(report: SuiteReport) -> None:
            self._reports[suite] = report
            self._write(self._report(_NOT_YET), at_once=False)

        return take

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._finish(self._report(None))
            return
        if isinstance(error, WsproofError) and not isinstance(error, InterruptedRun) and not self._reports:
            return  # the error's message says why there is no result
        try:
            self._finish(self._report(end_reason(error)))
        except BrokenPipeError:
            return  # nobody reads our output any more
        except Exception:  # noqa: BLE001  must not replace the error that ended the run
            traceback.print_exc(file=sys.stderr)

    def _finish(self, report: SuiteReport) -> None:
        self._on_report(self._write(report, at_once=True), self._log.record)

    def _report(self, ended: str | None) -> SuiteReport:
        """The reports of all suites together. `ended`: why the rest was not run; None if the run is complete."""
        options = self._context.options
        report = sum(self._reports.values(), SuiteReport(options.seed, strict=options.strict, target=self._target))
        if ended is None:
            return self._mark(replace(report, wall_s=self._context.elapsed_s))
        reported = {run.check for run in report.checks_run} | {check.check for check in report.not_run}
        remaining = tuple(replace(check, reason=ended) for check in self._planned if check.check not in reported)
        report = replace(report, not_run=report.not_run + remaining, complete=False, wall_s=self._context.elapsed_s)
        return self._mark(report)

    def _mark(self, report: SuiteReport) -> SuiteReport:
        return self._known.mark_report(report, was_tried)

    def _write(self, report: SuiteReport, *, at_once: bool) -> SuiteReport:
        """Write the report into the run, with one file per finding. Returns the report without secrets."""
        secrets = self._context.secrets
        report = replace(report, checks_run=tuple(self._shown(run) for run in report.checks_run))
        before = self._kept
        self._kept = [self._kept_finding(hide_in(finding, secrets)) for finding in report.findings]
        paths = {kept.path for kept in self._kept}
        for path in {kept.path for kept in before} - paths:
            path.unlink(missing_ok=True)  # the finding has changed, or is now a symptom of another one
        report = replace(report, findings=tuple(kept.shown for kept in self._kept))
        now = time.monotonic()
        if at_once or before != self._kept or now - self._written_at >= _WRITE_EVERY_S:
            self._written_at = now
            self._log.change(
                target=self._target,
                verdict=report.verdict(),
                trusted=True,
                check=report,
            )
        return report

    def _kept_finding(self, finding: Finding) -> _Kept:
        for stored in self._kept:
            if stored.finding == finding:
                return stored
        return _Kept(finding, *self._log.folder.keep_finding(finding, self._target))

    def _shown(self, run: CheckRun) -> CheckRun:
        """The row without secrets. If wsproof crashed in this check, the traceback is also written to a file."""
        secrets = self._context.secrets
        run = replace(run, reason=hide(run.reason, secrets), traceback=hide(run.traceback, secrets))
        if run.traceback and run.check not in self._crashes:
            self._crashes.add(run.check)
            self._log.folder.keep_crash(run.check, run.traceback)
        return run
