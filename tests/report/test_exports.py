"""Tests of runs in the formats of other tools, and of results of other tools as runs.

`foreign/` holds the CSV files of a load by Locust 2.47. Another load had no history file.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pytest_benchmark import cli as pytest_benchmark
from pytest_benchmark.stats import Stats

from tests.report import samples
from wsproof import RunRecord, UsageError, Verdict
from wsproof.cli import main
from wsproof.cli.options import EXPORT_FORMATS
from wsproof.load.files.history import save_history
from wsproof.model.summary import Void
from wsproof.report.formats.exports import EXPORTS, export
from wsproof.report.formats.imports import imported_record
from wsproof.report.formats.json_documents import load_schema
from wsproof.report.store.run_dir import RunDir
from wsproof.report.store.runs import RunStore
from wsproof.stats.metrics import METRICS_BY_NAME, Observed
from wsproof.stats.summary import summary_of

LOCUST = Path(__file__).parent / "foreign" / "locust_stats.csv"
BENCHER = {
    "$schema": "http://json-schema.org/draft-07/schema",
    "type": "object",
    "patternProperties": {
        ".+": {
            "type": "object",
            "patternProperties": {
                ".+": {
                    "type": "object",
                    "properties": {name: {"type": "number"} for name in ("value", "lower_value", "upper_value")},
                    "required": ["value"],
                }
            },
        }
    },
}
"""The schema of the Bencher Metric Format (bencher.dev/docs/reference/bencher-metric-format)."""
MACHINE = {"cpu": "Quick One", "cores": 4, "memory_bytes": 8 << 30, "arch": "x86_64", "python": "CPython 3.12.1"}


def kept(store: RunStore, name: str = "run", **changes: Any) -> RunDir:
    """Keep a run with the figures and the raw samples of a measurement."""
    measurement = samples.measurement(subscribers=5, seconds=2)
    observed = Observed(measurement)
    metrics = {
        metric: summary_of(
            METRICS_BY_NAME[metric].compute(observed), METRICS_BY_NAME[metric].unit, METRICS_BY_NAME[metric].better
        )
        for metric in ("latency", "service_time", "reach", "deliveries_per_s")
    }
    folder = RunDir(store.root / "runs" / name)
    folder.columns.mkdir(parents=True)
    values = {"id": name, "machine": MACHINE, "metrics": metrics, "plan": measurement.plan.to_json()} | changes
    folder.write(samples.record(**values))
    save_history(measurement.history, folder.columns)
    return folder


def void(record: RunRecord, name: str) -> dict[str, Any]:
    """Return the metrics of a record with all figures of one void."""
    marks = {statistic: Void("not-alone", "Another ran.") for statistic in ("value", "p50", "p99")}
    return {**record.metrics, name: replace(record.metrics[name], void=marks)}


def test_the_command_line_offers_all_formats() -> None:
    assert tuple(EXPORTS) == EXPORT_FORMATS


def test_bencher_has_a_measure_for_each_metric(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    folder = kept(store)
    data = json.loads(export("bencher", store, folder))
    jsonschema.validate(data, BENCHER)
    latency = folder.read().metrics["latency"]
    (measures,) = data.values()
    assert measures["latency"] == {"value": latency.p50, "lower_value": latency.min, "upper_value": latency.p99}
    assert set(measures) == {"latency", "service-time", "reach", "deliveries-per-s"}


def test_custom_smaller_is_better_has_only_figures_of_which_less_is_better(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    rows = json.loads(export("customSmallerIsBetter", store, kept(store)))
    assert all(set(row) == {"name", "unit", "value", "extra"} for row in rows)
    assert [row["name"].partition(" ")[2] for row in rows] == ["Latency p50", "Latency p99", "Service time p50"]
    assert all(isinstance(row["value"], float) for row in rows)


def test_pytest_benchmark_compares_the_exported_samples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = RunStore(tmp_path)
    folder = kept(store)
    file = tmp_path / "exported.json"
    file.write_text(export("pytest-benchmark", store, folder), encoding="utf-8")
    data = json.loads(file.read_text(encoding="utf-8"))
    by_name = {row["group"]: row["stats"] for row in data["benchmarks"]}
    latency = folder.read().metrics["latency"]
    assert latency.min is not None
    assert by_name["latency"]["rounds"] == latency.n
    assert by_name["latency"]["min"] == pytest.approx(latency.min / 1e9)
    assert set(by_name["latency"]) == {*Stats.fields, "iterations"}
    monkeypatch.setattr("sys.argv", ["pytest-benchmark", "compare", str(file)])
    pytest_benchmark.main()
    shown = capsys.readouterr()
    assert "latency[" in shown.out + shown.err


def test_otava_gets_the_whole_runs_of_one_machine(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    folder = kept(store, "a", started_utc="2026-11-01T00:00:00+00:00")
    kept(store, "b", started_utc="2026-11-02T00:00:00+00:00")
    kept(store, "c", machine=MACHINE | {"cpu": "Slow One"})
    kept(store, "d", complete=False)
    rows = list(csv.DictReader(io.StringIO(export("otava", store, folder))))
    assert [row["run"] for row in rows] == ["a", "b"]
    assert [row["branch"] for row in rows] == ["main", "main"]
    assert all(float(row["latency_p50"]) > 0 for row in rows)
    assert all(value for row in rows for value in row.values())


@pytest.mark.parametrize("name", EXPORTS)
def test_void_figures_are_left_out(name: str, tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    folder = kept(store)
    folder.write(folder.read().but(metrics=void(folder.read(), "latency"), trusted=False))
    text = export(name, store, folder).lower()
    assert "latency" not in text.replace("latency_ns", "")
    assert "service" in text


@pytest.mark.parametrize("name", EXPORTS)
def test_a_run_without_figures_cannot_be_exported(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = RunStore(tmp_path)
    folder = kept(store, metrics={})
    assert main(["export", folder.id, "--format", name, "--out", str(tmp_path)]) == 2
    assert "no valid figure" in capsys.readouterr().err


def test_export_writes_to_a_file_and_names_missing_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = kept(RunStore(tmp_path))
    file = tmp_path / "b.json"
    command = ["export", folder.id, "--out", str(tmp_path), "--output", str(file), "--format"]
    assert main([*command, "bencher"]) == 0
    assert json.loads(file.read_text(encoding="utf-8"))
    shutil.rmtree(folder.columns)
    assert main([*command, "pytest-benchmark"]) == 2
    assert "cannot read the raw samples" in capsys.readouterr().err


def benchmark_json(tmp_path: Path, data: Sequence[float] = (), **changes: Any) -> Path:
    """Write a result as pytest-benchmark does, with the raw data if `data` is given."""
    stats = Stats()
    stats.data = list(data or (0.002, 0.001, 0.004))
    row = {"name": "test_fan_out[100]", "fullname": "t.py::test_fan_out[100]", "group": None}
    row |= {"stats": stats.as_dict() | {"iterations": 1} | ({"data": list(data)} if data else {})}
    document = {
        "machine_info": {
            "node": "my-laptop",
            "machine": "x86_64",
            "system": "Linux",
            "python_implementation": "CPython",
            "python_version": "3.12.1",
            "cpu": {"brand_raw": "Quick One", "count": 4},
        },
        "commit_info": {"id": "abc123", "branch": "main", "dirty": False, "time": None},
        "benchmarks": [row],
        "datetime": "2026-11-20T10:00:00+00:00",
        "version": "5.3.1",
    }
    path = tmp_path / "result.json"
    path.write_text(json.dumps(document | changes), encoding="utf-8")
    return path


def test_a_result_of_pytest_benchmark_becomes_a_run_with_what_it_has(tmp_path: Path) -> None:
    record = imported_record(benchmark_json(tmp_path))
    (summary,) = record.metrics.values()
    assert list(record.metrics) == ["test_fan_out_100"]
    assert (summary.n, summary.value, summary.min, summary.max) == (3, 2e6, 1e6, 4e6)
    assert (summary.p90, summary.p99) == (None, None)
    assert (record.started_utc, record.git["branch"], record.git["sha"]) == (
        "2026-11-20T10:00:00+00:00",
        "main",
        "abc123",
    )
    assert record.verdict is Verdict.UNKNOWN
    assert "my-laptop" not in json.dumps(record.to_json())


def test_saved_data_of_pytest_benchmark_give_percentiles(tmp_path: Path) -> None:
    record = imported_record(benchmark_json(tmp_path, [number / 1000 for number in range(1, 101)]))
    assert record.metrics["test_fan_out_100"].p99 == pytest.approx(99e6)


def test_what_pytest_benchmark_does_not_know_stays_absent(tmp_path: Path) -> None:
    unknown = {"id": "unversioned", "branch": "(unknown)", "dirty": False}
    record = imported_record(benchmark_json(tmp_path, machine_info={}, commit_info=unknown))
    assert (record.git["branch"], record.git["sha"], record.machine) == (None, None, {})


def test_statistics_of_locust_become_a_run_with_what_they_have() -> None:
    record = imported_record(LOCUST)
    echo = record.metrics["ws_echo"]
    assert (echo.unit, echo.n, echo.p50, echo.mean, echo.p99) == ("ns", 1, 12e6, 12.5e6, 12e6)
    assert record.metrics["ws_join_x_failed"].value == 1.0
    assert record.metrics["aggregated_per_s"].better == "higher"
    assert record.started_utc == "2026-11-30T21:02:57+00:00"
    assert (record.git, record.machine, record.plan) == ({}, {}, {})


def test_statistics_without_a_history_have_the_time_of_their_file(tmp_path: Path) -> None:
    copy = tmp_path / "other_stats.csv"
    shutil.copy(LOCUST, copy)
    assert imported_record(copy).started_utc != imported_record(LOCUST).started_utc


def test_an_imported_run_is_listed_by_its_own_time_and_has_a_page(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    latest = store.new_run("bench", samples.GIT)
    latest.write(samples.record(id=latest.id))
    for file in (benchmark_json(tmp_path), LOCUST):
        assert main(["import", str(file), "--out", str(tmp_path)]) == 0
    imported = [run for run in store.runs() if run.id != latest.id]
    assert [run.read().command for run in imported] == ["import", "import"]
    assert imported[0].id.startswith("20261120T100000Z-main-abc123-")
    assert store.find("latest").id == latest.id
    for run in imported:
        jsonschema.validate(json.loads((run.path / "run.json").read_text()), load_schema("wsproof.run/2"))
        page = run.page.read_text(encoding="utf-8")
        assert "wsproof neither checked them nor the server" in page
        assert "wsproof import FILE" in page


def test_a_full_disk_is_named_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert main(["import", str(LOCUST), "--out", str(tmp_path)]) == 3
    error_output = capsys.readouterr().err
    assert "cannot write: No space left on device" in error_output
    assert "Traceback" not in error_output


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}",
        "[]",
        "a,b\n1,2\n",
        '{"datetime": "soon", "benchmarks": []}',
        "Type,Name,Request Count\nWS,x,many\n",
    ],
)
def test_another_file_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"neither the JSON|no measured values"):
        imported_record(path)
    with pytest.raises(UsageError, match="cannot read"):
        imported_record(tmp_path / "none")
