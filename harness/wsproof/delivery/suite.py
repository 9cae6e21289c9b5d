"""Runs the properties of some channels against a server, and replays findings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, TypeAlias

from wsproof.delivery.catalogue import ChannelCheck, properties_of, quick_checks
from wsproof.delivery.channel_probe import ChannelProbe
from wsproof.delivery.delivery_property import DeliveryProperty, is_shared
from wsproof.delivery.feed_watch import watch_feed
from wsproof.delivery.idle_period import AFTERWARDS_S, run_idle_period
from wsproof.delivery.probe_run import run_probe
from wsproof.delivery.property_run import Found, run_property
from wsproof.delivery.rows import left_out, out_of_time, row_of
from wsproof.delivery.runner import ScheduleRunner
from wsproof.delivery.schedule import schedule_from_json
from wsproof.delivery.shrink import reported
from wsproof.delivery.standing import StandingAudience
from wsproof.delivery.standing_presence import StandingPresence
from wsproof.delivery.standing_probe import STANDING, listening_schedules
from wsproof.errors import TargetError, UsageError
from wsproof.model import reference_server
from wsproof.model.chapter import SuiteName
from wsproof.model.crash import crashed_check
from wsproof.model.finding import Finding, Verdict, verdict_of
from wsproof.model.former_names import current_check
from wsproof.model.suite import Keep, NotRun, SuiteOptions, SuiteReport, keep_nothing
from wsproof.net.budget import Budget, BudgetSpent
from wsproof.net.clock import now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.target.server import RunningServer
from wsproof.workloads import Workload, load_channels

Progress: TypeAlias = Callable[[str, float], None]
"""Called with the title of the current check and the fraction of checks that are done."""
_DRAW_SHARE = 1.0
"""Multiple of an equal share of the remaining time that one property may use for drawn schedules.

