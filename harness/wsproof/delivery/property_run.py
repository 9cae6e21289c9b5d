"""Runs one delivery property on one channel: its edges, then drawn schedules, until the first violation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice, takewhile
from typing import TypeAlias

from wsproof.delivery.control_runs import without_misbehaviour
from wsproof.delivery.delivery_property import DeliveryProperty
from wsproof.delivery.leave_delay import is_only_late
from wsproof.delivery.rows import out_of_time, row_of, unanswered
from wsproof.delivery.runner import ScheduleResult, ScheduleRunner
from wsproof.delivery.schedule import Action, Schedule, fitted, shortened_texts
from wsproof.delivery.shrink import Sighting, own_edges, refined, reported, seen_again, unrefined
from wsproof.delivery.strategies import examples_once
from wsproof.errors import TargetError
from wsproof.model.finding import Anomaly, Finding, Level, Verdict, verdict_of
from wsproof.model.suite import Figure, SuiteOptions, SuiteReport
from wsproof.net.budget import BudgetSpent
from wsproof.net.clock import now_ns

Found: TypeAlias = dict[tuple[str, Anomaly], Finding]
"""Findings of one property, by check and anomaly."""


def run_property(
    runner: ScheduleRunner,
    check: DeliveryProperty,
    options: SuiteOptions,
    findings: Found,
    draw_s: float = math.inf,
    done: int = 0,
) -> SuiteReport:
    """Test one property: its edges, then drawn schedules, until the first violation.

    Findings go into `findings` at once. If the budget ends before all edges ran, the property is listed as not run.
    Drawn schedules stop after `draw_s` seconds, which include the time for the edges. The first `done` schedules have
    run before.
    """
    run = _PropertyRun(runner, check, options, findings, tried=done)
    edges = frozenset(own_edges(runner, check))
    for schedule in islice(_schedules(runner, check, options), done, None):
        if run.tried >= len(edges) and schedule not in edges and run.seconds > draw_s:
            runner.cut_after[check.name] = run.tried
            run.add_reason(f"this check's share of the budget ended after {run.tried} schedules")
            break
        try:
            result = _judged(runner, schedule, options.deadline_s)
        except BudgetSpent:
            return SuiteReport(options.seed, (), tuple(findings.values()), (out_of_time(runner.workload, check),))
        except TargetError as gone:
            findings["received", Anomaly.UNKNOWN] = unanswered(runner.workload, check, gone)
            break
        run.add(shortened_texts(schedule, runner.workload) if runner.is_limited else schedule, result)
        if run.is_over:
            break
    return run.report()


@dataclass
class _PropertyRun:
    """One property under test, and what its schedules have shown.

    `same` is the verdict of an earlier finding that is the same as one of this property.
    """

    runner: ScheduleRunner
    check: DeliveryProperty
    options: SuiteOptions
    findings: Found
    tried: int = 0
    reason: str = ""
    same: Verdict = Verdict.VALID
    is_foreign: bool = False
    """Whether the server uses another message format than the workload."""
    measured: dict[str, Figure] = field(default_factory=dict)
    sightings: Counter[tuple[str, Anomaly]] = field(default_factory=Counter)
    began_ns: int = field(default_factory=now_ns)

    @property
    def seconds(self) -> float:
        """The time since the beginning, in seconds."""
        return (now_ns() - self.began_ns) / 1e9

    def add_reason(self, words: str) -> None:
        """Add a remark to the row of the property."""
        self.reason = f"{self.reason}; {words}" if self.reason else words

    @property
    def is_over(self) -> bool:
        """Whether no further schedule can add to the result."""
        return self.is_foreign or self._verdict() is not Verdict.VALID or not self.runner.usable

    def _verdict(self, *, strict: bool = False) -> Verdict:
        return Verdict.worst([self.same, verdict_of(_of_the_channel(self.findings), strict=strict)])

    def report(self) -> SuiteReport:
        """The row of the property, and its findings."""
        verdict, measured = self._verdict(strict=self.options.strict), tuple(self.measured.values())
        row = row_of(self.runner.workload, self.check, verdict, self.tried, self.seconds, self.reason, measured)
        return SuiteReport(self.options.seed, (row,), tuple(self.findings.values()))

    def add(self, schedule: Schedule, result: ScheduleResult) -> None:
        """Add the result of one schedule, and refine its findings."""
        self.tried += 1
        for figure in result.execution.measured:
            before = self.measured.get(figure.name, figure)
            self.measured[figure.name] = max(figure, before, key=lambda value: value.value)
        if not self.runner.speaks:
            self._add_format_mismatch(schedule, result)
            return
        self._add_enforced_limits(schedule)
        own = self.check.mine(result.findings)
        for finding in own:
            if finding.anomaly is Anomaly.PROTOCOL:
                _keep_protocol_finding(self.findings, reported(self.runner, self.check, finding, schedule))
        for finding in _weightiest(self.check, [f for f in own if f.anomaly is not Anomaly.PROTOCOL]):
            self._add_finding(Sighting(self.check, finding, result, schedule, self.options.deadline_s))

    def _add_enforced_limits(self, schedule: Schedule) -> None:
        """Report the limits that the server has enforced, each once."""
        runner = self.runner
        limits = (runner.size_limit, runner.rate_limit)
        runner.size_limit = runner.rate_limit = None
        for limit in limits:
            if limit is not None:
                finding = limit.finding(runner.workload)
                self.findings[finding.check, finding.anomaly] = reported(runner, self.check, finding, schedule)

    def _add_format_mismatch(self, schedule: Schedule, result: ScheduleResult) -> None:
        """Report that the workload understood no message of the server."""
        other = self.runner.format_mismatch(result.execution, self.options.deadline_s)
        opening = tuple(takewhile(lambda step: step.action in (Action.JOIN, Action.WATCH), schedule))
        self.findings[other.check, other.anomaly] = reported(self.runner, self.check, other, opening)
        self.runner.broken = False
        self.is_foreign = True

    def _add_finding(self, sighting: Sighting) -> None:
        """Keep a finding. At its first sighting it is repeated, shrunk and compared with earlier ones."""
        key = (sighting.finding.check, sighting.finding.anomaly)
        if sighting.finding.anomaly is Anomaly.MISSING_LEAVE and self._is_only_late(sighting):
            return
        self.sightings[key] += 1
        if key in self.findings:
            self.findings[key] = seen_again(self.runner, sighting, self.findings[key], self.sightings[key])
            return
        self.findings[key] = unrefined(self.runner, sighting)  # kept even if the refinement is interrupted
        result = refined(self.runner, sighting)
        if result.finding is not None:
            self.findings[key] = result.finding
            return
        del self.findings[key]
        if result.same is not None:
            self.same = result.same.verdict()
            self.reason = f"the same finding as that of {result.same.check}"

    def _is_only_late(self, sighting: Sighting) -> bool:
        """Whether the notice of a departure comes later than a schedule waits. No contract forbids that."""
        runner = self.runner
        try:
            if not is_only_late(runner, sighting.schedule, sighting.deadline_s):
                return False
        except (BudgetSpent, TargetError):
            return False
        others = (f for f in sighting.seen.findings if f.anomaly is not Anomaly.MISSING_LEAVE)
        runner.broken = any(finding.level is Level.VIOLATION for finding in others)
        self.reason = f"the server tells the others of a departure after {runner.leave_delay_s:.1f} s"
        return True


def _judged(runner: ScheduleRunner, schedule: Schedule, deadline_s: float) -> ScheduleResult:
    """Execute a schedule, and leave some of the budget for repetitions of what it shows.

    Raises:
        BudgetSpent: no time is left, or too little for the server to start or to answer.
        TargetError: the server does not answer.
    """
    with runner.budget.leaving_retries():
        try:
            return runner.run_and_check(schedule, deadline_s)
        except TargetError:
            runner.budget.check()
            raise


def _keep_protocol_finding(findings: Found, finding: Finding) -> None:
    """Keep a protocol violation once, with the shortest schedule that shows it.

    It needs no repetition, because the bytes are the evidence.
    """
    key = (finding.check, finding.anomaly)
    before = findings.get(key)
    if before is not None:
        times = before.occurrences + finding.occurrences
        finding = replace(min(before, finding, key=lambda candidate: len(candidate.witness)), occurrences=times)
    findings[key] = finding


def _of_the_channel(findings: Found) -> list[Finding]:
    """The findings without protocol violations, which do not affect the other checks."""
    return [finding for finding in findings.values() if finding.anomaly is not Anomaly.PROTOCOL]


def _schedules(runner: ScheduleRunner, check: DeliveryProperty, options: SuiteOptions) -> Iterator[Schedule]:
    """The edge schedules and then the drawn schedules, adapted to the workload, each once.

    On a server that we cannot replace, control runs are not possible afterwards. So each schedule with misbehaviour
    runs there first without it.
    """
    has_control, before = check.headline and not runner.server.owned, set[Schedule]()
    for schedule in chain(own_edges(runner, check), _drawn(runner, check, options)):
        for run_of_it in (without_misbehaviour(schedule), schedule) if has_control else (schedule,):
            if run_of_it not in before:
                before.add(run_of_it)
                yield run_of_it


def _drawn(runner: ScheduleRunner, check: DeliveryProperty, options: SuiteOptions) -> Iterator[Schedule]:
    """The drawn schedules. They are drawn on first use, because drawing takes a second of CPU time."""
    if check.schedules is not None and options.examples:
        number = max(1, round(options.examples * check.share))
        for schedule in examples_once(check.schedules, number, options.seed):
            yield fitted(schedule, runner.workload)


def _weightiest(check: DeliveryProperty, findings: list[Finding]) -> list[Finding]:
    """The violation that the property lists first, and all findings that are not violations.

    One fault may show in several checks, so only one violation per schedule is reported.
    """
    order = [*check.looks_at, *(f.check for f in findings)]
    violations = sorted((f for f in findings if f.level is Level.VIOLATION), key=lambda f: order.index(f.check))
    return [*violations[:1], *(f for f in findings if f.level is not Level.VIOLATION)]
