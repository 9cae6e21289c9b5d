"""Tests that each document fits its published schema, whatever the server sent."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.samples import (
    TARGET,
    caution,
    comparison,
    faults,
    measurement,
    partly_void,
    record,
    storm,
    suite_report,
    summary,
    violation,
)
from wsproof import Finding, Level, RunRecord, UsageError, Verdict
from wsproof.model.bench_record import GeneratorSetup, MixedLoad, ObjectiveOutcome, SecondMeasurement
from wsproof.model.capacity import CapacityRecord, LevelOutcome, LevelRecord, SearchLimits, SearchObjective
from wsproof.model.finding import Anomaly
from wsproof.model.former_names import FORMER_ANOMALIES
from wsproof.model.load_summary import LoadSummary, WorkloadLoad
from wsproof.model.schemas import CHECK_SCHEMA, OLD_RUN_SCHEMA, RUN_SCHEMA
from wsproof.model.suite import CheckRun, Figure, NotRun, SuiteReport
from wsproof.report.charts.series import series_of
from wsproof.report.formats.json_documents import SCHEMAS, load_schema
from wsproof.report.store.atomic import dumps

EXAMPLES = Path(__file__).parents[2] / "reports" / "example"
ODD = st.text(st.characters(), max_size=30)


def validate(document: Any) -> None:
    """Check that the document, as read from its file, fits the schema that it names."""
    read = json.loads(dumps(document))
    jsonschema.Draft202012Validator(load_schema(read["schema"])).validate(read)


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_a_valid_schema_and_says_which_document_it_is_for(name: str) -> None:
    schema = load_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["schema"]["const"] == name


def test_a_missing_schema_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"wsproof\.run/2"):
        load_schema("wsproof.run/9")


def test_figures_and_checks_not_run_survive_the_document() -> None:
    row = CheckRun(
        "cost", "robustness", "t", Verdict.VALID, 1, 0.1, "", (Figure("exponent", 1.02), Figure("x", 3, "B")), "other"
    )
    report = SuiteReport(1, (row,), (), (NotRun("utf8-valid", "8.1", "valid UTF-8", "no time"),))
    document = report.to_json()
    validate(document)
    assert SuiteReport.from_json(document) == report
    first_days = {k: v for k, v in document["checks_run"][0].items() if k not in ("measured", "cause")}
    older = {**document, "checks_run": [first_days]}
    del older["not_run"]
    assert SuiteReport.from_json(older).checks_run == (replace(row, measured=(), cause=""),)


def test_a_run_marks_each_void_figure_with_the_reason() -> None:
    document = partly_void().to_json()
    validate(document)
    assert document["metrics"]["time_to_last"]["void"] == {}
    (reason,) = document["metrics"]["latency"]["void"].values()
    assert set(reason) == {"code", "reason", "without"}
    del reason["reason"]
    with pytest.raises(jsonschema.ValidationError):
        validate(document)


def test_shared_definitions_are_the_same_in_all_schemas() -> None:
    current = [load_schema(name) for name in SCHEMAS if name != OLD_RUN_SCHEMA]
    definitions: dict[str, list[Any]] = {}
    for schema in current:
        for word, definition in schema["$defs"].items():
            definitions.setdefault(word, []).append(definition)
    shared = {word: found for word, found in definitions.items() if len(found) > 1}
    assert {"finding", "caution", "check_run", "not_run", "figure"} <= set(shared)
    for found in shared.values():
        assert all(definition == found[0] for definition in found)


def test_the_check_in_a_record_is_the_check_document_without_the_fields_of_the_record() -> None:
    run, check = load_schema(RUN_SCHEMA), load_schema(CHECK_SCHEMA)
    own = run["$defs"]["check"]["properties"]
    assert set(check["properties"]) - set(own) == {"schema", "target", "findings"}
    assert all(check["properties"][name] == own[name] for name in own)


def full_record() -> RunRecord:
    """Return a record with every field that any command sets."""
    return record(
        check=suite_report(),
        measured_findings=(violation(),),
        objectives=(ObjectiveOutcome("lost == 0", True, 0.0, "met: lost == 0"),),
        generator=GeneratorSetup(2, True, (1,), "uvloop"),
        measured_again=SecondMeasurement(("schedule-slip",), "second"),
        mix=MixedLoad("echo with 10 subscribers", 12.5),
        series=series_of(measurement(4, 4)),
        load=LoadSummary((WorkloadLoad("chat", 5, 2.0, 20, Verdict.VALID, {"latency": summary()}, (caution(),)),)),
        capacity=CapacityRecord(
            "rate",
            (SearchObjective("lost == 0", "lost", "count", 0.0),),
            SearchLimits(1, 100, 0.4, 40),
            {},
            0.95,
            (LevelRecord(10.0, LevelOutcome.MET, ("met: lost == 0",), (None,), {"latency": summary()}),),
        ),
        faults=faults(),
        reconnect_storm=storm(),
        server_log="server.log",
    )


def test_a_record_with_everything_fits_its_schema_and_the_schema_names_every_part() -> None:
    document = full_record().to_json()
    validate(document)
    definitions = load_schema(RUN_SCHEMA)["$defs"]
    for name in (
        "check",
        "generator",
        "measured_again",
        "mix",
        "series",
        "load",
        "capacity",
        "faults",
        "reconnect_storm",
    ):
        assert set(document[name]) == set(definitions[name]["properties"]), name
    assert set(document["objectives"][0]) == set(definitions["objective"]["properties"])
    room = definitions["load"]["properties"]["rooms"]["items"]["properties"]
    assert set(document["load"]["rooms"][0]) == set(room)
    assert RunRecord.from_json(document).to_json() == document


def test_the_schemas_name_every_field_that_the_values_write() -> None:
    run, check, compare, *_ = (load_schema(name) for name in SCHEMAS)
    assert set(record().to_json()) == set(run["properties"])
    assert set(record().to_json()["metrics"]["latency"]) == set(run["$defs"]["summary"]["properties"])
    assert set(violation().to_json()) == set(run["$defs"]["finding"]["properties"])
    assert set(caution().to_json()) == set(run["$defs"]["caution"]["properties"])
    document = suite_report().to_json()
    assert set(document) == set(check["properties"])
    assert set(document["checks_run"][0]) == set(check["$defs"]["check_run"]["properties"])
    assert set(Figure("x", 1.0).to_json()) == set(check["$defs"]["figure"]["properties"])
    assert set(NotRun("x", "1", "t", "why").to_json()) == set(check["$defs"]["not_run"]["properties"])
    assert set(comparison().to_json()) == set(compare["properties"])
    assert set(comparison().to_json()["metrics"][0]) == set(compare["$defs"]["metric"]["properties"])


def test_the_schema_knows_every_anomaly_and_level() -> None:
    finding = load_schema("wsproof.check/1")["$defs"]["finding"]["properties"]
    assert set(finding["anomaly"]["enum"]) == {*Anomaly, *FORMER_ANOMALIES}
    assert set(finding["level"]["enum"]) == set(Level)


def findings() -> st.SearchStrategy[Finding]:
    """Draw findings that contain text from the server."""
    return st.builds(
        Finding,
        check=ODD.filter(bool),
        section=ODD,
        anomaly=st.sampled_from(Anomaly),
        level=st.sampled_from(Level),
        explanation=ODD,
        witness=st.lists(ODD, max_size=3).map(tuple),
        replay=st.none() | ODD,
        recipe=st.none() | st.dictionaries(ODD, ODD | st.floats() | st.integers(), max_size=3),
        accepted=st.none() | ODD,
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(findings(), max_size=3), st.booleans())
def test_documents_with_anything_in_their_findings_fit_their_schemas(drawn: list[Finding], strict: bool) -> None:
    report = suite_report(*drawn).but(target=TARGET | {"said": "\ud800\x00"}, strict=strict)
    validate(report.to_json())
    validate(record(findings=tuple(drawn), warnings=(caution(),), check=report).to_json())
    validate(comparison(findings=tuple(drawn), warnings=(caution(),)).to_json())


@pytest.mark.parametrize(
    "spoil",
    [{"verdict": "fine"}, {"findings": [{"check": "x"}]}, {"checks_run": None}, {"schema": "wsproof.check/2"}],
)
def test_an_invalid_document_does_not_fit_the_schema(spoil: dict[str, Any]) -> None:
    document = suite_report().to_json() | spoil
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(load_schema("wsproof.check/1")).validate(document)


def test_an_accepted_deviation_is_listed_with_its_reason_and_no_longer_counts() -> None:
    finding = violation()
    assert suite_report_valid(finding).to_json()["verdict"] == "invalid"
    document = suite_report_valid(replace(finding, accepted="known")).to_json()
    assert document["verdict"] == "valid"
    assert document["findings"][0]["accepted"] == "known"


def test_only_strict_counts_non_strict_findings() -> None:
    report = suite_report_valid(violation(level=Level.NON_STRICT))
    assert report.to_json()["verdict"] == "valid"
    assert report.but(strict=True).to_json()["verdict"] == "invalid"


def test_every_committed_example_fits_its_schema() -> None:
    documents = [path for name in ("run.json", "compare.json", "check.json") for path in EXAMPLES.rglob(name)]
    assert documents or not EXAMPLES.exists()
    for path in documents:
        validate(json.loads(path.read_text(encoding="utf-8")))
    for path in EXAMPLES.rglob("findings/*.json"):
        Finding.from_json(json.loads(path.read_text(encoding="utf-8")))


def suite_report_valid(*found: Finding) -> Any:
    """Return a report in which no check is unknown."""
    report = suite_report()
    return type(report)(report.seed, report.checks_run, found)
