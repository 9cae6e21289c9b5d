"""Tests of --budget: the default of 60 s, shared by the suites, counted from the start of the command."""

from __future__ import annotations

import time
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.faulty.unresponsive import unresponsive_server
from tests.report import samples
from wsproof import CheckOptions, RunRecord, Verdict, delivery
from wsproof.cli import main
from wsproof.cli.exit_codes import exit_code_of
from wsproof.cli.parser import parse_command
from wsproof.conformance import suite as rfc6455
from wsproof.errors import ExitCode
from wsproof.model.chapter import Chapter
from wsproof.model.suite import CheckRun, NotRun, SuiteReport
from wsproof.net.budget import Budget
from wsproof.report.closing import closing_sentences
from wsproof.report.formats.terminal import show_check
from wsproof.report.text.run import answers, verdict_sentence
from wsproof.session.context import CommandContext


def context(*words: str) -> CommandContext[CheckOptions]:
    return CommandContext(parse_command(["check", *words]).options)


def test_the_default_budget_of_a_check_is_60_seconds() -> None:
    assert context().budget.seconds == 60
    assert context("--budget", "2m").budget.seconds == 120
    assert context("--budget", "none").budget.seconds is None


def test_the_budget_counts_from_the_beginning_of_the_command() -> None:
    options = parse_command(["check", "--budget", "60"]).options
    assert CommandContext(options, began=time.monotonic() - 3600).budget.spent


def test_an_invalid_budget_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["check", "--budget", "soon"])
    assert refused.value.code == ExitCode.USAGE
    assert "duration" in capsys.readouterr().err


def test_a_server_that_never_answers_is_reported_as_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with unresponsive_server("silent") as server:
        url = f"ws://127.0.0.1:{server.endpoint.port}/"
        assert main(["check", url, "--budget", "600s", "--out", str(tmp_path)]) == ExitCode.USAGE
    output = capsys.readouterr()
    assert "sent nothing for 5" in output.err
    assert "budget" not in output.err


def test_a_budget_that_ends_during_the_first_handshake_leaves_the_result_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with unresponsive_server("silent") as server:
        url = f"ws://127.0.0.1:{server.endpoint.port}/"
        assert main(["check", url, "--budget", "2s", "--out", str(tmp_path)]) == ExitCode.CANNOT_TELL
    output = " ".join(capsys.readouterr().out.split())
    assert "sent nothing for 1" in output
    assert "try a longer --budget" in output


def test_the_protocol_suite_leaves_time_for_the_channels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    budgets: list[Budget] = []

    def run_suite(*arguments: object) -> SuiteReport:
        budgets.append(next(argument for argument in arguments if isinstance(argument, Budget)))
        return SuiteReport(0)

    monkeypatch.setattr(rfc6455, "run_suite", run_suite)
    monkeypatch.setattr(delivery, "run_suite", run_suite)
    with unresponsive_server("reads-on") as server:
        url = f"ws://127.0.0.1:{server.endpoint.port}/ws"
        main(["check", url, "--channels", "tutorial", "--budget", "1000s", "--out", str(tmp_path)])
        main(["check", url, "--budget", "1000s", "--out", str(tmp_path)])
    shared, whole, alone = budgets
    assert shared.remaining_s < 0.8 * whole.remaining_s
    assert "the protocol's share" in shared.reason
    assert alone.reason == whole.reason == "the budget of 1000 s is spent"


def summary_of_report(ran: int, late: int, not_here: int = 0) -> tuple[str, RunRecord]:
    """Return the terminal output for a report, and its record."""
    runs = (CheckRun("mask-any", "5.3", "masks", Verdict.VALID, 1, 0.1, chapter=Chapter.MASKING),) * ran
    left = [NotRun("rsv-zero", "5.2", "bits", Budget(60).reason, is_out_of_time=True)] * late
    left += [NotRun("deflate-final", "RFC 7692 7.2.3.4", "BFINAL", "not offered by the server")] * not_here
    report = SuiteReport(0, runs, not_run=tuple(left))
    paper = Console(file=StringIO(), width=200)
    show_check(paper, report)
    record = samples.record(command="check", metrics={}, verdict=report.verdict(), check=report)
    return paper.file.getvalue(), record  # type: ignore[attr-defined]


def test_checks_left_out_by_the_budget_are_counted_with_advice() -> None:
    text, record = summary_of_report(ran=3, late=2, not_here=4)
    assert "2 of 5 checks were not run within the budget: try --budget 5m, or --budget none." in text
    assert "VALID: all checked promises were kept" in text
    assert answers(record)[0].badge == "yes"
    assert exit_code_of(record.verdict) is ExitCode.OK


def test_without_a_check_out_of_time_the_budget_is_not_mentioned() -> None:
    assert "within the budget" not in summary_of_report(ran=1, late=0, not_here=4)[0]


def test_a_check_with_most_rules_out_of_time_is_unknown() -> None:
    text, record = summary_of_report(ran=1, late=2, not_here=4)
    sentence = "2 of 3 checks were not run within the budget: try --budget 5m, or --budget none."
    assert sentence in text
    assert "CANNOT TELL: most checks were not run within the budget" in text
    assert exit_code_of(record.verdict) is ExitCode.CANNOT_TELL
    assert verdict_sentence(record) == f"CANNOT TELL: {sentence}"
    assert (answers(record)[0].badge, answers(record)[0].sentence) == ("cannot tell", sentence)
    assert closing_sentences(record, Path())[0].endswith(f"is not fully known: {sentence}")
