from __future__ import annotations

import pytest

from tests.comparison.blocks import finding, metrics
from wsproof import RunRecord, UsageError
from wsproof.comparison.runs import compare_runs
from wsproof.model.comparison import Judgement
from wsproof.model.finding import Anomaly
from wsproof.model.load_summary import LoadSummary, WorkloadLoad
from wsproof.model.plan import Plan
from wsproof.report.text.run import title_of


def run(latency_ms: float, **changes: object) -> RunRecord:
    record = RunRecord(
        id=f"run-{latency_ms:g}",
        command="bench",
        started_utc="2026-11-22T10:00:00+00:00",
        target={"server": "uvicorn"},
        git={"sha": "abc", "branch": "main"},
        machine={"cores": 2, "cpu": "x"},
        plan=Plan().to_json(),
        trusted=True,
        complete=True,
        metrics=metrics(latency_ms),
    )
    return record.but(**changes)


def test_stored_runs_are_shown_side_by_side_and_never_judged() -> None:
    comparison = compare_runs(run(10), run(50))
    assert comparison.verdict is Judgement.UNPAIRED
    assert {metric.verdict for metric in comparison.metrics} == {Judgement.UNPAIRED}
    first = comparison.metrics[0]
    assert (first.metric, first.p, first.ci_low) == ("latency_p50", None, None)
    assert first.ratio == pytest.approx(5)
    assert [warning.code for warning in comparison.warnings] == ["unpaired"]


def test_differences_in_the_circumstances_of_runs_are_listed() -> None:
    candidate = run(
        10, plan=Plan(subscribers=7).to_json(), target={"server": "hypercorn"}, machine={"cores": 64, "cpu": "x"}
    )
    warning = next(w for w in compare_runs(run(10), candidate).warnings if w.code == "circumstances")
    for difference in ("subscribers 100 and 7", "server uvicorn and hypercorn", "machine (cores)"):
        assert difference in warning.message


def test_untrusted_and_unfinished_runs_are_marked() -> None:
    codes = [w.code for w in compare_runs(run(10, trusted=False), run(10, complete=False)).warnings]
    assert codes == ["unpaired", "untrusted-base", "incomplete-candidate"]


def test_a_metric_that_only_one_run_has_has_no_ratio() -> None:
    without_latency = {name: summary for name, summary in metrics(10).items() if name != "latency"}
    comparison = compare_runs(run(10), run(10, metrics=without_latency))
    row = next(metric for metric in comparison.metrics if metric.metric == "latency_p50")
    assert (row.base, row.candidate, row.ratio) == (1e7, None, None)
    assert "feed_spread_p50" not in [metric.metric for metric in comparison.metrics]


def test_new_violations_are_shown() -> None:
    comparison = compare_runs(run(10), run(10, measured_findings=(finding(Anomaly.MESSAGE_AFTER_LEAVE),)))
    assert [violation.anomaly for violation in comparison.findings] == [Anomaly.MESSAGE_AFTER_LEAVE]


def load(*workloads: str, latency_ms: float = 10) -> LoadSummary:
    return LoadSummary(tuple(WorkloadLoad(name, users=2, metrics=metrics(latency_ms)) for name in workloads))


def test_two_loads_of_one_workload_are_compared() -> None:
    base, candidate = (run(ms, command="load", load=load("chat")) for ms in (10, 20))
    assert compare_runs(base, candidate).metrics[0].ratio == pytest.approx(2)


def test_loads_of_several_workloads_are_compared_workload_by_workload() -> None:
    base = run(1, command="load", load=load("chat", "echo"), metrics={})
    candidate = run(2, command="load", load=load("chat", "lobby", latency_ms=30), metrics={})
    rows = {row.metric: row.ratio for row in compare_runs(base, candidate).metrics}
    assert rows["chat: latency_p50"] == pytest.approx(3)
    assert rows["echo: latency_p50"] is None
    assert rows["lobby: latency_p50"] is None
    assert title_of("chat: latency_p50") == "chat: Latency p50"


def test_a_load_of_one_workload_is_compared_with_the_same_one_in_a_mix() -> None:
    mix = run(1, command="load", load=load("chat", "echo"), metrics={})
    single = run(2, command="load", load=load("chat", latency_ms=20))
    rows = {row.metric: row.ratio for row in compare_runs(mix, single).metrics}
    assert rows["chat: latency_p50"] == pytest.approx(2)


def test_loads_without_a_common_workload_are_refused() -> None:
    loads = [run(1, command="load", load=load(*names), metrics={}) for names in (("chat", "echo"), ("lobby", "game"))]
    with pytest.raises(UsageError, match="no figure in common"):
        compare_runs(*loads)


def test_runs_without_a_common_figure_are_refused() -> None:
    with pytest.raises(UsageError, match="no figure in common"):
        compare_runs(run(10), run(20, command="check", metrics={}))