More would leave no time for the edges of later properties on a slow machine: with 3, they were not run there.
"""
LONGEST_WATCH_S = 60.0
"""The longest time in seconds for which the viewers of a feed stay at the end."""


def run_suite(
    server: RunningServer,
    workloads: Mapping[str, Workload],
    options: SuiteOptions | None = None,
    progress: Progress | None = None,
    keep: Keep = keep_nothing,
    budget: Budget | None = None,
) -> SuiteReport:
    """Test every property of every channel. Reports one finding per check and anomaly, with the shortest schedule
    found.

    A failure that several properties of a channel find is reported once. So is a deviation on the wire. After a
    violation, a server that we started is replaced. Any other server is first asked whether it still serves a fresh
    client. If the workload understands no message of a channel, one finding says so and the channel is not tested
    further.

    The default budget is that of `options`. Checks that it leaves no time for are listed as not run, and a check that
    it cuts off reports no violation for missing messages. `keep` receives the report so far after each property, and
    when an exception ends the run.

    Raises:
        TargetError: the server does not answer, or cannot be replaced.
    """
    options = options if options is not None else SuiteOptions()
    todo, tell = (
        _wanted(workloads, options, server.endpoint, owned=server.owned),
        progress or (lambda title, done: None),
    )
    run = _ChannelRun(server, options, budget if budget is not None else Budget(options.budget_s))
    try:
        run.seat(workload for workload, check in todo if check is STANDING)
        for at, (workload, check) in enumerate(todo):
            if check is STANDING and run.has_idle_period:
                tell("the idle period", at / len(todo))
                run.idle()
            tell(f"{workload.name}.{check.name}", at / len(todo))
            if check is STANDING:
                run.watch(workload)
            run.go_on(workload, check, left=len(todo) - at)
            keep(run.known())
        for title in run.go_deeper(todo):
            tell(title, 1.0)
            keep(run.known())
    finally:
        run.end()
        keep(run.known())
    tell("done", 1.0)
    return run.known()


def planned(
    workloads: Mapping[str, Workload], options: SuiteOptions, endpoint: Endpoint | None = None, *, owned: bool = True
) -> tuple[NotRun, ...]:
    """All checks that `options` selects, as they are listed before they run. `owned`: we have started the server."""
    checks = _wanted(workloads, options, endpoint, owned=owned)
    return tuple(left_out(workload, check, "") for workload, check in checks)


def _wanted(
    workloads: Mapping[str, Workload], options: SuiteOptions, endpoint: Endpoint | None, *, owned: bool
) -> list[tuple[Workload, ChannelCheck]]:
    """The selected checks of all workloads. Those that judge the whole run come last.

    The channels take turns: the first check of each, then the second of each. So none is left out if time runs short.
    """
    rows = [
        (rank, workload, check)
        for workload in workloads.values()
        for rank, check in enumerate(_checks_of(workload, options, endpoint))
        if options.wants(f"{workload.name}.{check.name}", workload.name, SuiteName.CHANNELS)
    ]
    rows.sort(key=lambda row: _place(*row))
    ordered = [(workload, check) for _, workload, check in rows]
    return [
        (workload, check)
        for at, (workload, check) in enumerate(ordered)
        if isinstance(check, DeliveryProperty)
        or check.is_due(owned=owned, command=options.disturb, before=[row for _, row in ordered[:at]])
    ]


def _checks_of(workload: Workload, options: SuiteOptions, endpoint: Endpoint | None) -> list[ChannelCheck]:
    checks = properties_of(workload, endpoint)
    return quick_checks(checks) if options.quick else checks


def _place(rank: int, workload: Workload, check: ChannelCheck) -> tuple[int, int, int]:
    """The place of a check in the order of execution. A check that runs on one channel prefers one with an audience."""
    turn = check.turn if isinstance(check, ChannelProbe) else 0
    return turn, int(turn > 1 and not is_shared(workload.contract)), rank


class _ChannelRun:
    """The state of a suite run: the report so far, and one schedule runner per channel."""

    def __init__(self, server: RunningServer, options: SuiteOptions, budget: Budget) -> None:
        self._server, self._options, self._budget = server, options, budget
        self._begun = time.monotonic()
        self._report = SuiteReport(options.seed)
        self._runners: dict[str, ScheduleRunner] = {}
        self._found: Found = {}
        """Findings of the current property."""
        self._broken: str | None = None
        self._audience: StandingAudience | None = None
        self._seated: list[Workload] = []
        self._idle_s = options.idle_s
        self._unwatched = 0
        """The number of feeds whose viewers have yet to see enough of them."""

    def seat(self, workloads: Iterable[Workload]) -> None:
        """Give these channels standing members, which join before the next check."""
        self._seated = list(workloads)
        self._unwatched = sum(1 for workload in self._seated if workload.contract.feed is not None)
        if self._seated and (self._idle_s or not self._budget.spent):
            self._audience = StandingAudience(self._options.seed)

    @property
    def has_idle_period(self) -> bool:
        """Whether an idle period is left to run."""
        return self._idle_s > 0 and self._audience is not None and not self._audience.withdrawn

    def idle(self) -> None:
        """Let the standing members stay for as long as the user has asked, which no budget limits."""
        assert self._audience is not None
        idle_s, self._idle_s = self._idle_s, 0.0
        for budget in (self._budget, self._server.budget):
            if budget is not None:
                budget.extend(idle_s + AFTERWARDS_S)
        runners = [self._runner(workload) for workload in self._seated]
        run_idle_period(
            self._audience,
            [runner for runner in runners if runner.speaks is not False and runner.usable],
            idle_s,
            listening_schedules,
            deadline_s=self._options.deadline_s,
            wait=time.sleep,
        )

    def watch(self, workload: Workload) -> None:
        """Let the viewers of a feed stay until they have seen enough of it. Other channels have none."""
        runner = self._runner(workload)
        if self._audience is None or self._audience.withdrawn or workload.contract.feed is None or not self._unwatched:
            return
        has_more = any(other.cut_after for other in self._runners.values())  # drawn schedules that have yet to run
        spare_s = self._budget.remaining_s * (0.5 if has_more else 1.0)
        within_s = min(spare_s / self._unwatched, LONGEST_WATCH_S)
        self._unwatched -= 1
        if runner.speaks is not False and runner.usable:
            watch_feed(self._audience, runner, self._options.feed_objects, within_s, wait=time.sleep)

    def end(self) -> None:
        """End the standing audience."""
        if self._audience is not None:
            self._audience.stop()
        self._audience = None
        for runner in self._runners.values():
            runner.audience = None

    def known(self) -> SuiteReport:
        """The report so far, including findings of the current property."""
        findings = tuple(self._with_repeats(one) for one in (*self._report.findings, *self._found.values()))
        return replace(self._report, findings=findings, wall_s=time.monotonic() - self._begun)

    def _with_repeats(self, finding: Finding) -> Finding:
        for runner in self._runners.values():
            finding = runner.with_repeats(finding)
        return finding

    def go_on(self, workload: Workload, check: ChannelCheck, left: int) -> None:
        """Test the next of the `left` remaining properties, or record why it is not run."""
        part = self._next(workload, check, _DRAW_SHARE * self._budget.remaining_s / left)
        self._found = {}
        self._report += part

    def go_deeper(self, todo: Sequence[tuple[Workload, ChannelCheck]]) -> Iterator[str]:
        """Give what is left of the budget to drawn schedules for which a share of it was too short.

        Yields the title of check property before more of its schedules run.
        """
        self.end()
        cut = [(workload, check) for workload, check in todo if check.name in self._runner(workload).cut_after]
        for at, (workload, check) in enumerate(cut):
            if self._budget.spent or (self._broken is not None and not self._server.owned):
                return
            yield f"{workload.name}.{check.name}"
            self._found = {}
            done = self._runner(workload).cut_after.pop(check.name)
            self._join(self._next(workload, check, self._budget.remaining_s / (len(cut) - at), done))
            self._found = {}

    def _join(self, more: SuiteReport) -> None:
        """Add the report of more schedules of a property to that of its first ones."""
        rows = {row.check: row for row in more.checks_run}
        joined = tuple(
            replace(rows[row.check], seconds=row.seconds + rows[row.check].seconds) if row.check in rows else row
            for row in self._report.checks_run
        )
        self._report = self._report.but(checks_run=joined) + more.but(checks_run=(), not_run=())

    def _next(self, workload: Workload, check: ChannelCheck, draw_s: float, done: int = 0) -> SuiteReport:
        """The report of one property, or of why it was not run. Its first `done` schedules have run before."""
        options, server = self._options, self._server
        judges_only = check is STANDING and self._audience is not None  # this check takes no time
        if self._budget.spent and not judges_only:
            return SuiteReport(options.seed, not_run=(out_of_time(workload, check),))
        runner = self._runner(workload)
        reason = ""
        if runner.speaks is False:
            reason = f"not run: {workload.path(0)} does not speak the format of {workload.name}"
        elif self._broken is not None and not judges_only and not server.owned and not _recovers(runner, options):
            reason = (
                f"not run: {self._broken} broke the server, which wsproof cannot replace: afterwards a fresh client "
                f"got no answer at {workload.path(0)}"
            )
        if reason:
            return SuiteReport(options.seed, (row_of(workload, check, Verdict.UNKNOWN, 0, 0.0, reason),))
        needs_fresh = isinstance(check, DeliveryProperty) and check.fresh
        if (self._broken is not None or needs_fresh) and server.owned and not judges_only:
            runner.broken = True
        self._let_in(runner, check)
        with self._unjudged(runner, check):
            part = _run_guarded(runner, check, options, self._found, draw_s, done)
        self._broken = f"{workload.name}.{check.name}" if runner.broken else None
        runner.broken = False if server.owned and self._broken is None else runner.broken
        return part

    def _runner(self, workload: Workload) -> ScheduleRunner:
        """The runner of a channel. All runners share the standing audience."""
        if workload.name not in self._runners:
            runner = ScheduleRunner(self._server, workload, self._options.seed, self._budget)
            runner.audience = self._audience
            self._runners[workload.name] = runner
        return self._runners[workload.name]

    def _let_in(self, runner: ScheduleRunner, check: ChannelCheck) -> None:
        """Let standing members of all channels join before a check, but none of its own channel if it needs that."""
        if self._audience is None or runner.broken or check is STANDING:
            return
        is_away = check.standing is StandingPresence.AWAY
        if is_away:
            self._audience.leave(runner.workload.name)
        for workload in self._seated:
            other = self._runner(workload)
            if other.speaks is not False and not (other is runner and is_away):
                other.gather()

    def _unjudged(self, runner: ScheduleRunner, check: ChannelCheck) -> AbstractContextManager[None]:
        """A block in which the standing members of the check's channel are not judged, if it may disturb them."""
        if self._audience is None or check.standing is not StandingPresence.CONNECTED:
            return nullcontext()
        return self._audience.unjudged(runner.workload.name)


