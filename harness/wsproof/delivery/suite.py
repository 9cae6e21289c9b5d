"""Runs the properties of some channels against a server, and replays findings."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, takewhile
from typing import Any, TypeAlias

from wsproof.delivery.catalogue import ChannelCheck, properties_of
from wsproof.delivery.channel_probe import ChannelProbe
from wsproof.delivery.control_runs import without_misbehaviour
from wsproof.delivery.delivery_property import DeliveryProperty, is_shared
from wsproof.delivery.probing import probed
from wsproof.delivery.quick_checks import quick_checks
from wsproof.delivery.rows import left_out, out_of_time, row_of, unanswered
from wsproof.delivery.runner import ScheduleResult, ScheduleRunner
from wsproof.delivery.schedule import Action, Schedule, fitted, schedule_from_json
from wsproof.delivery.shrink import Sighting, own_edges, refined, seen_again, told, unrefined
from wsproof.delivery.standing import StandingAudience
from wsproof.delivery.standing_probe import STANDING
from wsproof.delivery.strategies import examples_once
from wsproof.errors import TargetError, UsageError
from wsproof.model import reference_server
from wsproof.model.chapter import SuiteName
from wsproof.model.crash import crashed_check
from wsproof.model.finding import Anomaly, Finding, Level, Verdict, verdict_of
from wsproof.model.former_names import current_check
from wsproof.model.suite import Figure, Keep, NotRun, SuiteOptions, SuiteReport, keep_nothing
from wsproof.net.budget import Budget, BudgetSpent
from wsproof.net.clock import now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.target.server import RunningServer
from wsproof.workloads import Workload, load_channels

Progress: TypeAlias = Callable[[str, float], None]
"""Called with the title of the current check and the fraction of checks that are done."""
Found: TypeAlias = dict[tuple[str, Anomaly], Finding]
"""Findings of one property, by check and anomaly."""
_DRAW_SHARE = 1.0
"""Multiple of an equal share of the remaining time that one property may use for drawn schedules.

