from __future__ import annotations

import json

import pytest

from wsproof import Comparison, Finding, Level, RunRecord, Verdict
from wsproof.model.bench_record import ChartSeries, GeneratorSetup, MixedLoad, ObjectiveOutcome, SecondMeasurement
from wsproof.model.capacity import (
    CapacityRecord,
    Interval,
    LevelOutcome,
    LevelRecord,
    SearchEnding,
    SearchLimits,
    SearchObjective,
)
from wsproof.model.comparison import Judgement, MetricComparison
from wsproof.model.finding import Anomaly
from wsproof.model.load_summary import LoadSummary, WorkloadLoad
from wsproof.model.plan import Plan
from wsproof.model.schemas import COMPARE_SCHEMA
from wsproof.model.suite import CheckRun, SuiteReport
from wsproof.model.summary import Summary, TrustWarning, Void

RECORD = RunRecord(
    id="20261122T100000Z-main-abc-1",
    command="bench",
    started_utc="2026-11-22T10:00:00+00:00",
    target={"kind": "reference"},
    git={"sha": "abc"},
    machine={"cores": 2},
    plan=Plan().to_json(),
    verdict=Verdict.VALID,
    trusted=True,
    metrics={
        "latency": Summary(
            "ns", "lower", 3, 2.0, mean=2.0, min=1.0, p50=2.0, max=3.0, void={"max": Void("late", "Late.", 2.5)}
        )
    },
    measured_findings=(Finding("x", "chat", Anomaly.LOST, Level.NON_STRICT, "y"),),
    warnings=(
        TrustWarning("schedule-slip", "Late.", "Wait.", True, ("latency.max",)),
        TrustWarning("few-samples", "Too few.", "More."),
    ),
    check=SuiteReport(
        7,
        (CheckRun("utf8-valid", "8.1", "valid UTF-8", Verdict.INVALID, 3, 0.5),),
        (Finding("utf8-valid", "8.1", Anomaly.PROTOCOL, Level.VIOLATION, "z"),),
        target={"kind": "reference"},
    ),
    objectives=(ObjectiveOutcome("lost == 0", True, 0.0, "met: lost == 0"),),
    generator=GeneratorSetup(2, True, (1,), "uvloop"),
    measured_again=SecondMeasurement(("schedule-slip",), "second"),
    mix=MixedLoad("echo with 10 subscribers", 12.5),
    series=ChartSeries(deliveries={"at_s": [0.5, None]}),
    load=LoadSummary((WorkloadLoad("chat", 5, 2.0, 20, Verdict.VALID, stamps="kernel"),), 40, 1),
    capacity=CapacityRecord(
        "rate",
        (SearchObjective("lost == 0", "lost", "count", 0.0),),
        SearchLimits(1, 100, 0.4, 40),
        Plan().to_json(),
        0.95,
        (LevelRecord(10.0, LevelOutcome.MET, ("met: lost == 0",), (0.0,)),),
        SearchEnding.FOUND,
        Interval(9.0, 10.0, 12.0),
        met=10.0,
    ),
    server_log="server.log",
    complete=True,
    wall_s=12.5,
)


def test_a_record_survives_json() -> None:
    assert RunRecord.from_json(json.loads(json.dumps(RECORD.to_json()))) == RECORD


def test_a_record_of_an_older_version_names_no_void_figures() -> None:
    data = json.loads(json.dumps(RECORD.to_json()))
    del data["metrics"]["latency"]["void"]
    for warning in data["warnings"]:
        del warning["figures"]
    old = RunRecord.from_json(data)
    assert old.metrics["latency"].void == {}
    assert [warning.figures for warning in old.warnings] == [(), ()]


def test_a_record_names_its_schema_and_an_unknown_schema_is_refused() -> None:
    data = RECORD.to_json()
    assert data["schema"] == "wsproof.run/2"
    with pytest.raises(ValueError, match=r"schema wsproof\.run/2, got 'wsproof\.run/9'"):
        RunRecord.from_json(data | {"schema": "wsproof.run/9"})
    with pytest.raises(ValueError, match="got None"):
        RunRecord.from_json({})


def test_a_new_record_is_unfinished_and_has_no_verdict_and_no_trust() -> None:
    fresh = RunRecord("1", "bench", "now")
    assert (fresh.complete, fresh.verdict, fresh.trusted) == (False, Verdict.UNKNOWN, False)
    assert fresh.but(complete=True).complete


def test_a_summary_stores_a_missing_number_as_null() -> None:
    data = Summary("ns", "lower", 0, None).to_json()
    assert data["p99"] is None
    assert set(data) >= {"unit", "better", "n", "value", "p50", "p90", "p99", "p999", "max"}
    assert Summary.from_json(data) == Summary("ns", "lower", 0, None)


def test_a_comparison_of_a_metric_survives_json() -> None:
    row = MetricComparison(
        "latency_p50",
        "ns",
        "lower",
        Judgement.WORSE,
        1.2,
        1.1,
        1.3,
        0.05,
        0.01,
        True,
        1.0,
        1.2,
        0.06,
        ((1.0, 1.2),),
        "n",
    )
    assert MetricComparison.from_json(json.loads(json.dumps(row.to_json()))) == row


def test_a_comparison_is_json_with_the_keys_of_its_schema() -> None:
    data = Comparison({"ref": "main"}, {"ref": "x"}, Judgement.SAME, ()).to_json()
    assert data["schema"] == COMPARE_SCHEMA
    assert set(data) >= {"schema", "verdict", "metrics", "findings", "warnings"}
    json.dumps(data)