def _recovers(runner: ScheduleRunner, options: SuiteOptions) -> bool:
    """Whether a server that we cannot replace still serves this channel. Asked once after each violation."""
    if runner.gone:
        return False
    try:
        runner.gone = not runner.still_serves(options.deadline_s)
    except BudgetSpent:
        return True  # nothing is known; the next property is not run because of the budget
    runner.broken = runner.gone
    return not runner.gone


def check_property(
    server: RunningServer,
    workload: Workload,
    check: ChannelCheck,
    options: SuiteOptions,
    budget: Budget | None = None,
) -> SuiteReport:
    """Test one property. If it breaks a server that we started, the server is restarted afterwards."""
    budget = budget if budget is not None else Budget(options.budget_s)
    runner = ScheduleRunner(server, workload, options.seed, budget)
    report = (
        run_property(runner, check, options, {})
        if isinstance(check, DeliveryProperty)
        else run_probe(runner, check, options)
    )
    if runner.broken and server.owned and not budget.spent:
        server.restart()
    return report


def replay(
    recipe: Mapping[str, Any],
    server: RunningServer,
    workloads: Mapping[str, Workload] | None = None,
    deadline_s: float = 5.0,
    disturb: str = "",
) -> list[Finding]:
    """Execute the schedule of a finding's recipe again, and return what the same property finds now.

    `disturb` is the command of the user for a check that needs one.

    Raises:
        UsageError: `recipe` is not a recipe of this suite.
        TargetError: the server does not answer.
    """
    try:
        known = (
            workloads if workloads is not None else load_channels(reference_server.CHANNELS, recipe.get("settings", {}))
        )
        workload = known[recipe["workload"]]
        check = next(p for p in properties_of(workload, server.endpoint) if p.name == current_check(recipe["property"]))
        schedule = schedule_from_json(recipe["schedule"])
        seed = int(recipe["seed"])
    except (KeyError, TypeError, ValueError, StopIteration) as fault:
        raise UsageError(
            f"expected the recipe of a finding of the channels suite, got {type(fault).__name__}: {fault}. "
            "Take FINDING.json as wsproof wrote it, and the channels it was found with."
        ) from fault
    runner = ScheduleRunner(server, workload, seed)
    if isinstance(check, ChannelProbe):
        return list(run_probe(runner, check, SuiteOptions(seed=seed, deadline_s=deadline_s, disturb=disturb)).findings)
    result = runner.run_and_check(schedule, deadline_s)
    if not runner.speaks:
        return [reported(runner, check, runner.format_mismatch(result.execution, deadline_s), schedule)]
    return [reported(runner, check, finding, schedule) for finding in check.mine(result.findings)]


def _run_guarded(
    runner: ScheduleRunner, check: ChannelCheck, options: SuiteOptions, findings: Found, draw_s: float, done: int
) -> SuiteReport:
    """Test one property. A crash of wsproof ends only this property, and its findings are kept."""
    began = now_ns()
    try:
        if isinstance(check, ChannelProbe):
            return run_probe(runner, check, options)
        return run_property(runner, check, options, findings, draw_s, done)
    except (TargetError, UsageError):
        raise  # for the user
    except Exception as error:  # noqa: BLE001  a bug in one property must not end the others
        runner.broken = True  # the server's state is unknown
        workload = runner.workload
        name, seconds = f"{workload.name}.{check.name}", (now_ns() - began) / 1e9
        row = crashed_check(name, workload.name, check.promise, error, seconds)
        verdict = Verdict.worst([row.verdict, verdict_of(findings.values(), strict=options.strict)])
        return SuiteReport(options.seed, (replace(row, verdict=verdict),), tuple(findings.values()))
