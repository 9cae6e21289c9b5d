"""Figures of healthy clients beside faulty ones: a ratio per pair of windows, its interval, and the rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import mean, median, stdev

import numpy as np

from wsproof.model.fault_record import FaultFigure
from wsproof.model.fault_windows import FaultWindows
from wsproof.model.measurement import Measurement
from wsproof.stats.paired import student_quantile
from wsproof.stats.round_values import RoundInterval, round_values
from wsproof.stats.summary import nearest_rank

CONFIDENCE = 0.95
FEWEST_PAIRS = 3
"""Fewest pairs of windows with a figure. Fewer have no useful interval."""
BUSY = 0.8
"""Share of a core from which a process of ours counts as saturated."""
LATE_NS = 20_000_000
"""Lag of the generator's event loop (p99, in ns) from which the machine counts as noisy."""


@dataclass(frozen=True)
class EffectRule:
    """The rule for one figure, in ns: it has worsened if its interval and its increase are beyond these floors."""

    name: str
    floor: float
    least_ns: float


RULES = (
    EffectRule("latency_p50", 1.25, 500_000),
    EffectRule("latency_p99", 1.5, 1_000_000),
    EffectRule("time_to_last_p50", 1.25, 500_000),
)


def fault_figures(measurement: Measurement, windows: FaultWindows) -> tuple[FaultFigure, ...]:
    """The figures of all windows, compared in pairs."""
    intervals = [RoundInterval(*windows.measured(number)) for number in range(2 * windows.pairs)]
    values = round_values(measurement, intervals)
    pairs = [windows.pair(number) for number in range(windows.pairs)]
    return tuple(_figure(rule, [(values[rule.name][a], values[rule.name][b]) for a, b in pairs]) for rule in RULES)


def _figure(rule: EffectRule, pairs: Sequence[tuple[float | None, float | None]]) -> FaultFigure:
    """Compare the values of pairs of windows: without faulty clients, and beside them."""
    measured = [(a, b) for a, b in pairs if a is not None and b is not None and a > 0 and b > 0]
    without = median(a for a, _ in measured) if measured else None
    beside = median(b for _, b in measured) if measured else None
    if len(measured) < FEWEST_PAIRS or without is None or beside is None:
        return FaultFigure(rule.name, "ns", without, beside, pairs=len(measured))
    ratio, low, high = ratio_of(measured)
    has_worsened = low > rule.floor and beside - without >= rule.least_ns
    return FaultFigure(rule.name, "ns", without, beside, ratio, low, high, len(measured), has_worsened)


def ratio_of(pairs: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """The geometric mean of the ratios of pairs (second by first), with its 95 % interval by Student's t."""
    logs = [log(b / a) for a, b in pairs]
    middle = mean(logs)
    half = student_quantile(CONFIDENCE, len(logs) - 1) * stdev(logs) / sqrt(len(logs))
    return exp(middle), exp(middle - half), exp(middle + half)


def why_unsure(measurement: Measurement, figures: Sequence[FaultFigure], faults_cpu: float) -> str:
    """The reason why the figures prove nothing about the server; empty if they do."""
    generator = measurement.generator
    busy = generator.cpu_share
    if len(busy) and float(np.median(busy)) > BUSY:
        return f"the load generator used {float(np.median(busy)):.0%} of its core"
    if faults_cpu > BUSY:
        return f"the process of the faulty clients used {faults_cpu:.0%} of its core"
    if not generator.alone:
        return "another measurement of wsproof ran on this machine at the same time"
    lag = np.sort(generator.loop_lag_ns)
    late_ns = nearest_rank(lag, 0.99) if len(lag) else 0.0
    added_ns = max((one.beside - one.without for one in figures if one.beside and one.without), default=0.0)
    if late_ns > LATE_NS and late_ns > added_ns / 2:
        return f"this machine was noisy: the load generator's event loop woke up {late_ns / 1e6:.0f} ms late (p99)"
    if not any(one.ratio is not None for one in figures):
        return "too few windows have enough deliveries: measure longer (--duration), or with a higher --rate"
    return ""
