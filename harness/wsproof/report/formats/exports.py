"""A run in the formats of other tools. Void figures are left out: elsewhere nobody would see that they are void.

pytest-benchmark        the JSON of pytest-benchmark (5.x), from the raw samples: `pytest-benchmark compare FILE`
customSmallerIsBetter   github-action-benchmark (v1); it has no place for metrics of which more is better
bencher                 Bencher Metric Format, for `bencher run --adapter json`
otava                   CSV for Apache Otava: all runs of the run's trend, because Otava needs a series
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsproof.errors import UsageError
from wsproof.load.files.history import load_history
from wsproof.model.nanoseconds import NS
from wsproof.model.record import RunRecord
from wsproof.model.summary import Summary
from wsproof.report.store.atomic import dumps
from wsproof.report.store.run_dir import RunDir
from wsproof.report.store.run_summary import RunSummary, summary_of_record
from wsproof.report.store.runs import RunStore
from wsproof.report.store.summaries import read_summaries
from wsproof.report.text.run import title_of
from wsproof.report.trend import alike, is_sound
from wsproof.stats.deliveries import deliveries

__all__ = ["EXPORTS", "export"]

LIMITS = {"lower_value": "min", "upper_value": "p99"}
"""The bounds of a measure of Bencher, which draws them beside its value."""
ENOUGH_SHARE = 0.8
"""Otava needs a number in every cell. A metric that fewer runs have than this share is left out."""


def export(name: str, store: RunStore, folder: RunDir) -> str:
    """A run in the format called `name`.

    Raises:
        UsageError: the run cannot be read, or has no figure that the format can hold.
    """
    text = EXPORTS[name](Exported(store, folder, folder.read()))
    if not text:
        raise UsageError(f"{folder.id} has no valid figure that {name} can hold. Export a run of `wsproof bench`.")
    return text


@dataclass(frozen=True)
class Exported:
    """The run to export, and where it comes from."""

    store: RunStore
    folder: RunDir
    record: RunRecord

    @property
    def summary(self) -> RunSummary:
        """The summary of the run."""
        return summary_of_record(self.folder.id, self.record.to_json())

    @property
    def title(self) -> str:
        """What was measured: workload and number of subscribers."""
        plan = self.record.plan
        return f"{plan.get('workload', self.record.command)}[{plan['subscribers']}]" if "subscribers" in plan else ""

    def metrics(self) -> Iterator[tuple[str, Summary]]:
        """Each metric whose headline is valid."""
        for name, summary in self.record.metrics.items():
            if summary.value is not None and "value" not in summary.void:
                yield name, summary


def _bencher(run: Exported) -> str:
    """One benchmark with one measure per metric."""
    measures = {
        name.replace("_", "-"): {"value": summary.value}
        | {
            limit: getattr(summary, statistic)
            for limit, statistic in LIMITS.items()
            if getattr(summary, statistic) is not None and statistic not in summary.void and summary.n > 1
        }
        for name, summary in run.metrics()
    }
    return dumps({run.title or "wsproof": measures}) if measures else ""


def _smaller_is_better(run: Exported) -> str:
    """One entry per figure of which less is better."""
    entries = [
        {
            "name": " ".join(part for part in (run.title, title_of(name)) if part),
            "unit": figure.unit,
            "value": figure.value,
            "extra": f"run {run.folder.id}",
        }
        for name, figure in run.summary.figures.items()
        if figure.better == "lower" and not figure.is_void
    ]
    return dumps(entries) if entries else ""


def _otava(run: Exported) -> str:
    """One row per run of the trend, oldest first. Runs that lack a metric of the others are left out."""
    rows = [one for one in alike(read_summaries(run.store), run.summary) if is_sound(one.summary)]
    valid = [{name: one.value for name, one in row.summary.figures.items() if not one.is_void} for row in rows]
    names = [
        name
        for name in dict.fromkeys(name for values in valid for name in values)
        if sum(name in values for values in valid) >= ENOUGH_SHARE * len(valid)
    ]
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["time", "branch", "commit", "run", *names])
    complete = [(row, values) for row, values in zip(rows, valid, strict=True) if all(name in values for name in names)]
    for row, values in complete:
        summary = row.summary
        table.writerow([summary.started_utc, row.branch, summary.sha or "", row.id, *(values[name] for name in names)])
    return out.getvalue() if names and complete else ""


def _pytest_benchmark(run: Exported) -> str:
    """One benchmark per metric with raw samples, in seconds; the statistics are those of pytest-benchmark itself."""
    from pytest_benchmark import __version__  # costs time to import
    from pytest_benchmark.stats import Stats

    benchmarks = []
    for name, samples_ns in _samples(run):
        stats = Stats()
        stats.data = (samples_ns / NS).tolist()
        title = f"{name}[{run.title}]" if run.title else name
        benchmarks.append(
            {
                "group": name,
                "name": title,
                "fullname": f"wsproof::{title}",
                "params": None,
                "param": None,
                "extra_info": {"wsproof_run": run.folder.id},
                "options": {},
                "stats": stats.as_dict() | {"iterations": 1},
            }
        )
    if not benchmarks:
        return ""
    git = run.record.git
    return dumps(
        {
            "machine_info": _machine_info(run.record.machine),
            "commit_info": {
                "id": git.get("sha") or "unversioned",
                "time": None,
                "author_time": None,
                "dirty": bool(git.get("dirty")),
                "project": "wsproof",
                "branch": git.get("branch") or "(unknown)",
            },
            "benchmarks": benchmarks,
            "datetime": run.record.started_utc,
            "version": __version__,
        }
    )


def _machine_info(machine: Mapping[str, Any]) -> dict[str, Any]:
    python, _, version = str(machine.get("python") or "").partition(" ")
    return {
        "machine": machine.get("arch"),
        "python_implementation": python or None,
        "python_version": version or None,
        "cpu": {"brand_raw": machine.get("cpu"), "count": machine.get("cores")},
    }


def _samples(run: Exported) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """The raw samples of each metric that has any and whose headline is valid."""
    valid = dict(run.metrics())
    try:
        joined = deliveries(load_history(run.folder.columns))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"cannot read the raw samples of {run.folder.id}: {error}") from error
    for name, samples in (("latency", joined.latency_ns), ("service_time", joined.service_ns)):
        if name in valid and len(samples):
            yield name, samples


EXPORTS: dict[str, Callable[[Exported], str]] = {
    "pytest-benchmark": _pytest_benchmark,
    "customSmallerIsBetter": _smaller_is_better,
    "bencher": _bencher,
    "otava": _otava,
}
"""The formats, by the name that their tool gives them."""
