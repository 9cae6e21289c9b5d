"""Running the properties of some channels against a server, and repeating what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from wsproof.channels.crowd import Setting
from wsproof.channels.perform import perform
from wsproof.channels.properties import Property, properties_of
from wsproof.channels.schedule import Schedule, schedule_from_json
from wsproof.channels.shortening import shorten
from wsproof.channels.strategies import examples
from wsproof.checks import run_checks
from wsproof.errors import TargetError, UsageError
from wsproof.model.finding import Anomaly, Finding, Level, Verdict, verdict_of
from wsproof.model.suite import CheckRun, SuiteOptions, SuiteReport
from wsproof.net.clock import Deadline, now_ns
from wsproof.net.running import RunningServer
from wsproof.workloads import Workload, load_channels

Progress: TypeAlias = Callable[[str, float], None]

REPEATS = 3
SHORTEN_S = 4.0
QUICK_S = 0.75
"""The deadline while shortening and repeating: the fault has been seen with the long one already."""


@dataclass
class Stage:
    """A server and the schedules performed on it. Names are never used twice, and a broken server not either."""

    server: RunningServer
    workload: Workload
    seed: int
    broken: bool = False
    first: int = 0

    @property
    def usable(self) -> bool:
        """Whether another schedule can be performed: a server of ours can be replaced, a URL cannot."""
        return not self.broken or self.server.owned

    def judge(self, schedule: Schedule, deadline_s: float) -> list[Finding]:
        """Perform a schedule and hold what happened against the contract.

        Raises:
            TargetError: the server is not there.
        """
        if self.broken:
            self.server.restart()
            self.broken, self.first = False, 0
        setting = Setting(
            self.server.endpoint, self.workload, self.first, deadline_s, self.seed, alone=self.server.owned
        )
        self.first += len(schedule)
        try:
            history, well = perform(schedule, setting)
        except TargetError:
            self.broken = True
            raise
        findings = run_checks(history, self.workload.contract)
        self.broken = not well or verdict_of(findings) is not Verdict.VALID
        return findings


def run_suite(
    server: RunningServer,
    workloads: Mapping[str, Workload],
    options: SuiteOptions | None = None,
    progress: Progress | None = None,
) -> SuiteReport:
    """Test every property of every channel. One finding per check and anomaly, with the shortest schedule found.

    After a violation a server of ours is replaced; anything else is left alone from then on.

    Raises:
        TargetError: the server could not be reached at all, or not be replaced.
    """
    options = options if options is not None else SuiteOptions()
    deadline = Deadline.after(options.budget_s) if options.budget_s is not None else None
    todo = [
        (workload, each)
        for workload in workloads.values()
        for each in properties_of(workload.contract)
        if options.wants(f"{workload.name}.{each.name}", workload.name)
    ]
    report, stages = SuiteReport(options.seed), dict[str, Stage]()
    broken: str | None = None
    for at, (workload, each) in enumerate(todo):
        if progress is not None:
            progress(f"{workload.name}.{each.name}", at / len(todo))
        stage = stages.setdefault(workload.name, Stage(server, workload, options.seed))
        if broken is not None and not server.owned:
            reason = f"not run: {broken} broke the server, which is not ours to replace"
            report += SuiteReport(options.seed, (_row(workload, each, Verdict.UNKNOWN, 0, 0.0, reason),))
            continue
        if broken is not None:
            stage.broken = True
        part = _run(stage, each, options, deadline)
        report += part
        broken = f"{workload.name}.{each.name}" if stage.broken else None
        stage.broken = False if server.owned and broken is None else stage.broken
    if progress is not None:
        progress("done", 1.0)
    return report


def check_property(server: RunningServer, workload: Workload, each: Property, options: SuiteOptions) -> SuiteReport:
    """Test one property; a server of ours is fresh again afterwards where it was broken."""
    stage = Stage(server, workload, options.seed)
    report = _run(stage, each, options, None)
    if stage.broken and server.owned:
        server.restart()
    return report


def replay(
    recipe: Mapping[str, Any],
    server: RunningServer,
    workloads: Mapping[str, Workload] | None = None,
    deadline_s: float = 5.0,
) -> list[Finding]:
    """Perform the schedule of a finding's recipe once more; what is found now, of the same property.

    Raises:
        UsageError: it is no recipe of this suite.
        TargetError: the server is not there.
    """
    try:
        known = workloads if workloads is not None else load_channels("tutorial", recipe.get("settings", {}))
        workload = known[recipe["workload"]]
        each = next(p for p in properties_of(workload.contract) if p.name == recipe["property"])
        schedule = schedule_from_json(recipe["schedule"])
        seed = int(recipe["seed"])
    except (KeyError, TypeError, ValueError, StopIteration) as fault:
        raise UsageError(
            f"expected the recipe of a finding of the channels suite, got {type(fault).__name__}: {fault}. "
            "Take FINDING.json as wsproof wrote it, and the channels it was found with."
        ) from fault
    stage = Stage(server, workload, seed)
    found = each.mine(stage.judge(schedule, deadline_s))
    return [_told(finding, workload, each, schedule, seed) for finding in found]


def _run(stage: Stage, each: Property, options: SuiteOptions, deadline: Deadline | None) -> SuiteReport:
    """One property: its edges, then what is drawn, until the first violation."""
    began, workload = now_ns(), stage.workload
    schedules = list(each.edges)
    if each.schedules is not None and options.examples:
        number = max(1, round(options.examples * each.share))
        schedules += examples(each.schedules(), number=number, from_seed=options.seed)
    kept: dict[tuple[str, Anomaly], Finding] = {}
    tried, reason = 0, ""
    for schedule in schedules:
        if deadline is not None and deadline.passed:
            reason = f"cut short by the budget after {tried} of {len(schedules)} examples"
            break
        try:
            found = each.mine(stage.judge(schedule, options.deadline_s))
        except TargetError as gone:
            found = [_gone(workload, each, gone)]
        tried += 1
        for finding in _weightiest(each, found):
            key = (finding.check, finding.anomaly)
            if key not in kept:
                kept[key] = _refined(stage, each, finding, schedule, options)
            else:
                kept[key] = replace(kept[key], occurrences=kept[key].occurrences + 1)
        if verdict_of(kept.values()) is not Verdict.VALID or not stage.usable:
            break
    verdict = verdict_of(kept.values(), strict=options.strict)
    if reason and not tried:
        verdict = Verdict.UNKNOWN
    row = _row(workload, each, verdict, tried, (now_ns() - began) / 1e9, reason)
    return SuiteReport(options.seed, (row,), tuple(kept.values()))


def _refined(stage: Stage, each: Property, finding: Finding, schedule: Schedule, options: SuiteOptions) -> Finding:
    """The finding with the shortest schedule that shows it, and how often that one does."""
    if finding.anomaly is Anomaly.UNKNOWN or not stage.usable:
        return _told(finding, stage.workload, each, schedule, options.seed)
    if not stage.server.owned:
        return replace(_told(finding, stage.workload, each, schedule, options.seed), reproduced="1 of 1")
    quick_s = min(options.deadline_s, QUICK_S)
    shown = [finding]

    def fails(candidate: Schedule) -> bool:
        # Always on a fresh server: a fault can lie dormant in one that seemed to have taken no harm.
        stage.broken = True
        try:
            again = [f for f in each.mine(stage.judge(candidate, quick_s)) if f.anomaly is finding.anomaly]
        except TargetError:
            return False
        shown.extend(again[:1])
        return bool(again)

    shortest = schedule
    if schedule not in each.edges:  # those are as short as we could write them
        shortest = shorten(schedule, lambda candidate: fails(candidate) and fails(candidate), budget_s=SHORTEN_S)
    again = sum(fails(shortest) for _ in range(REPEATS))
    stage.broken = True
    told = _told(shown[-1], stage.workload, each, shortest, options.seed)
    return replace(told, reproduced=f"{again} of {REPEATS}")


def _weightiest(each: Property, findings: list[Finding]) -> list[Finding]:
    """One violation of a schedule, that which the property looks at first, since one fault has many faces; and all
    that is no violation."""
    order = [*each.looks_at, *(f.check for f in findings)]
    violations = sorted((f for f in findings if f.level is Level.VIOLATION), key=lambda f: order.index(f.check))
    return [*violations[:1], *(f for f in findings if f.level is not Level.VIOLATION)]


def _told(finding: Finding, workload: Workload, each: Property, schedule: Schedule, seed: int) -> Finding:
    """The finding under the name of its property, with the schedule in front of its evidence, and its recipe."""
    blame = finding.check in each.looks_at and finding.anomaly is not Anomaly.UNKNOWN and each.headline
    headline = each.headline.format(channel=workload.name)
    recipe = {
        "suite": "channels",
        "workload": workload.name,
        "property": each.name,
        "settings": {f"{workload.name}.{key}": value for key, value in workload.settings.items()},
        "seed": seed,
        "schedule": [step.to_json() for step in schedule],
    }
    wire = finding.anomaly is Anomaly.PROTOCOL
    return replace(
        finding,
        check=finding.check if wire else f"{workload.name}.{each.name}",
        section=finding.section if wire else workload.name,
        explanation=f"{headline}: {finding.explanation}" if blame else finding.explanation,
        witness=(*(f"> {step.describe()}" for step in schedule), *finding.witness),
        recipe=recipe,
        source=finding.source if wire else each.promise,
    )


def _gone(workload: Workload, each: Property, why: TargetError) -> Finding:
    return Finding("received", workload.name, Anomaly.UNKNOWN, Level.INFORMATIONAL, f"{each.name}: {why}")


def _row(
    workload: Workload, each: Property, verdict: Verdict, examples: int, seconds: float, reason: str = ""
) -> CheckRun:
    name = f"{workload.name}.{each.name}"
    return CheckRun(name, workload.name, each.promise, verdict, examples, seconds, reason)
