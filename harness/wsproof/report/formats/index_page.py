"""The index of a store: trends with their change points, all runs by branch, and all comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wsproof.errors import UsageError
from wsproof.model.comparison import Comparison
from wsproof.report.charts.svg import RunChart
from wsproof.report.charts.trend import trend_chart
from wsproof.report.formats.page import render, write_stored_page
from wsproof.report.store.atomic import write_text
from wsproof.report.store.run_dir import ComparisonDir, RunDir
from wsproof.report.store.runs import RunStore
from wsproof.report.store.summaries import StoredRun, read_summaries
from wsproof.report.text import trend as trend_text
from wsproof.report.trend import MetricTrend, Trend, TrendChange, TrendRun, trends_of

SHOWN_FIGURES = ("latency_p50", "latency_p99", "time_to_last_p50", "reach_mean")
"""The figures of a run in the tables of all runs."""


@dataclass(frozen=True)
class ComparisonEntry:
    """A stored comparison, or the reason why it is unreadable."""

    folder: ComparisonDir
    record: Comparison | None
    problem: str
    has_page: bool


@dataclass(frozen=True)
class ShownTrend:
    """A trend with its charts."""

    trend: Trend
    charts: tuple[RunChart, ...]

    @property
    def changes(self) -> list[tuple[MetricTrend, TrendChange, TrendRun]]:
        """All change points with the first run of the new level, newest first."""
        changes = [(metric, one) for metric in self.trend.metrics for one in metric.changes]
        changes.sort(key=lambda row: row[1].place, reverse=True)
        return [(metric, one, self.trend.runs[one.place]) for metric, one in changes]


def index_page(runs: Sequence[StoredRun], comparisons: Iterable[ComparisonDir] = ()) -> str:
    """Trends, all runs by branch, newest first, and all comparisons. Damaged records are listed as unreadable."""
    with_page = {run.folder.id for run in runs if run.folder.page.is_file()}
    by_branch: dict[str, list[StoredRun]] = {}  # the branch with the newest run comes first
    for run in sorted(runs, key=lambda run: run.folder.id, reverse=True):
        by_branch.setdefault(_branch(run), []).append(run)
    return render(
        "index.html",
        branches=list(by_branch.items()),
        with_page=with_page,
        shown_figures=SHOWN_FIGURES,
        trends=[_shown(trend, number, with_page) for number, trend in enumerate(trends_of(runs))],
        trend_text=trend_text,
        comparisons=[_entry(folder) for folder in comparisons][::-1],
        total=len(runs),
    )


def write_index(store: RunStore) -> Path:
    """Write the index of a store and all missing pages; return the path of the index.

    Raises:
        UsageError: the folder cannot be written.
    """
    runs, comparisons = read_summaries(store), store.comparisons()
    readable: list[RunDir | ComparisonDir] = [run.folder for run in runs if run.summary is not None]
    for folder in [*readable, *comparisons]:
        if not folder.page.is_file():
            try:
                write_stored_page(folder)
            except UsageError:
                continue  # unreadable: the index says so
    try:
        store.index_path.parent.mkdir(parents=True, exist_ok=True)
        write_text(store.index_path, index_page(runs, comparisons))
    except OSError as error:
        raise UsageError(f"cannot write {store.index_path}: {error.strerror or error}") from error
    return store.index_path


def _shown(trend: Trend, number: int, with_page: set[str]) -> ShownTrend:
    charts = (trend_chart(trend, metric, f"trend{number}-{metric.name}", with_page) for metric in trend.metrics)
    return ShownTrend(trend, tuple(charts))


def _entry(folder: ComparisonDir) -> ComparisonEntry:
    """Read a comparison."""
    has_page = folder.page.is_file()
    try:
        return ComparisonEntry(folder, folder.read(), "", has_page)
    except UsageError as error:
        return ComparisonEntry(folder, None, str(error), has_page)


def _branch(run: StoredRun) -> str:
    """The heading under which a run is listed."""
    if run.summary is None:
        return "unreadable"
    return run.summary.branch or ("detached" if run.summary.sha else "no repository")
