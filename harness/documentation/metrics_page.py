"""The page of all metrics."""

from __future__ import annotations

from documentation.markdown_table import code, markdown_table, plain
from wsproof.stats.metrics import METRICS, Metric

INTRODUCTION = """\
# Metrics

An objective names a metric and one of its figures: `--slo 'p99(latency) < 100ms'`, `--slo 'min(reach) == 1'`, `--slo
'lost == 0'`. A metric with one number for each run needs no figure. *Floor* is the smallest change that a
[comparison](../how-to/comparing.md) calls a change, and it judges the metrics that are marked *judged*.

"""


def metrics_page() -> str:
    """Every metric with its unit, direction, definition and floor."""
    headings = ["metric", "definition", "unit", "better", "numbers", "floor"]
    return INTRODUCTION + markdown_table(headings, map(_row, METRICS))


def _row(metric: Metric) -> list[str]:
    numbers = "one per run" if metric.single else "samples"
    judged = ", judged" if metric.primary else ""
    floor = f"{metric.floor:.0%}{judged}"
    return [code(metric.name), plain(metric.definition), plain(metric.unit), metric.better, numbers, floor]
