"""The sentences about trends and their change points."""

from __future__ import annotations

from wsproof.report.text.run import count
from wsproof.report.text.units import change, for_reader
from wsproof.report.trend import MetricTrend, Trend, TrendChange, TrendRun


def run_label(run: TrendRun) -> str:
    """A run by its time, branch and commit."""
    return ", ".join(part for part in (run.summary.started_utc, run.branch, run.summary.commit) if part)


def change_sentence(metric: MetricTrend, metric_change: TrendChange) -> str:
    """One change point in words."""
    before, after = (
        for_reader(value, metric.unit) for value in (metric_change.point.before, metric_change.point.after)
    )
    ratio = f" ({change(metric_change.ratio)})" if metric_change.ratio is not None else ""
    return f"{metric_change.judgement.value.capitalize()} on {metric_change.branch}: from {before} to {after}{ratio}."


def left_out_sentence(trend: Trend) -> str:
    """Say which runs a trend does not show; empty if it shows all."""
    parts = []
    if trend.left_out:
        parts.append(f"{count(trend.left_out, 'run')} left out, incomplete or with void figures only")
    if trend.older:
        parts.append(f"{count(trend.older, 'older run')} not shown")
    return "; ".join(parts)
