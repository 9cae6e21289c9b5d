"""Tests that records of older versions are read, shown, and written in the current version.

`old_records/` holds one record of wsproof.run/1 per command, as wsproof wrote it, with shorter lists. `first` is one of
the first records, without void figures and without the severity of a finding.
`current_run.json` is one of wsproof.run/2.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from wsproof import RunRecord
from wsproof.model.capacity import LevelOutcome, SearchEnding
from wsproof.model.schemas import OLD_RUN_SCHEMA, RUN_SCHEMA
from wsproof.report.formats.json_documents import load_schema
from wsproof.report.formats.page import run_page
from wsproof.report.formats.terminal import show_run

STORED = sorted((Path(__file__).parent / "old_records").glob("*.json"))
NAMES = [path.stem.removeprefix("run.1.") for path in STORED]


def stored(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(STORED[NAMES.index(name)].read_text(encoding="utf-8"))
    return data


def test_every_command_of_the_first_version_has_an_old_record() -> None:
    assert NAMES == ["bench", "capacity", "check", "first", "load", "mix"]


@pytest.mark.parametrize("name", NAMES)
def test_an_old_record_fits_its_schema_and_is_written_in_the_current_one(name: str) -> None:
    data = stored(name)
    assert data["schema"] == OLD_RUN_SCHEMA
    jsonschema.validate(data, load_schema(OLD_RUN_SCHEMA))
    record = RunRecord.from_json(data)
    written = json.loads(json.dumps(record.to_json()))
    jsonschema.validate(written, load_schema(written["schema"]))
    assert RunRecord.from_json(written).to_json() == written


@pytest.mark.parametrize("name", NAMES)
def test_an_old_record_keeps_its_content(name: str) -> None:
    data, record = stored(name), RunRecord.from_json(stored(name))
    for field in ("id", "command", "verdict", "trusted", "complete", "wall_s", "target", "plan", "git"):
        assert getattr(record, field) == data[field]
    assert {key: metric.value for key, metric in record.metrics.items()} == {
        key: metric["value"] for key, metric in data["metrics"].items()
    }
    assert sorted(metric.explanation for metric in record.findings) == sorted(
        row["explanation"] for row in data["findings"]
    )


@pytest.mark.parametrize("name", NAMES)
def test_an_old_record_is_shown(name: str) -> None:
    record = RunRecord.from_json(stored(name))
    assert record.started_utc in run_page(record)
    with Console(width=200).capture():
        show_run(Console(width=200, record=True), record)


def test_findings_stored_twice_in_an_old_record_are_read_once() -> None:
    data = stored("first")
    assert data["findings"]
    record = RunRecord.from_json(data)
    assert record.check is not None
    assert len(record.check.findings) == len(data["parts"]["check"]["findings"]) == len(data["findings"])
    assert record.measured_findings == ()


def test_a_finding_that_the_check_did_not_make_is_one_of_the_measurement() -> None:
    data = stored("first")
    lost = data["findings"][0] | {"check": "lost", "section": "chat", "explanation": "One was lost."}
    record = RunRecord.from_json(data | {"findings": [*data["findings"], lost]})
    assert [finding.check for finding in record.measured_findings] == ["lost"]


def test_the_parts_of_old_records_are_fields() -> None:
    bench = RunRecord.from_json(stored("bench"))
    assert [objective.met for objective in bench.objectives] == [True, True]
    assert bench.objectives[0].sentence.startswith("met: p50(latency) < 1s")
    assert bench.generator is not None
    assert bench.generator.processes == stored("bench")["parts"]["generator"]["processes"]
    assert bench.measured_again is not None
    assert bench.measured_again.kept == "second"
    assert bench.series is not None
    assert bench.series.deliveries["at_s"]
    assert bench.server_log == "server.log"
    capacity = RunRecord.from_json(stored("capacity")).capacity
    assert capacity is not None
    assert capacity.ending is SearchEnding.UNSETTLED
    assert capacity.search.max_runs == stored("capacity")["parts"]["capacity"]["search"]["most_trials"]
    assert [run.outcome for run in capacity.runs] == [
        LevelOutcome(run["outcome"]) for run in stored("capacity")["parts"]["capacity"]["trials"]
    ]
    load = RunRecord.from_json(stored("load")).load
    assert load is not None
    assert [room.workload for room in load.rooms] == [
        room["workload"] for room in stored("load")["parts"]["load"]["rooms"]
    ]
    mix = RunRecord.from_json(stored("mix")).mix
    assert mix is not None
    assert mix.beside.startswith("chat with")


def test_a_stored_record_of_the_current_version_is_read_and_shown() -> None:
    data = json.loads((Path(__file__).parent / "current_run.json").read_text(encoding="utf-8"))
    assert data["schema"] == RUN_SCHEMA
    jsonschema.validate(data, load_schema(RUN_SCHEMA))
    record = RunRecord.from_json(data)
    written = json.loads(json.dumps(record.to_json()))
    assert RunRecord.from_json(written) == record
    for name in ("id", "verdict", "target", "plan", "git", "machine", "series"):
        assert written[name] == data[name]
    assert record.metrics["latency"].p50 == data["metrics"]["latency"]["p50"]
    assert record.started_utc in run_page(record)
