"""Objectives of a run, written as a line of text (`--slo`).

    p99(latency) < 100ms     p50(time_to_last) <= 20ms     min(reach) == 1     mean(reach) >= 99.9%     lost == 0

The left side is a statistic of a metric (p50 p90 p99 p999 min mean max median), a metric with one number per run, or
the name of an anomaly. An anomaly stands for the number of its occurrences (`violations` counts all of them). The right
side is a number, with ns, us, ms, s or % if the metric has such a unit.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from wsproof.errors import UsageError
from wsproof.model.bench_record import ObjectiveOutcome
from wsproof.model.finding import UNDECIDED, Anomaly, Finding, Level
from wsproof.model.former_names import FORMER_ANOMALIES
from wsproof.model.summary import Summary, Void
from wsproof.stats.metrics import FEED_METRICS, METRICS_BY_NAME, Metric

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
STATISTICS = ("p50", "p90", "p99", "p999", "min", "mean", "max", "median")
NS_PER = {"ns": 1.0, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9}
COUNTS = {anomaly.value.replace("-", "_"): anomaly for anomaly in Anomaly}
FORMER_COUNTS = {former.replace("-", "_"): name.replace("-", "_") for former, name in FORMER_ANOMALIES.items()}
"""Names of counts by their former names, which objectives may still use."""
VIOLATIONS = "violations"
"""The name that counts the violations of all kinds."""

GRAMMAR = re.compile(
    r"\s*(?:(?P<statistic>\w+)\s*\(\s*(?P<inner>[\w-]+)\s*\)|(?P<bare>[\w-]+))"
    r"\s*(?P<operator><=|>=|==|!=|<|>)\s*(?P<number>[0-9][0-9_]*(?:\.[0-9]+)?|\.[0-9]+)\s*(?P<unit>[a-zA-Zµ%]*)\s*"
)


@dataclass(frozen=True)
class Objective:
    """A parsed objective. `limit` is in the metric's own unit; `metric` may be the name of an anomaly."""

    text: str
    metric: str
    statistic: str
    operator: str
    limit: float

    def evaluate(self, summaries: Mapping[str, Summary], findings: Iterable[Finding] = ()) -> ObjectiveResult:
        """Compare the objective with a run.

        An invalid figure still decides if the outcome is the same without the generator's part.
        """
        value = self._value(summaries, findings)
        met = None if value is None else self._met(value)
        summary = summaries.get(self.metric)
        void = None if summary is None else summary.void.get(self.statistic)
        if void is not None and (void.without is None or self._met(void.without) is not met):
            return ObjectiveResult(self, value, None, void)
        return ObjectiveResult(self, value, met)

    def _met(self, value: float) -> bool:
        return OPERATORS[self.operator](value, self.limit)

    def _value(self, summaries: Mapping[str, Summary], findings: Iterable[Finding]) -> float | None:
        if self.statistic == "count":
            return float(sum(f.occurrences for f in findings if f.accepted is None and self._counts(f)))
        summary = summaries.get(self.metric)
        value: float | None = None if summary is None else getattr(summary, self.statistic)
        return value

    def _counts(self, finding: Finding) -> bool:
        if self.metric == VIOLATIONS:
            return finding.level is Level.VIOLATION and finding.anomaly not in UNDECIDED
        return finding.anomaly is COUNTS[self.metric]


@dataclass(frozen=True)
class ObjectiveResult:
    """Outcome of an objective. `met` is None (*cannot tell*) if the value is missing or invalid."""

    objective: Objective
    value: float | None
    met: bool | None
    void: Void | None = None

    def outcome(self) -> ObjectiveOutcome:
        """The outcome as the run record keeps it."""
        return ObjectiveOutcome(self.objective.text, self.met, self.value, self.sentence())

    def sentence(self) -> str:
        """The outcome as one line for people."""
        if self.value is None:
            return f"cannot tell: {self.objective.text} (there were too few samples)"
        metric = METRICS_BY_NAME.get(self.objective.metric)
        shown = f"{self.value:g}" if metric is None else metric.show(self.value)
        if self.void is not None:
            rest = self.void.without
            other = "" if metric is None or rest is None else f"; {metric.show(rest)} without the generator's part"
            return f"cannot tell: {self.objective.text} (measured {shown}{other}; void: {self.void.code})"
        return f"{'met' if self.met else 'missed'}: {self.objective.text} (measured {shown})"


