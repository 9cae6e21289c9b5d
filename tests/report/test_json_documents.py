"""Every document we write fits the schema we publish, whatever a server said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.samples import TARGET, caution, comparison, partly_void, record, suite_report, violation
from wsproof.errors import UsageError
from wsproof.model.finding import Anomaly, Finding, Level, Verdict
from wsproof.model.suite import CheckRun, Figure, NotRun, SuiteReport
from wsproof.report.formats.json_documents import SCHEMAS, check_document, load_schema, suite_report_of
from wsproof.report.store.atomic import dumps

EXAMPLES = Path(__file__).parents[2] / "reports" / "example"
ODD = st.text(st.characters(), max_size=30)


def validate(document: Any) -> None:
    """The document, as it would be read from its file, fits the schema that it names."""
    read = json.loads(dumps(document))
    jsonschema.Draft202012Validator(load_schema(read["schema"])).validate(read)


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_a_valid_schema_and_says_which_document_it_is_for(name: str) -> None:
    schema = load_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["schema"]["const"] == name


def test_a_schema_that_is_not_there_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"wsproof\.run/1"):
        load_schema("wsproof.run/9")


def test_figures_and_what_was_not_run_survive_the_document() -> None:
    row = CheckRun(
        "cost", "robustness", "t", Verdict.VALID, 1, 0.1, "", (Figure("exponent", 1.02), Figure("x", 3, "B")), "other"
    )
    report = SuiteReport(1, (row,), (), (NotRun("utf8-valid", "8.1", "valid UTF-8", "no time"),))
    document = check_document(TARGET, report)
    validate(document)
    assert suite_report_of(document) == report
    first_days = {k: v for k, v in document["checks_run"][0].items() if k not in ("measured", "cause")}
    older = {**document, "checks_run": [first_days]}
    del older["not_run"]
    assert suite_report_of(older).checks_run == (replace(row, measured=(), cause=""),)


def test_a_run_says_of_each_figure_whether_it_is_void_and_why() -> None:
    document = partly_void().to_json()
    validate(document)
    assert document["metrics"]["time_to_last"]["void"] == {}
    (reason,) = document["metrics"]["latency"]["void"].values()
    assert set(reason) == {"code", "reason", "without"}
    del reason["reason"]
    with pytest.raises(jsonschema.ValidationError):
        validate(document)


def test_what_several_schemas_define_is_the_same_in_all() -> None:
    schemas = [load_schema(name) for name in SCHEMAS]
    for word in ("finding", "caution"):
        definitions = [schema["$defs"][word] for schema in schemas if word in schema["$defs"]]
        assert len(definitions) > 1
        assert all(definition == definitions[0] for definition in definitions)


def test_the_schemas_name_every_field_that_the_values_write() -> None:
    run, check, compare, *_ = (load_schema(name) for name in SCHEMAS)
    assert set(record().to_json()) == set(run["properties"])
    assert set(record().to_json()["metrics"]["latency"]) == set(run["$defs"]["summary"]["properties"])
    assert set(violation().to_json()) == set(run["$defs"]["finding"]["properties"])
    assert set(caution().to_json()) == set(run["$defs"]["caution"]["properties"])
    document = check_document(TARGET, suite_report())
    assert set(document) == set(check["properties"])
    assert set(document["checks_run"][0]) == set(check["$defs"]["check_run"]["properties"])
    assert set(Figure("x", 1.0).to_json()) == set(check["$defs"]["figure"]["properties"])
    assert set(NotRun("x", "1", "t", "why").to_json()) == set(check["$defs"]["not_run"]["properties"])
    assert set(comparison().to_json()) == set(compare["properties"])
    assert set(comparison().to_json()["metrics"][0]) == set(compare["$defs"]["metric"]["properties"])


def test_the_schema_knows_every_anomaly_and_level() -> None:
    finding = load_schema("wsproof.check/1")["$defs"]["finding"]["properties"]
    assert set(finding["anomaly"]["enum"]) == set(Anomaly)
    assert set(finding["level"]["enum"]) == set(Level)


def findings() -> st.SearchStrategy[Finding]:
    """Findings in which a server had its say."""
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
def test_documents_with_anything_in_their_findings_fit_their_schemas(found: list[Finding], strict: bool) -> None:
    document = check_document(TARGET | {"said": "\ud800\x00"}, suite_report(*found), strict)
    validate(document)
    validate(record(findings=tuple(found), warnings=(caution(),), parts={"check": document}).to_json())
    validate(comparison(findings=tuple(found), warnings=(caution(),)).to_json())


@pytest.mark.parametrize(
    "spoil",
    [{"verdict": "fine"}, {"findings": [{"check": "x"}]}, {"checks_run": None}, {"schema": "wsproof.check/2"}],
)
def test_a_spoilt_document_does_not_fit(spoil: dict[str, Any]) -> None:
    document = check_document(TARGET, suite_report()) | spoil
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(load_schema("wsproof.check/1")).validate(document)


def test_an_accepted_deviation_is_listed_with_its_reason_and_no_longer_counts() -> None:
    finding = violation()
    assert check_document(TARGET, suite_report_valid(finding))["verdict"] == "invalid"
    document = check_document(TARGET, suite_report_valid(replace(finding, accepted="known")))
    assert document["verdict"] == "valid"
    assert document["findings"][0]["accepted"] == "known"


def test_only_strict_counts_what_is_not_strict() -> None:
    report = suite_report_valid(violation(level=Level.NON_STRICT))
    assert check_document(TARGET, report, strict=False)["verdict"] == "valid"
    assert check_document(TARGET, report, strict=True)["verdict"] == "invalid"


def test_every_committed_example_fits_its_schema() -> None:
    documents = [path for name in ("run.json", "compare.json", "check.json") for path in EXAMPLES.rglob(name)]
    assert documents or not EXAMPLES.exists()
    for path in documents:
        validate(json.loads(path.read_text(encoding="utf-8")))
    for path in EXAMPLES.rglob("findings/*.json"):
        Finding.from_json(json.loads(path.read_text(encoding="utf-8")))


def suite_report_valid(*found: Finding) -> Any:
    """A report in which no check is unknown."""
    report = suite_report()
    return type(report)(report.seed, report.checks_run, found)
