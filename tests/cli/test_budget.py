"""--budget: 60 s unless something else is asked for, shared between the suites, counted from the first moment."""

from __future__ import annotations

import time
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.faulty.difficult import difficult
from wsproof import delivery
from wsproof.cli import main
from wsproof.cli.parser import build_parser
from wsproof.conformance import suite as rfc6455
from wsproof.errors import ExitCode
from wsproof.model.suite import NotRun, SuiteReport
from wsproof.net.budget import Budget
from wsproof.report.formats.terminal import show_check
from wsproof.session.context import CommandContext


def stage(*words: str) -> CommandContext:
    return CommandContext(build_parser().parse_args(["check", *words]))


def test_a_check_has_sixty_seconds_unless_something_else_is_asked_for() -> None:
    assert stage().budget.seconds == 60
    assert stage("--budget", "2m").budget.seconds == 120
    assert stage("--budget", "none").budget.seconds is None


def test_the_budget_counts_from_the_beginning_of_the_command() -> None:
    arguments = build_parser().parse_args(["check", "--budget", "60"])
    arguments.began = time.monotonic() - 3600
    assert CommandContext(arguments).budget.spent


def test_a_budget_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["check", "--budget", "soon"])
    assert refused.value.code == ExitCode.USAGE
    assert "length of time" in capsys.readouterr().err


def test_a_server_that_never_answers_is_called_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with difficult("silent") as server:
        url = f"ws://127.0.0.1:{server.endpoint.port}/"
        assert main(["check", url, "--budget", "2s", "--out", str(tmp_path)]) == ExitCode.USAGE
    said = capsys.readouterr()
    assert "said nothing for 1" in said.err
    assert "budget" not in said.err


def test_the_protocol_leaves_the_channels_their_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    budgets: list[Budget] = []

    def run_suite(*arguments: object) -> SuiteReport:
        budgets.append(next(one for one in arguments if isinstance(one, Budget)))
        return SuiteReport(0)

    monkeypatch.setattr(rfc6455, "run_suite", run_suite)
    monkeypatch.setattr(delivery, "run_suite", run_suite)
    with difficult("reads-on") as server:
        url = f"ws://127.0.0.1:{server.endpoint.port}/ws"
        main(["check", url, "--channels", "tutorial", "--budget", "1000s", "--out", str(tmp_path)])
        main(["check", url, "--budget", "1000s", "--out", str(tmp_path)])
    shared, whole, alone = budgets
    assert shared.remaining_s < 0.8 * whole.remaining_s
    assert "the protocol's share" in shared.reason
    assert alone.reason == whole.reason == "the budget of 1000 s is spent"


def test_what_the_budget_left_out_comes_with_advice() -> None:
    paper = Console(file=StringIO(), width=200)
    left = NotRun("mask-any", "5.3", "masks", Budget(60).reason)
    show_check(paper, SuiteReport(0, not_run=(left,)))
    assert "More time: --budget 5m, or --budget none." in paper.file.getvalue()  # type: ignore[attr-defined]
