"""Tests of exit codes: a violation takes precedence over an unknown result."""

from __future__ import annotations

import pytest

from wsproof import RunRecord, Verdict
from wsproof.cli import main
from wsproof.cli.exit_codes import exit_code_of, exit_code_of_comparison, exit_code_of_load
from wsproof.errors import ExitCode
from wsproof.model.comparison import Judgement
from wsproof.model.load_summary import LoadFailure, LoadSummary, WorkloadLoad
from wsproof.model.summary import TrustWarning


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
def test_the_exit_code_follows_verdict_and_objectives(
    verdict: Verdict, met: list[bool | None], expected: ExitCode
) -> None:
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
def test_void_figures_have_exit_code_3_only_if_the_user_asked_for_them(
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
def test_a_closed_output_pipe_does_not_hide_a_bad_verdict(
    verb: str, code: ExitCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_command(_: object) -> int:
        raise BrokenPipeError

    monkeypatch.setattr(f"wsproof.cli.{verb}.run_command", run_command)
    monkeypatch.setattr("os.dup2", lambda *_: None)
    assert main([verb]) == code


VOID = TrustWarning("unsent", "Some were not sent.", "Send fewer.", True, ("latency",))
TAIL = TrustWarning("schedule-slip", "Some were late.", "Send fewer.", True, ("latency.p99",))


@pytest.mark.parametrize(
    ("warnings", "errors", "expected"),
    [
        ((), (), ExitCode.OK),
        ((TAIL,), (), ExitCode.OK),
        ((VOID,), (), ExitCode.CANNOT_TELL),
        ((), ("ConnectionError('with close code 1012')",), ExitCode.FAILED),
        ((VOID,), ("ConnectionError('with close code 1012')",), ExitCode.FAILED),
        ((), ("GeneratorFrozen('for 3 s')",), ExitCode.CANNOT_TELL),
    ],
)
def test_a_load_that_failed_or_differed_from_its_plan_is_no_success(
    warnings: tuple[TrustWarning, ...], errors: tuple[str, ...], expected: ExitCode
) -> None:
    room = WorkloadLoad("chat", users=2, verdict=Verdict.VALID, warnings=warnings)
    failed = tuple(LoadFailure("chat: connection", error, 20) for error in errors)
    load = LoadSummary((room,), 9, len(failed), failed)
    record = RunRecord("r", "load", "now", verdict=load.verdict, trusted=load.trusted, load=load)
    assert exit_code_of_load(record) is expected
    assert RunRecord.from_json(record.to_json()).load == load
