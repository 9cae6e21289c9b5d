"""From verdicts to exit codes: a violation outranks what cannot be told."""

from __future__ import annotations

import pytest

from wsproof.cli import main
from wsproof.cli.exit_codes import exit_code_of, exit_code_of_comparison
from wsproof.errors import ExitCode
from wsproof.model.comparison import Judgement
from wsproof.model.finding import Verdict


@pytest.mark.parametrize(
    ("verdict", "met", "expected"),
    [
        (Verdict.VALID, [], ExitCode.OK),
        (Verdict.VALID, [True], ExitCode.OK),
        (Verdict.VALID, [True, False], ExitCode.FAILED),
        (Verdict.VALID, [None, False], ExitCode.FAILED),
        (Verdict.VALID, [True, None], ExitCode.CANNOT_TELL),
        (Verdict.UNKNOWN, [], ExitCode.CANNOT_TELL),
        (Verdict.INVALID, [], ExitCode.FAILED),
        (Verdict.INVALID, [None], ExitCode.FAILED),
    ],
)
def test_the_table_of_exit_codes(verdict: Verdict, met: list[bool | None], expected: ExitCode) -> None:
    assert exit_code_of(verdict, objectives_met=met) is expected


@pytest.mark.parametrize(
    ("verdict", "met", "asked", "expected"),
    [
        (Verdict.VALID, [], False, ExitCode.OK),
        (Verdict.VALID, [], True, ExitCode.CANNOT_TELL),
        (Verdict.VALID, [True], False, ExitCode.OK),
        (Verdict.VALID, [True], True, ExitCode.CANNOT_TELL),
        (Verdict.VALID, [False], True, ExitCode.FAILED),
        (Verdict.INVALID, [], False, ExitCode.FAILED),
        (Verdict.INVALID, [None], True, ExitCode.FAILED),
    ],
)
def test_void_figures_end_with_3_only_where_they_were_asked_for(
    verdict: Verdict, met: list[bool | None], asked: bool, expected: ExitCode
) -> None:
    assert exit_code_of(verdict, objectives_met=met, void=True, strict_trust=asked) is expected


@pytest.mark.parametrize(
    ("judgement", "expected"),
    [
        (Judgement.SAME, ExitCode.OK),
        (Judgement.BETTER, ExitCode.OK),
        (Judgement.UNPAIRED, ExitCode.OK),
        (Judgement.CANNOT_TELL, ExitCode.CANNOT_TELL),
        (Judgement.WORSE, ExitCode.FAILED),
    ],
)
def test_a_comparison_fails_only_when_the_candidate_is_worse(judgement: Judgement, expected: ExitCode) -> None:
    assert exit_code_of_comparison(judgement) is expected


@pytest.mark.parametrize(("verb", "code"), [("check", ExitCode.CANNOT_TELL), ("list", ExitCode.OK)])
def test_a_reader_that_goes_away_makes_no_verdict_a_good_one(
    verb: str, code: ExitCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_command(_: object) -> int:
        raise BrokenPipeError

    monkeypatch.setattr(f"wsproof.cli.{verb}.run_command", run_command)
    monkeypatch.setattr("os.dup2", lambda *_: None)
    assert main([verb]) == code
