"""Results of other tools as run records, with what they have. What they lack stays absent.

    pytest-benchmark   the JSON of `--benchmark-json FILE` and `--benchmark-save`
    Locust             PREFIX_stats.csv of `--csv PREFIX`; the time comes from PREFIX_stats_history.csv, if it is there

An imported run has the verdict *unknown*, because wsproof checked nothing.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from wsproof.errors import UsageError
from wsproof.model.finding import Verdict
from wsproof.model.nanoseconds import NS
from wsproof.model.record import IMPORTED, RunRecord
from wsproof.model.summary import Summary, TrustWarning
from wsproof.model.type_check import require_types
from wsproof.stats.metrics import METRICS_BY_NAME
from wsproof.stats.summary import summary_of

__all__ = ["imported_record"]

NS_PER_MS = 1_000_000
NO_COMMIT = ("unversioned", "unknown", "")
"""What pytest-benchmark writes instead of a commit outside a repository."""
NO_BRANCH = ("(unknown)", "(detached head)", "")
HISTORY = "_stats_history.csv"


def imported_record(path: Path) -> RunRecord:
    """The record of a result file. Its id is empty until the record has a folder.

    Raises:
        UsageError: the file cannot be read, or is none of the known formats.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    try:
        record = _from_pytest_benchmark(text) if text.lstrip().startswith("{") else _from_locust(text, path)
        require_types(record)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        problem = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise UsageError(
            f"{path} is neither the JSON of pytest-benchmark nor the PREFIX_stats.csv of Locust: {problem}"
        ) from error
    if not record.metrics:
        raise UsageError(f"{path} has no measured values.")
    return record


def _record(tool: str, began: datetime, metrics: Iterable[tuple[str, Summary]], **facts: Any) -> RunRecord:
    return RunRecord(
        id="",
        command=IMPORTED,
        started_utc=began.astimezone(UTC).isoformat(timespec="seconds"),
        target={"kind": "imported", "spec": tool},
        verdict=Verdict.UNKNOWN,
        trusted=True,
        complete=True,
        metrics=dict(_named(metrics)),
        warnings=(
            TrustWarning(
                "imported", f"{tool} measured these figures; wsproof neither checked them nor the server.", ""
            ),
        ),
        **facts,
    )


def _named(metrics: Iterable[tuple[str, Summary]]) -> Iterator[tuple[str, Summary]]:
    """The metrics with names that a record allows: each once, and none of wsproof's own."""
    used = set(METRICS_BY_NAME)
    for text, summary in metrics:
        name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "unnamed"
        name = name if name[0].isalpha() else f"n{name}"
        number = 2
        free = name
        while free in used:
            free, number = f"{name}_{number}", number + 1
        used.add(free)
        yield free, summary


def _from_pytest_benchmark(text: str) -> RunRecord:
    data = json.loads(text)
    began = datetime.fromisoformat(data["datetime"])
    began = began if began.tzinfo else began.replace(tzinfo=UTC)
    rows = [(row["name"], _benchmark(row["stats"])) for row in data["benchmarks"]]
    commit = data.get("commit_info") or {}
    sha = commit.get("id")
    branch = commit.get("branch")
    git = {
        "branch": None if branch in NO_BRANCH else branch,
        "sha": None if sha in NO_COMMIT else sha,
        "dirty": commit.get("dirty"),
        "describe": None,
    }
    return _record("pytest-benchmark", began, rows, git=git, machine=_machine(data.get("machine_info") or {}))


def _benchmark(stats: Mapping[str, Any]) -> Summary:
    """One benchmark, in ns. Percentiles need the raw data (`--benchmark-save-data`)."""
    if stats.get("data"):
        return summary_of(np.array(stats["data"], dtype=np.float64) * NS, "ns", "lower")
    figures = {name: stats[name] * NS for name in ("mean", "min", "max")}
    median = stats["median"] * NS
    return Summary("ns", "lower", stats["rounds"], median, p50=median, **figures)


def _machine(info: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of the machine without its name, because pages are passed on."""
    cpu = info.get("cpu") or {}
    python = " ".join(str(info[name]) for name in ("python_implementation", "python_version") if info.get(name))
    facts = {
        "cpu": cpu.get("brand_raw") or cpu.get("brand"),
        "cores": cpu.get("count"),
        "arch": info.get("machine"),
        "os": info.get("system"),
        "python": python or None,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _from_locust(text: str, path: Path) -> RunRecord:
    rows = list(csv.DictReader(io.StringIO(text)))
    metrics = [metric for row in rows for metric in _requests(row)]
    beside = path.with_name(path.name.removesuffix("_stats.csv") + HISTORY)
    return _record("locust", _locust_began(beside, path), metrics)


def _requests(row: Mapping[str, str]) -> Iterator[tuple[str, Summary]]:
    """The response times of one kind of request, its rate, and the share that failed."""
    name = " ".join(part for part in (row["Type"], row["Name"]) if part)
    count, failed = int(row["Request Count"]), int(row["Failure Count"])
    if not count:
        return
    values = {
        "value": row["50%"],
        "p50": row["50%"],
        "mean": row["Average Response Time"],
        "min": row["Min Response Time"],
        "p90": row["90%"],
        "p99": row["99%"],
        "p999": row["99.9%"],
        "max": row["Max Response Time"],
    }
    numbers = {statistic: _milliseconds(text) for statistic, text in values.items()}
    yield name, Summary.from_json({"unit": "ns", "better": "lower", "n": count, **numbers})
    yield f"{name} per s", Summary("1/s", "higher", 1, float(row["Requests/s"]))
    yield f"{name} failed", Summary("0-1", "lower", 1, failed / count)


def _milliseconds(text: str) -> float | None:
    """A time in ns; None for `N/A`."""
    if text in ("N/A", ""):
        return None
    value = float(text) * NS_PER_MS
    if not math.isfinite(value):
        raise ValueError(f"expected a time in ms, got {text!r}")
    return value


def _locust_began(history: Path, path: Path) -> datetime:
    """The first time of the history beside the statistics; without it, when the statistics were last written."""
    if history != path and history.is_file():
        first = next(csv.DictReader(io.StringIO(history.read_text(encoding="utf-8"))), None)
        if first is not None:
            return datetime.fromtimestamp(float(first["Timestamp"]), UTC)
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
