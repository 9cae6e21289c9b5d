"""Formats figures, and marks and lists void ones."""

from __future__ import annotations

from collections.abc import Mapping

from wsproof.model.record import RunRecord
from wsproof.model.summary import Summary
from wsproof.report.text.units import for_reader
from wsproof.stats.metrics import METRICS_BY_NAME

NAMED = {"p50": "p50", "p90": "p90", "p99": "p99", "p999": "p99.9", "max": "max", "mean": "mean", "min": "min"}
"""The statistics of a summary, and how reports name them."""
VOID = "?"
"""The mark of a figure that cannot be trusted."""
MOST_NAMED = 8
"""Maximum number of void figures that a sentence names."""


def figure(summary: Summary, statistic: str) -> str:
    """One statistic as text, marked if it is void."""
    value: float | None = getattr(summary, statistic)
    text = for_reader(value, summary.unit)
    return f"{text} {VOID}" if value is not None and statistic in summary.void else text


def reason(summary: Summary, statistic: str) -> str:
    """Return why a figure is void; empty if it is valid.

    Includes the value without the load generator's part, if known.
    """
    void = summary.void.get(statistic)
    if void is None:
        return ""
    other = (
        "" if void.without is None else f" Without the load generator's part: {for_reader(void.without, summary.unit)}."
    )
    return f"Void ({void.code}): {void.reason}{other}"


def void_figures(metrics: Mapping[str, Summary]) -> list[str]:
    """The void figures, such as "latency p99". A metric without any valid figure is named once."""
    figures = []
    for name, summary in metrics.items():
        statistics = [statistic for statistic in NAMED if getattr(summary, statistic) is not None]
        void = [statistic for statistic in statistics if statistic in summary.void]
        title = METRICS_BY_NAME[name].title.lower() if name in METRICS_BY_NAME else name.replace("_", " ")
        if void == statistics or (summary.n == 1 and summary.void):
            figures += [title] * bool(void)
        else:
            figures += [f"{title} {NAMED[statistic]}" for statistic in void]
    return figures


_NOT_TRUSTED = "The figures are NOT trusted: treat them as a hint only."


def trust_sentence(record: RunRecord) -> str:
    """Say in one sentence which figures of a run can be trusted."""
    void = [*void_figures(record.metrics), *_void_of_load(record)]
    if not void:
        return "All figures can be trusted." if record.trusted else _NOT_TRUSTED
    shown = void if len(void) <= MOST_NAMED else [*void[: MOST_NAMED - 1], f"{len(void) - MOST_NAMED + 1} more"]
    return f"These figures are void, the others stand: {', '.join(shown)}."


def _void_of_load(record: RunRecord) -> list[str]:
    """The void figures of a load by Locust, such as "latency p99 of the load (chat)"."""
    rooms = record.load.rooms if record.load is not None else ()
    return [f"{figure} of the load ({room.workload})" for room in rooms for figure in void_figures(room.metrics)]
