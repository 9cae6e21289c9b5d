"""Tests of the terminal output: its lines, their order, and the escaping of server text."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.report import samples
from tests.report.samples import HOSTILE, suite_report, violation
from wsproof import Level, Verdict
from wsproof.model.bench_record import ObjectiveOutcome
from wsproof.model.comparison import Judgement
from wsproof.model.finding import Anomaly, observed
from wsproof.model.load_summary import LoadSummary, WorkloadLoad
from wsproof.model.suite import CheckRun, Figure, NotRun, SuiteReport
from wsproof.model.summary import Summary, Void
from wsproof.report.formats.terminal import show_check, show_comparison, show_finding, show_load, show_run
from wsproof.report.store.run_dir import RunDir


class Paper:
    """A console that records its output."""

    def __init__(self, terminal: bool = False, width: int = 120) -> None:
        self.file = io.StringIO()
        self.console = Console(file=self.file, width=width, force_terminal=terminal, highlight=False)

    @property
    def text(self) -> str:
        return self.file.getvalue()


@pytest.fixture
def paper() -> Paper:
    return Paper()


def test_findings_are_in_the_order_of_severity_with_accepted_ones_in_a_separate_block(paper: Paper) -> None:
    findings = (samples.deviation(), samples.non_strict(), violation())
    show_check(paper.console, samples.suite_report(*findings))
    lines = [
        paper.text.index(word) for word in ("VIOLATION", "NON-STRICT", "Accepted deviations", "INVALID: 1 violation")
    ]
    assert lines == sorted(lines)
    assert "reason: the server library echoes" in paper.text
    assert "3 <- nothing for 5.0 s" in paper.text
    assert "reproduced: 3 of 3" in paper.text


def test_without_rows_only_findings_and_verdict_are_shown(paper: Paper) -> None:
    report = samples.suite_report(violation())
    show_check(paper.console, report, has_rows=False)
    assert report.checks_run[0].title not in paper.text
    assert "VIOLATION" in paper.text
    assert "INVALID: 1 violation" in paper.text


def test_a_report_and_its_document_are_shown_alike() -> None:
    from_report, from_document = Paper(), Paper()
    report = samples.suite_report(violation(replay="wsproof replay x.json"))
    show_check(from_report.console, report)
    show_check(from_document.console, SuiteReport.from_json(report.to_json()))
    assert from_report.text == from_document.text
    assert "replay: wsproof replay x.json" in from_report.text


def test_each_check_has_a_line_with_its_verdict_and_why_it_is_unknown(paper: Paper) -> None:
    show_check(paper.console, samples.suite_report(violation()))
    assert re.search(r"\? unknown +dashboard +Ticks.*nothing was received", paper.text)
    assert re.search(r"✗ invalid +chat +A binary frame", paper.text)
    assert re.search(r"✓ valid +4.2 +An upgrade", paper.text)


def test_measured_figures_and_checks_not_run_are_shown(paper: Paper) -> None:
    row = CheckRun("cost", "robustness", "costs", Verdict.VALID, 1, 0.1, "", (Figure("exponent", 1.02),))
    left = NotRun("utf8-valid", "8.1", "valid UTF-8", "the budget is spent")
    show_check(paper.console, SuiteReport(1, (row,), (), (left,)))
    assert "exponent 1.02" in paper.text
    assert "not run   utf8-valid: the budget is spent" in paper.text
    assert "1 check, 1 not run" in paper.text


def test_a_check_without_a_run_is_unknown(paper: Paper) -> None:
    show_check(paper.console, SuiteReport(1))
    assert "CANNOT TELL" in paper.text


def test_strict_counts_non_strict_findings() -> None:
    report = SuiteReport(1, samples.suite_report().checks_run, (samples.non_strict(),))
    lax, strict = Paper(), Paper()
    show_check(lax.console, report)
    show_check(strict.console, report.but(strict=True))
    assert "VALID: all checked promises" in lax.text
    assert "INVALID: 1 violation" in strict.text


def test_information_is_shown_briefly(paper: Paper) -> None:
    show_check(
        paper.console, samples.suite_report(violation(level=Level.INFORMATIONAL, replay="wsproof replay x.json"))
    )
    assert violation().explanation in paper.text
    assert "replay: wsproof replay x.json" in paper.text
    assert "BINARY 00 ff" not in paper.text


def test_an_unknown_result_is_not_called_a_violation(paper: Paper) -> None:
    show_finding(paper.console, violation(anomaly=Anomaly.UNKNOWN, level=Level.VIOLATION))
    assert "CANNOT TELL" in paper.text
    assert "VIOLATION" not in paper.text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_escaped_on_the_terminal(text: str) -> None:
    finding = violation(explanation=text, witness=(text,), section=text, check=text, source=text, accepted=None)
    known = violation(explanation=text, accepted=text)
    record = samples.record(findings=(finding, known), warnings=(samples.caution(message=text, advice=text),))
    paper = Paper(terminal=True)
    show_check(paper.console, SuiteReport(1, samples.suite_report().checks_run, (finding, known)))
    show_run(paper.console, record)
    show_comparison(paper.console, samples.comparison(findings=(finding,), base={"ref": text}))
    styles = re.compile(r"\x1b\[[0-9;]*m")
    assert styles.search(paper.text)
    plain = styles.sub("", paper.text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", plain)
    assert "\x1b[31mred" not in paper.text
    assert "[red]markup[/red]" in plain or "[red]" not in text


def test_without_a_terminal_there_is_no_colour(paper: Paper) -> None:
    show_run(paper.console, samples.record(findings=(violation(),), verdict=Verdict.INVALID))
    assert "\x1b" not in paper.text


def test_a_run_shows_figures_in_readable_units_and_the_path_of_its_page(paper: Paper, tmp_path: Path) -> None:
    show_run(paper.console, samples.record(), RunDir(tmp_path))
    row = next(line for line in paper.text.splitlines() if line.startswith("Latency"))
    assert row.split()[1:] == ["1.84", "ms", "3.68", "ms", "8.28", "ms", "12.9", "ms", "16.6", "ms", "20,000"]
    assert "2,000/s" in paper.text
    assert "VALID and trusted" in paper.text
    assert str(tmp_path / "page.html") in paper.text


def test_a_metric_without_samples_takes_no_row(paper: Paper) -> None:
    show_run(paper.console, samples.record(metrics={"latency": Summary("ns", "lower", 0, None)}))
    assert "Latency" not in paper.text


def test_an_untrusted_run_is_reported_with_cause_and_advice(paper: Paper) -> None:
    show_run(paper.console, samples.record(trusted=False, warnings=(samples.caution(),)))
    assert "NOT trusted" in paper.text
    assert "untrusted: The generator used 93 %" in paper.text
    assert "try: Use --processes 2" in paper.text
    assert "VALID and trusted" not in paper.text


def test_only_void_figures_are_marked(paper: Paper) -> None:
    show_run(paper.console, samples.partly_void())
    row = next(line for line in paper.text.splitlines() if line.startswith("Latency"))
    assert row.split()[1:] == ["1.84", "ms", "3.68", "ms", "8.28", "ms", "?", "12.9", "ms", "16.6", "ms", "20,000"]
    assert "void: Messages were sent late, not caused by the server." in paper.text
    assert "? = void. These figures are void, the others stand: latency p99." in paper.text
    assert "VALID: no promise was broken. 1 figure marked as void; the others stand." in paper.text
    assert "NOT trusted" not in paper.text


def test_a_row_of_void_figures_is_not_broken_in_two() -> None:
    paper = Paper(width=80)
    void = dict.fromkeys(
        ("value", "p50", "p90", "p99", "p999", "max"), Void("concurrent-measurement", "Another one ran.")
    )
    metrics = {"server_cpu_per_delivery": replace(samples.summary("us", 23.4), void=void)}
    show_run(paper.console, samples.record(metrics=metrics, trusted=False))
    assert sum("Server CPU per delivery" in line for line in paper.text.splitlines()) == 1


def test_an_objective_with_a_void_figure_is_unknown(paper: Paper) -> None:
    outcome = ObjectiveOutcome("p99(latency) < 5ms", None, 8.28e6, "cannot tell: p99(latency) < 5ms")
    show_run(paper.console, samples.partly_void(objectives=(outcome,)))
    assert "CANNOT TELL: no promise was broken, but p99(latency) < 5ms could not be decided." in paper.text


def test_a_stored_run_that_ended_early_is_called_incomplete(paper: Paper, tmp_path: Path) -> None:
    show_run(paper.console, samples.record(complete=False), RunDir(tmp_path))
    assert "INCOMPLETE" in paper.text
    assert "VALID" not in paper.text


def test_a_run_that_is_shown_at_its_end_is_not_called_incomplete(paper: Paper) -> None:
    show_run(paper.console, samples.record(complete=False))
    assert "VALID and trusted" in paper.text


def test_objectives_are_shown_with_their_outcome(paper: Paper) -> None:
    outcome = ObjectiveOutcome("reach == 1", False, sentence="missed: reach == 1")
    show_run(paper.console, samples.record(objectives=(outcome,)))
    assert "✗ missed: reach == 1" in paper.text
    assert "OBJECTIVE MISSED: reach == 1" in paper.text


def test_findings_of_the_check_are_not_shown_twice(paper: Paper) -> None:
    lost = violation(check="lost", explanation="Under load, one was lost.", recipe=None)
    check = samples.suite_report(violation())
    record = samples.record(command="run", findings=(lost,), check=check, verdict=Verdict.INVALID)
    show_run(paper.console, record)
    assert violation().explanation not in paper.text
    assert lost.explanation in paper.text
    assert "INVALID: 2 violations" in paper.text


def test_a_load_is_shown_per_room(paper: Paper) -> None:
    metrics = {"latency": samples.summary(), "reach": samples.summary("0-1", 1.0)}
    chat = WorkloadLoad("chat", users=200, verdict=Verdict.VALID, metrics=metrics)
    show_load(paper.console, LoadSummary((chat,)))
    assert "load, chat: 200 users, latency p50 1.84 ms, p99 8.28 ms" in paper.text


@pytest.mark.parametrize(
    ("stamps", "whose"), [("kernel", "stamped by the kernel"), ("user", "load generator when it read")]
)
def test_a_load_names_the_clock_of_its_arrival_times(paper: Paper, stamps: str, whose: str) -> None:
    show_load(paper.console, LoadSummary((WorkloadLoad("chat", users=2, stamps=stamps),)))
    assert whose in paper.text


def test_a_comparison_shows_change_interval_and_verdict(paper: Paper) -> None:
    show_comparison(paper.console, samples.comparison())
    row = next(line for line in paper.text.splitlines() if line.startswith("Latency p50"))
    assert "+25.5 %" in row
    assert "+21.0 % … +30.0 %" in row
    assert "worse" in row
    assert "WORSE: Latency p50 +25.5 % (+21.0 % … +30.0 %). The same: " in paper.text
    assert "uncommitted changes" in paper.text


def test_an_unknown_comparison_shows_the_detectable_change_and_advice(paper: Paper) -> None:
    show_comparison(paper.console, samples.comparison(Judgement.CANNOT_TELL))
    assert "could have shown is 14 %; try --pairs 20" in paper.text
    assert "CANNOT TELL" in paper.text


def test_a_new_violation_outranks_all_figures(paper: Paper) -> None:
    show_comparison(paper.console, samples.comparison(findings=(violation(),)))
    assert "WORSE: the candidate breaks what the base keeps (1 new violation)" in paper.text


def test_unreproduced_findings_are_shown_separately_and_do_not_count(paper: Paper) -> None:
    show_check(paper.console, suite_report(observed(violation(reproduced="0 of 3"))))
    head, _, apart = paper.text.partition("Observations (not reproduced")
    assert "OBSERVATION" not in head
    assert "OBSERVATION" in apart
    assert "To settle it" in apart
    assert "INVALID" not in paper.text


@pytest.mark.parametrize(("command", "times"), [("bench", 1), ("run", 0)])
def test_the_sentence_on_trust_appears_once_in_a_whole_run(paper: Paper, command: str, times: int) -> None:
    show_run(paper.console, samples.record(command=command))
    assert paper.text.count("All figures can be trusted.") == times