More would leave no time for the edges of later properties on a slow machine: with 3, they were not run there.
"""


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
    course = _ChannelRun(server, options, budget if budget is not None else Budget(options.budget_s))
    try:
        course.seat(workload for workload, each in todo if each is STANDING)
        for at, (workload, each) in enumerate(todo):
            tell(f"{workload.name}.{each.name}", at / len(todo))
            course.go_on(workload, each, left=len(todo) - at)
            keep(course.known())
    finally:
        course.end()
        keep(course.known())
    tell("done", 1.0)
    return course.known()


def planned(
    workloads: Mapping[str, Workload], options: SuiteOptions, endpoint: Endpoint | None = None, *, owned: bool = True
) -> tuple[NotRun, ...]:
    """All checks that `options` selects, as they are listed before they run. `owned`: we have started the server."""
    wanted = _wanted(workloads, options, endpoint, owned=owned)
    return tuple(left_out(workload, each, "") for workload, each in wanted)


def _wanted(
    workloads: Mapping[str, Workload], options: SuiteOptions, endpoint: Endpoint | None, *, owned: bool
) -> list[tuple[Workload, ChannelCheck]]:
    """The selected checks of all workloads. Those that judge the whole run come last.

    The channels take turns: the first check of each, then the second of each. So none is left out if time runs short.
    """
    wanted = [
        (rank, workload, each)
        for workload in workloads.values()
        for rank, each in enumerate(_checks_of(workload, options, endpoint))
        if options.wants(f"{workload.name}.{each.name}", workload.name, SuiteName.CHANNELS)
    ]
    wanted.sort(key=lambda one: _place(*one))
    ordered = [(workload, each) for _, workload, each in wanted]
    return [
        (workload, each)
        for at, (workload, each) in enumerate(ordered)
        if isinstance(each, DeliveryProperty)
        or each.is_due(owned=owned, command=options.disturb, before=[one for _, one in ordered[:at]])
    ]


def _checks_of(workload: Workload, options: SuiteOptions, endpoint: Endpoint | None) -> list[ChannelCheck]:
    checks = properties_of(workload, endpoint)
    return quick_checks(checks) if options.quick else checks


def _place(rank: int, workload: Workload, each: ChannelCheck) -> tuple[int, int, int]:
    """The place of a check in the order of execution. What runs on one channel only prefers one with an audience."""
    turn = each.turn if isinstance(each, ChannelProbe) else 0
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

    def seat(self, workloads: Iterable[Workload]) -> None:
        """Give these channels standing members, which join before the next check."""
        self._seated = list(workloads)
        if self._seated and not self._budget.spent:
            self._audience = StandingAudience(self._options.seed)

    def end(self) -> None:
        """End the standing audience."""
        if self._audience is not None:
            self._audience.stop()

    def known(self) -> SuiteReport:
        """The report so far, including findings of the current property."""
        findings = tuple(self._with_echoes(one) for one in (*self._report.findings, *self._found.values()))
        return replace(self._report, findings=findings, wall_s=time.monotonic() - self._begun)

    def _with_echoes(self, finding: Finding) -> Finding:
        for runner in self._runners.values():
            finding = runner.with_echoes(finding)
        return finding

    def go_on(self, workload: Workload, each: ChannelCheck, left: int) -> None:
        """Test the next of the `left` remaining properties, or record why it is not run."""
        part = self._next(workload, each, _DRAW_SHARE * self._budget.remaining_s / left)
        self._found = {}
        self._report += part

    def _next(self, workload: Workload, each: ChannelCheck, draw_s: float) -> SuiteReport:
        """The report of one property, or of why it was not run."""
        options, server = self._options, self._server
        judges_only = each is STANDING and self._audience is not None  # this takes no time
        if self._budget.spent and not judges_only:
            return SuiteReport(options.seed, not_run=(out_of_time(workload, each),))
        runner = self._runner(workload)
        reason = ""
        if runner.speaks is False:
            reason = f"not run: {workload.path(0)} does not speak the format of {workload.name}"
        elif self._broken is not None and not judges_only and not server.owned and not _recovers(runner, options):
            reason = (
                f"not run: {self._broken} broke the server, which is not ours to replace: a fresh client got no answer "
                f"at {workload.path(0)} after it"
            )
        if reason:
            return SuiteReport(options.seed, (row_of(workload, each, Verdict.UNKNOWN, 0, 0.0, reason),))
        needs_fresh = isinstance(each, DeliveryProperty) and each.fresh
        if (self._broken is not None or needs_fresh) and server.owned and not judges_only:
            runner.broken = True
        self._let_in(runner, each)
        part = _run_guarded(runner, each, options, self._found, draw_s)
        self._broken = f"{workload.name}.{each.name}" if runner.broken else None
        runner.broken = False if server.owned and self._broken is None else runner.broken
        return part

    def _runner(self, workload: Workload) -> ScheduleRunner:
        """The runner of a channel. All runners share the standing audience."""
        if workload.name not in self._runners:
            runner = ScheduleRunner(self._server, workload, self._options.seed, self._budget)
            runner.audience = self._audience
            self._runners[workload.name] = runner
        return self._runners[workload.name]

    def _let_in(self, runner: ScheduleRunner, each: ChannelCheck) -> None:
        """Let standing members of all channels join before a check, but none of its own channel if it runs alone."""
        if self._audience is None or runner.broken or each is STANDING:
            return
        if each.alone:
            self._audience.leave(runner.workload.name)
        for workload in self._seated:
            other = self._runner(workload)
            if other.speaks is not False and not (other is runner and each.alone):
                other.gather()


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
    each: ChannelCheck,
    options: SuiteOptions,
    budget: Budget | None = None,
) -> SuiteReport:
    """Test one property. If it breaks a server that we started, the server is restarted afterwards."""
    budget = budget if budget is not None else Budget(options.budget_s)
    runner = ScheduleRunner(server, workload, options.seed, budget)
    report = _run(runner, each, options, {}) if isinstance(each, DeliveryProperty) else probed(runner, each, options)
    if runner.broken and server.owned and not budget.spent:
        server.restart()
    return report


def replay(
    recipe: Mapping[str, Any],
    server: RunningServer,
    workloads: Mapping[str, Workload] | None = None,
    deadline_s: float = 5.0,
) -> list[Finding]:
    """Execute the schedule of a finding's recipe again, and return what the same property finds now.

    Raises:
        UsageError: `recipe` is not a recipe of this suite.
        TargetError: the server does not answer.
    """
    try:
        known = (
            workloads if workloads is not None else load_channels(reference_server.CHANNELS, recipe.get("settings", {}))
        )
        workload = known[recipe["workload"]]
        each = next(p for p in properties_of(workload, server.endpoint) if p.name == current_check(recipe["property"]))
        schedule = schedule_from_json(recipe["schedule"])
        seed = int(recipe["seed"])
    except (KeyError, TypeError, ValueError, StopIteration) as fault:
        raise UsageError(
            f"expected the recipe of a finding of the channels suite, got {type(fault).__name__}: {fault}. "
            "Take FINDING.json as wsproof wrote it, and the channels it was found with."
        ) from fault
    runner = ScheduleRunner(server, workload, seed)
    if isinstance(each, ChannelProbe):
        return list(probed(runner, each, SuiteOptions(seed=seed, deadline_s=deadline_s)).findings)
    seen = runner.run_and_check(schedule, deadline_s)
    if not runner.speaks:
        return [told(runner, each, runner.other_language(seen.execution, deadline_s), schedule)]
    return [told(runner, each, finding, schedule) for finding in each.mine(seen.findings)]


def _run_guarded(
    runner: ScheduleRunner, each: ChannelCheck, options: SuiteOptions, kept: Found, draw_s: float
) -> SuiteReport:
    """Test one property. A crash of wsproof ends only this property, and its findings are kept."""
    began = now_ns()
    try:
        if isinstance(each, ChannelProbe):
            return probed(runner, each, options)
        return _run(runner, each, options, kept, draw_s)
    except (TargetError, UsageError):
        raise  # for the user
    except Exception as error:  # noqa: BLE001  a bug in one property must not end the others
        runner.broken = True  # the server's state is unknown
        workload = runner.workload
        name, seconds = f"{workload.name}.{each.name}", (now_ns() - began) / 1e9
        row = crashed_check(name, workload.name, each.promise, error, seconds)
        verdict = Verdict.worst([row.verdict, verdict_of(kept.values(), strict=options.strict)])
        return SuiteReport(options.seed, (replace(row, verdict=verdict),), tuple(kept.values()))


def _run(
    runner: ScheduleRunner, each: DeliveryProperty, options: SuiteOptions, kept: Found, draw_s: float = math.inf
) -> SuiteReport:
    """Test one property: its edges, then drawn schedules, until the first violation.

    Findings go into `kept` at once. If the budget ends before all edges have run, the property is listed as not run.
    Drawn schedules stop after `draw_s` seconds, which include the time for the edges.
    """
    began, workload = now_ns(), runner.workload
    tried, reason, same = 0, "", Verdict.VALID
    measured: dict[str, Figure] = {}
    edges = frozenset(own_edges(runner, each))
    sightings = Counter[tuple[str, Anomaly]]()
    for schedule in _schedules(runner, each, options):
        if tried >= len(edges) and schedule not in edges and (now_ns() - began) / 1e9 > draw_s:
            reason = f"this check's share of the budget ended after {tried} schedules"
            break
        try:
            seen = _judged(runner, schedule, options.deadline_s)
        except BudgetSpent:
            return SuiteReport(options.seed, (), tuple(kept.values()), (out_of_time(workload, each),))
        except TargetError as gone:
            kept["received", Anomaly.UNKNOWN] = unanswered(workload, each, gone)
            break
        tried += 1
        for figure in seen.execution.measured:
            measured[figure.name] = max(figure, measured.get(figure.name, figure), key=lambda one: one.value)
        if not runner.speaks:
            other = runner.other_language(seen.execution, options.deadline_s)
            opening = tuple(takewhile(lambda step: step.action in (Action.JOIN, Action.WATCH), schedule))
            kept[other.check, other.anomaly] = told(runner, each, other, opening)
            runner.broken = False
            break
        mine = each.mine(seen.findings)
        for finding in mine:
            if finding.anomaly is Anomaly.PROTOCOL:
                _note_on_the_wire(kept, told(runner, each, finding, schedule))
        for finding in _weightiest(each, [f for f in mine if f.anomaly is not Anomaly.PROTOCOL]):
            key = (finding.check, finding.anomaly)
            sightings[key] += 1
            sighting = Sighting(each, finding, seen, schedule, options.deadline_s)
            if key in kept:
                kept[key] = seen_again(runner, sighting, kept[key], sightings[key])
                continue
            kept[key] = unrefined(runner, sighting)  # kept even if the refinement is interrupted
            one = refined(runner, sighting)
            if one.finding is not None:
                kept[key] = one.finding
            else:
                del kept[key]
                if one.same is not None:
                    same, reason = one.same.verdict(), f"the same as was found before, by {one.same.check}"
        if Verdict.worst([same, verdict_of(_of_the_channel(kept))]) is not Verdict.VALID or not runner.usable:
            break
    verdict = Verdict.worst([same, verdict_of(_of_the_channel(kept), strict=options.strict)])
    row = row_of(workload, each, verdict, tried, (now_ns() - began) / 1e9, reason, tuple(measured.values()))
    return SuiteReport(options.seed, (row,), tuple(kept.values()))


def _judged(runner: ScheduleRunner, schedule: Schedule, deadline_s: float) -> ScheduleResult:
    """Execute a schedule, and leave some of the budget for repetitions of what it shows. Raises BudgetSpent."""
    with runner.budget.leaving_retries():
        return runner.run_and_check(schedule, deadline_s)


def _note_on_the_wire(kept: Found, finding: Finding) -> None:
    """Keep a deviation on the wire once, with the shortest schedule that shows it.

    It needs no repetition: the bytes are the evidence.
    """
    key = (finding.check, finding.anomaly)
    before = kept.get(key)
    if before is not None:
        times = before.occurrences + finding.occurrences
        finding = replace(min(before, finding, key=lambda one: len(one.witness)), occurrences=times)
    kept[key] = finding


def _of_the_channel(kept: Found) -> list[Finding]:
    """The findings without deviations on the wire, which do not affect the other checks."""
    return [finding for finding in kept.values() if finding.anomaly is not Anomaly.PROTOCOL]


def _schedules(runner: ScheduleRunner, each: DeliveryProperty, options: SuiteOptions) -> Iterator[Schedule]:
    """The edge schedules and then the drawn schedules, adapted to the workload, each once.

    On a server that we cannot replace, control runs are not possible afterwards. So each schedule with misbehaviour
    runs there first without it.
    """
    has_control, before = each.headline and not runner.server.owned, set[Schedule]()
    for schedule in chain(own_edges(runner, each), _drawn(runner, each, options)):
        for one in (without_misbehaviour(schedule), schedule) if has_control else (schedule,):
            if one not in before:
                before.add(one)
                yield one


def _drawn(runner: ScheduleRunner, each: DeliveryProperty, options: SuiteOptions) -> Iterator[Schedule]:
    """The drawn schedules. They are drawn when the first is asked for, since that takes a second of CPU time."""
    if each.schedules is not None and options.examples:
        number = max(1, round(options.examples * each.share))
        for schedule in examples_once(each.schedules, number, options.seed):
            yield fitted(schedule, runner.workload)


def _weightiest(each: DeliveryProperty, findings: list[Finding]) -> list[Finding]:
    """The violation that the property lists first, and all findings that are not violations.

    One fault may show in several checks, so only one violation per schedule is reported.
    """
    order = [*each.looks_at, *(f.check for f in findings)]
    violations = sorted((f for f in findings if f.level is Level.VIOLATION), key=lambda f: order.index(f.check))
    return [*violations[:1], *(f for f in findings if f.level is not Level.VIOLATION)]
