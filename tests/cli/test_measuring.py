"""Tests of `bench`, its record, and the commands that read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.cli.shell import only_run, wsproof
from tests.forked import ROOT
from wsproof.report.formats.json_documents import load_schema

SMALL = ("--subscribers", "10", "--rate", "50", "--duration", "1", "--warmup", "0.2")


@pytest.fixture(scope="module")
def benched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one small bench in it, and what it has printed with `--json -`."""
    out = tmp_path_factory.mktemp("runs")
    result = wsproof("bench", *SMALL, "--out", str(out), "--json", "-", "--slo", "min(reach) == 1")
    # A busy machine may void figures. The command has no objective on one: only the deliveries count.
    assert result.code == 0, result
    (out / "printed.json").write_text(result.out, encoding="utf-8")
    return out


def test_every_delivery_is_in_the_record_and_the_record_fits_its_schema(benched: Path) -> None:
    record = only_run(benched)
    jsonschema.validate(record, load_schema("wsproof.run/2"))
    assert record["complete"] is True
    assert record["verdict"] == "valid"
    assert record["metrics"]["latency"]["n"] == 50 * 10
    assert record["metrics"]["reach"]["min"] == 1.0
    assert record["objectives"][0]["met"] is True


def test_the_page_of_the_run_is_one_file_that_loads_nothing(benched: Path) -> None:
    page = next((benched / "runs").glob("*/page.html")).read_text(encoding="utf-8")
    assert "Latency" in page
    for word in ("<script src", '<link rel="stylesheet" href="http', '<img src="http'):
        assert word not in page


def test_report_writes_the_page_again_and_an_index(benched: Path) -> None:
    assert wsproof("report", "latest", "--out", str(benched)).out.strip().endswith("page.html")
    result = wsproof("report", "--out", str(benched))
    index = Path(result.out.strip())
    assert only_run(benched)["id"] in index.read_text(encoding="utf-8")


def test_two_stored_runs_are_shown_side_by_side_without_a_verdict(benched: Path, tmp_path: Path) -> None:
    copy = tmp_path / "compare.json"
    result = wsproof("compare", "latest", "latest", "--out", str(benched), "--json", str(copy))
    assert result.code == 0, result
    document: dict[str, Any] = json.loads(copy.read_text(encoding="utf-8"))
    jsonschema.validate(document, load_schema("wsproof.compare/1"))
    assert document["verdict"] == "unpaired"
    assert {metric["verdict"] for metric in document["metrics"]} == {"unpaired"}


def test_json_to_standard_output_is_the_record_and_nothing_else(benched: Path) -> None:
    assert json.loads((benched / "printed.json").read_text(encoding="utf-8")) == only_run(benched)


def test_a_missed_objective_fails(tmp_path: Path) -> None:
    result = wsproof("bench", *SMALL, "--out", str(tmp_path), "--slo", "min(latency) < 1ns")
    record = only_run(tmp_path)
    # Other load on the machine may void the figure, and then the result is unknown.
    void = "min" in record["metrics"]["latency"]["void"]
    assert result.code == (3 if void else 1), result
    assert ("cannot tell" if void else "missed") in result.out


@pytest.mark.slow
def test_every_output_marks_the_figures_of_a_closed_loop(tmp_path: Path) -> None:
    words = ("--closed", "--in-flight", "4", "--loop", "asyncio", "--slo", "p99(latency) < 9s")
    result = wsproof("bench", *SMALL, *words, "--out", str(tmp_path))
    assert result.code == 3, result  # no latency can be compared with the objective
    record = only_run(tmp_path)
    jsonschema.validate(record, load_schema("wsproof.run/2"))
    assert (record["plan"]["loop"], record["plan"]["in_flight"]) == ("closed", 4)
    assert record["metrics"]["latency"]["n"] == 0
    assert record["generator"]["loop"] == "asyncio"
    page = next((tmp_path / "runs").glob("*/page.html")).read_text(encoding="utf-8")
    assert "closed loop, 4 in flight per publisher" in page
    assert "--closed --in-flight 4" in page
    assert "--loop asyncio" in page
    if record["metrics"]["service_time"]["n"] >= 10:  # a machine that stalled for a second leaves nothing to plot
        assert "Service time by percentile" in page


@pytest.mark.parametrize("what", ["targets", "servers", "workloads", "checks", "metrics", "runs"])
def test_list_shows_all_existing_entries(what: str, tmp_path: Path) -> None:
    result = wsproof("list", what, "--out", str(tmp_path))
    assert result.code == 0, result
    assert what in result.out


def test_the_committed_example_fits_its_schemas() -> None:
    examples = list((ROOT / "reports" / "example").rglob("*.json"))
    assert examples
    for path in examples:
        document = json.loads(path.read_text(encoding="utf-8"))
        if "schema" in document:
            jsonschema.validate(document, load_schema(document["schema"]))
