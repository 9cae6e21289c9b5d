"""Tests of summaries for a pull request."""

from __future__ import annotations

import pytest

from tests.report import samples
from tests.report.samples import HOSTILE, violation
from wsproof.model.finding import observed
from wsproof.report.formats.markdown import MOST_FINDINGS, comparison_markdown, run_markdown


def test_the_summary_of_a_run_has_answers_figures_and_findings() -> None:
    text = run_markdown(samples.record(findings=(violation(), samples.deviation()), warnings=(samples.caution(),)))
    assert "| Latency | 1.84 ms | 8.28 ms | 16.6 ms | 20,000 |" in text
    assert "```text\n2 -> BINARY 00 ff" in text
    assert "1 accepted deviation" in text
    assert "**untrusted**: The generator used 93 %" in text


def test_a_void_figure_is_marked_in_its_row() -> None:
    text = run_markdown(samples.partly_void())
    assert "| Latency | 1.84 ms | 8.28 ms ? | 16.6 ms | 20,000 |" in text
    assert "- **void**: Messages were sent late, not caused by the server. Wait." in text
    assert "These figures are void, the others stand: latency p99." in text


def test_the_summary_of_a_comparison_has_a_row_per_metric() -> None:
    text = comparison_markdown(samples.comparison())
    assert "| **Latency p50** | 1.84 ms | 2.31 ms | +25.5 % | +21.0 % … +30.0 % | ✗ worse |" in text
    assert "could have shown is 14 %" in text


def test_a_long_list_of_findings_is_cut_with_a_note() -> None:
    text = run_markdown(samples.record(findings=tuple(violation(check=f"c{i}") for i in range(30))))
    assert text.count("```text") == MOST_FINDINGS
    assert "and 20 more" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_adds_no_markup(text: str) -> None:
    markdown = run_markdown(samples.record(findings=(violation(explanation=text, witness=(text,), check=text),)))
    markdown.encode()
    outside = markdown.split("```")[::2]
    assert not any("<script" in part.replace("\\<", "") or "<img" in part.replace("\\<", "") for part in outside)


def test_unreproduced_findings_are_summarised_separately() -> None:
    text = run_markdown(samples.record(findings=(observed(violation(reproduced="0 of 3")),)))
    assert "### Findings" not in text
    assert "1 observation, not reproduced" in text
