"""Tests of the five sentences at the end of a run."""

from __future__ import annotations

from pathlib import Path

from tests.report import samples
from wsproof import Finding, RunRecord, Verdict
from wsproof.model.load_summary import LoadSummary, WorkloadLoad
from wsproof.model.suite import SuiteReport
from wsproof.model.summary import Summary
from wsproof.report.closing import closing_sentences

PAGE = Path("reports/runs/1/page.html")


def a_run(*findings: Finding, record: RunRecord | None = None) -> tuple[str, ...]:
    record = record or samples.record()
    reach = Summary("0-1", "higher", 200, 1.0, mean=1.0, min=1.0, p50=1.0, max=1.0)
    record = record.but(metrics={**record.metrics, "reach": reach})
    full_run = record.but(command="run", check=samples.suite_report(*findings))
    if any(finding.verdict() is Verdict.INVALID for finding in findings):
        full_run = full_run.but(verdict=Verdict.INVALID)
    return closing_sentences(full_run, PAGE)


def test_a_valid_run_ends_with_five_sentences() -> None:
    assert a_run() == (
        "The server keeps the protocol in all of 2 checks.",
        "Every message arrived once and in order in 3 checks, and under load 100 % arrived (20,000 deliveries).",
        "Half of the messages reach the last of 100 within 4.2 ms, p99 18.9 ms, the slowest took 37.8 ms.",
        "All figures can be trusted.",
        f"The full report is {PAGE}",
    )


def test_known_deviations_are_counted_in_the_sentence_on_the_protocol() -> None:
    assert a_run(samples.deviation())[0] == (
        "The server keeps the protocol in all of 2 checks, apart from 1 known deviation."
    )


def test_a_violation_is_described_by_its_explanation() -> None:
    broken = samples.violation()
    delivery = a_run(broken)[1]
    assert delivery.startswith("The server does not deliver as promised (1 violation). The most severe: ")
    assert broken.explanation.rstrip(".") in delivery


def test_a_void_figure_is_reported_and_marked() -> None:
    sentences = a_run(record=samples.partly_void())
    assert sentences[3] == "These figures are void, the others stand: latency p99."


def test_each_sentence_is_one_line_with_any_text_of_the_server() -> None:
    assert all("\n" not in sentence for sentence in a_run(samples.violation(explanation="one\ntwo\n\nthree")))


def test_unchecked_suites_are_not_reported_as_passed() -> None:
    nothing = SuiteReport(7)
    protocol, delivery, *_ = closing_sentences(samples.record(command="run", check=nothing), PAGE)
    assert protocol == "The protocol was not checked."
    assert delivery.startswith("Under load ")
    protocol, delivery, *_ = closing_sentences(samples.record(command="run", metrics={}, check=nothing), PAGE)
    assert delivery == "Delivery was not checked."


def test_void_figures_of_the_load_are_reported_with_its_name() -> None:
    void = samples.partly_void().metrics
    load = LoadSummary((WorkloadLoad("chat", 5, 20.0, 100, Verdict.VALID, void, ()),))
    assert a_run(record=samples.record(load=load))[3] == (
        "These figures are void, the others stand: latency p99 of the load (chat)."
    )