def applies_to(objective: Objective, summaries: Mapping[str, Summary]) -> bool:
    """Whether a workload can have the metric: a feed has no latency, and a chat has no ticks.

    A workload without samples of its own kind keeps the objective, which then cannot be decided.
    """
    if objective.statistic == "count":
        return True
    of_feeds = {name for name in FEED_METRICS if name in summaries and summaries[name].n}
    has_deliveries = "latency" in summaries and summaries["latency"].n
    if objective.metric in FEED_METRICS:
        return bool(of_feeds) or not has_deliveries
    summary = summaries.get(objective.metric)
    return (summary is not None and summary.n > 0) or not of_feeds


def parse_objective(text: str) -> Objective:
    """Parse one objective.

    Raises:
        UsageError: the text does not have the form above, or names an unknown metric, statistic or unit.
    """
    match = GRAMMAR.fullmatch(text)
    if match is None:
        raise UsageError(
            f"cannot read the objective {text!r}: expected `statistic(metric) operator number`, for example "
            "'p99(latency) < 100ms', 'min(reach) == 1' or 'lost == 0' (operators: < <= == != >= >)"
        )
    name = (match["inner"] or match["bare"]).replace("-", "_")
    name = FORMER_COUNTS.get(name, name)
    if name in COUNTS or name == VIOLATIONS:
        if match["statistic"] or match["unit"]:
            raise UsageError(f"in {text!r}, {name} is a plain count: write, for example, '{name} == 0'")
        return Objective(text.strip(), name, "count", match["operator"], _number(match))
    metric = _metric(name, text)
    return Objective(
        text.strip(), name, _statistic(match, metric, text), match["operator"], _limit(match, metric, text)
    )


def _number(match: re.Match[str]) -> float:
    return float(match["number"].replace("_", ""))


def _metric(name: str, text: str) -> Metric:
    if name in METRICS_BY_NAME:
        return METRICS_BY_NAME[name]
    names = [*METRICS_BY_NAME, *COUNTS, VIOLATIONS]
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise UsageError(f"in {text!r}, there is no metric {name!r}: {hint}metrics are {', '.join(names)}")


def _statistic(match: re.Match[str], metric: Metric, text: str) -> str:
    statistic: str | None = match["statistic"]
    if statistic is None:
        if not metric.single:
            raise UsageError(
                f"in {text!r}, {metric.name} has many samples in a run: name a statistic, such as p50({metric.name}), "
                f"p99({metric.name}), min({metric.name}) or max({metric.name})"
            )
        return "value"
    if statistic not in STATISTICS:
        raise UsageError(f"in {text!r}, there is no statistic {statistic!r}: use one of {', '.join(STATISTICS)}")
    if metric.single:
        raise UsageError(f"in {text!r}, {metric.name} is one number per run: write {metric.name} without {statistic}()")
    return "p50" if statistic == "median" else statistic


def _limit(match: re.Match[str], metric: Metric, text: str) -> float:
    number, unit = _number(match), match["unit"]
    if metric.unit == "ns":
        if unit not in NS_PER:
            unit_given = f"got {unit!r}" if unit else "got none"
            raise UsageError(f"in {text!r}, {metric.name} is a time and needs a unit (ns, us, ms or s), {unit_given}")
        return number * NS_PER[unit]
    if metric.unit == "us":
        if unit not in NS_PER and unit:
            raise UsageError(f"in {text!r}, {metric.name} is in µs: use us, ns, ms or s, got {unit!r}")
        return number * NS_PER[unit or "us"] / NS_PER["us"]
    if metric.unit == "0-1" and unit == "%":
        return number / 100
    allowed = {"", metric.unit, "%"} if metric.unit == "0-1" else {"", metric.unit}
    if unit not in allowed:
        raise UsageError(
            f"in {text!r}, {metric.name} is not in {unit!r}: its unit is {metric.unit or 'a plain number'}"
        )
    return number
