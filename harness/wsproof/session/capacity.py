"""A search for the most subscribers, publications per second or rooms at which all objectives are met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wsproof.errors import TargetError, UsageError
from wsproof.load import PartialRun, run_plan
from wsproof.load.judging import judge_measurement
from wsproof.load.limits import most_subscribers, require_possible
from wsproof.model.arrivals import RampArrivals, Trace
from wsproof.model.capacity import (
    CapacityRecord,
    LevelOutcome,
    LevelRecord,
    SearchEnding,
    SearchLimits,
    SearchObjective,
)
from wsproof.model.finding import Anomaly, Finding, verdict_of
from wsproof.model.measurement import Measurement
from wsproof.model.plan import Plan
from wsproof.model.record import RunRecord
from wsproof.model.suite import merged_by_rule
from wsproof.model.summary import Summary, TrustWarning
from wsproof.report.text.capacity import level_line
from wsproof.report.text.sanitize import clean_line
from wsproof.session.bench import generator_setup
from wsproof.session.console import SILENT, Console
from wsproof.session.context import CommandContext
from wsproof.session.options import CapacityOptions
from wsproof.session.plan import plan_of, processes_for
from wsproof.session.run_recorder import RunRecorder
from wsproof.stats.capacity import Capacity, Search, find_capacity
from wsproof.stats.capacity_level import JudgedLevel, judge_level
from wsproof.stats.knee import CONFIDENCE
from wsproof.stats.objective import Objective, parse_objective
from wsproof.target.server import RunningServer

HIGHEST = {"subscribers": 10_000, "rate": 100_000, "rooms": 1_000}
"""Default of `--to`. It is lower if this machine cannot open as many connections."""
LOWEST = {"subscribers": 10, "rate": 1, "rooms": 1}
"""Default of `--from`. A search over subscribers begins at the number of publishers if that is higher."""


def capacity(options: CapacityOptions, *, console: Console = SILENT, began: float | None = None) -> RunRecord:
    """Search for the capacity of one target, and keep the run. The record has the levels and the answer (`capacity`).

    Raises:
        UsageError: the options are wrong, or the target could not be started or reached (TargetError).
    """
    context = CommandContext(options, console, began)
    objectives = [parse_objective(text) for text in options.slo]
    dimension = Dimension(base_plan(context), options.over, context.workload_name)
    search = search_of(options, dimension)
    if options.over == "rooms" and "rooms" not in context.workloads[context.workload_name].parameters:
        raise UsageError(
            f"the workload {context.workload_name} has no setting called rooms: --over rooms needs a workload that "
            f"has one (`wsproof list workloads`). Search this one --over subscribers or rate."
        )
    largest = dimension.plan(search.highest)
    require_possible(largest)
    with context.running(connections=largest.subscribers) as server, context.record("capacity") as log:
        log.change(target=context.describe(server), plan=dimension.base.to_json())
        log.keep_output(server)
        runs = LevelRuns(context, server, log, objectives, dimension, search)
        runs.conclude(find_capacity(runs.measure, search))
        console.measured(log.record)
    return log.record


def base_plan(context: CommandContext[CapacityOptions]) -> Plan:
    """The plan in which the search raises one number. All levels use as many processes as the highest needs."""
    options, plan = context.options, plan_of(context)
    if options.processes is not None or options.over == "rate":
        return plan
    highest = int(options.highest or HIGHEST[options.over])
    most = highest if options.over == "subscribers" else highest * options.subscribers
    return replace(plan, processes=processes_for(most, context.target))


class Dimension:
    """The number of the plan that the search raises.

    Over rooms, the base plan's subscribers, publishers and rate are those of each room.
    """

    def __init__(self, plan: Plan, over: str, workload: str) -> None:
        self.name = over
        self.base = plan
        self._workload = workload

    def plan(self, level: float) -> Plan:
        """The plan at the level."""
        base, count = self.base, int(level)
        match self.name:
            case "subscribers":
                return replace(base, subscribers=count)
            case "rate":
                return replace(base, rate_hz=float(level))
        return replace(
            base,
            subscribers=base.subscribers * count,
            publishers=base.publishers * count,
            rate_hz=base.rate_hz * count,
        )

    def settings(self, level: float) -> dict[str, str]:
        """The workload settings at the level: the number of rooms, if the search is over rooms."""
        return {f"{self._workload}.rooms": str(int(level))} if self.name == "rooms" else {}


def search_of(options: CapacityOptions, dimension: Dimension) -> Search:
    """The search that the options describe.

    Raises:
        UsageError: the lowest level is above the highest, a count is not whole, or the plan has no rate to raise.
    """
    over = options.over
    if over == "rate" and options.closed:
        raise UsageError("a closed loop has no rate to raise: leave out --closed, or --over rate.")
    if over == "rate" and isinstance(options.arrivals, RampArrivals | Trace):
        raise UsageError(
            f"--arrivals {options.arrivals} sets the rate itself, so a search cannot raise it: leave out --over rate."
        )
    lowest = options.lowest or max(LOWEST[over], options.publishers if over == "subscribers" else 0)
    highest = options.highest
    if highest is None:
        fit = most_subscribers(dimension.base.processes)
        room = {"subscribers": fit, "rooms": fit // options.subscribers}.get(over, HIGHEST[over])
        highest = max(min(HIGHEST[over], room), lowest)
    is_whole = over != "rate"
    if is_whole and (lowest != int(lowest) or highest != int(highest)):
        raise UsageError(f"expected whole numbers of {over} for --from and --to, got {lowest:g} and {highest:g}.")
    if lowest > highest:
        raise UsageError(f"expected --from to be at most --to, got {lowest:g} and {highest:g} {over}.")
    return Search(lowest, highest, is_whole, resolution=options.resolution, max_runs=options.max_runs)


class LevelRuns:
    """The level runs of a search. Each is written into the record as soon as it ends."""

    def __init__(
        self,
        context: CommandContext[CapacityOptions],
        server: RunningServer,
        log: RunRecorder,
        objectives: list[Objective],
        dimension: Dimension,
        search: Search,
    ) -> None:
        self._context = context
        self._server = server
        self._log = log
        self._objectives = objectives
        self._dimension = dimension
        self._search = search
        self._rows: list[LevelRecord] = []
        self._findings: tuple[Finding, ...] = ()
        self._protocol_findings: tuple[Finding, ...] = ()
        """Protocol findings of all levels."""
        self._warnings: tuple[TrustWarning, ...] = ()
        self._metrics: Mapping[str, Summary] = {}
        self._best = 0.0

    def measure(self, level: float) -> LevelOutcome:
        """Measure one level and return its outcome. A server that wsproof started is restarted before it.

        Raises:
            TargetError: the first level could not be measured, or a server elsewhere is no longer alive.
        """
        if self._rows and self._server.owned:
            self._server.restart()
        try:
            measurement = self._run(level)
        except TargetError as error:
            # At the first level, the target is wrong or not running. At a later one, the server failed under load.
            if not self._rows or not (self._server.owned or self._server.is_alive()):
                raise
            return self._record_level(level, JudgedLevel(LevelOutcome.MISSED, (str(error),)), {})
        self._log.change(generator=generator_setup(self._context, measurement))
        judged = judge_measurement(measurement, self._server)
        results = judged.evaluate(self._objectives)
        outcome = judge_level(results, judged.findings, judged.warnings)
        self._findings = judged.findings
        self._protocol_findings = merged_by_rule(
            (*self._protocol_findings, *(f for f in judged.findings if f.anomaly is Anomaly.PROTOCOL))
        )
        if outcome.outcome is LevelOutcome.UNTRUSTED:
            self._warnings = judged.warnings
        if outcome.outcome is LevelOutcome.MET and level >= self._best:
            self._best, self._metrics = level, judged.metrics
        return self._record_level(level, outcome, judged.metrics, [result.value for result in results])

    def _run(self, level: float) -> Measurement:
        try:
            with self._context.console.progress(lines=False) as progress:
                return run_plan(
                    self._dimension.plan(level),
                    channels=self._context.needed_channels(),
                    settings=self._context.settings | self._dimension.settings(level),
                    endpoint=self._server.endpoint,
                    server=self._server,
                    progress=progress.engine,
                )
        except PartialRun as partial:
            raise partial.cause from None

    def _record_level(
        self,
        level: float,
        judged: JudgedLevel,
        metrics: Mapping[str, Summary],
        values: list[float | None] | None = None,
    ) -> LevelOutcome:
        row = LevelRecord(
            level,
            judged.outcome,
            why=tuple(clean_line(reason) for reason in judged.why),
            values=tuple(values or [None] * len(self._objectives)),
            metrics=metrics,
        )
        self._rows.append(row)
        self._log.change(capacity=self._search_record)
        self._context.console.say(level_line(row, self._dimension.name))
        return judged.outcome

    @property
    def _search_record(self) -> CapacityRecord:
        """The record of the search so far."""
        search = self._search
        return CapacityRecord(
            over=self._dimension.name,
            objectives=tuple(
                SearchObjective(each.text, each.metric, each.statistic, each.limit) for each in self._objectives
            ),
            search=SearchLimits(search.lowest, search.highest, search.resolution, search.max_runs),
            plan=self._dimension.base.to_json(),
            confidence=CONFIDENCE,
            runs=tuple(self._rows),
        )

    def conclude(self, result: Capacity) -> None:
        """Write the result of the search. The record's metrics are those of the highest level that met all objectives.

        If even the lowest level missed, its findings are written too.
        """
        at_lowest = result.ending is SearchEnding.MISSED_AT_LOWEST
        findings = merged_by_rule((*self._protocol_findings, *(self._findings if at_lowest else ())))
        limited = result.ending is SearchEnding.GENERATOR_LIMITED
        self._log.change(
            verdict=verdict_of(findings),
            trusted=not limited,
            plan=self._dimension.plan(self._best).to_json() if self._best else self._log.record.plan,
            metrics=self._metrics,
            measured_findings=findings,
            warnings=self._warnings if limited else (),
            capacity=replace(
                self._search_record, ending=result.ending, knee=result.knee, met=result.met, ceiling=result.ceiling
            ),
        )
