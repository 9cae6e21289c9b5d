"""Tests of the annotations for GitHub Actions."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.report import samples
from tests.report.samples import HOSTILE, violation
from wsproof import Finding, Level, Verdict
from wsproof.model.bench_record import ObjectiveOutcome
from wsproof.model.comparison import Judgement
from wsproof.report.formats.github import (
    MOST,
    Place,
    comparison_annotations,
    finding_annotations,
    place_in,
    run_annotations,
)

WORKSPACE = Path("/srv/shop")
TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "/srv/shop/.venv/lib/python3.12/site-packages/fastapi/routing.py", line 866, in app',
    '  File "/srv/shop/chat/app.py", line 16, in chat',
    "    await client.send_text(text)",
    '  File "/usr/lib/python3.12/asyncio/tasks.py", line 3, in send',
)


def lines(*findings: Finding, **changes: Any) -> list[str]:
    """Return the annotations of a run with these findings."""
    return [str(each) for each in run_annotations(samples.record(findings=findings, **changes), WORKSPACE)]


def test_a_finding_is_an_error_at_the_line_of_the_app_that_raised() -> None:
    found = violation(explanation="a, b: 100 %\nlost", server_output=TRACEBACK, check="lost", section="chat")
    (line,) = lines(found)
    head, _, message = line.removeprefix("::").partition("::")
    assert head == "error file=chat/app.py,line=16,title=lost (chat%2C violation)"
    assert message.startswith("a, b: 100 %25%0Alost")


def test_a_finding_without_a_traceback_has_no_place() -> None:
    (line,) = lines(violation(server_output=("killed",)))
    assert line.startswith("::error title=")


@pytest.mark.parametrize("frames", [TRACEBACK[:2], TRACEBACK[-1:], ()])
def test_a_frame_of_an_installed_package_is_no_place(frames: tuple[str, ...]) -> None:
    assert place_in(frames, WORKSPACE) is None


def test_the_innermost_frame_of_the_app_is_the_place() -> None:
    outer = '  File "/srv/shop/main.py", line 1, in run'
    assert place_in((outer, *TRACEBACK), WORKSPACE) == Place("chat/app.py", 16)


def test_a_non_strict_finding_is_a_warning_and_an_informational_one_is_nothing() -> None:
    findings = (violation(level=Level.NON_STRICT), violation(level=Level.INFORMATIONAL), samples.deviation())
    assert [line.partition(" ")[0] for line in map(str, finding_annotations(findings, WORKSPACE))] == ["::warning"]
    strict = finding_annotations(findings, WORKSPACE, strict=True)
    assert [line.partition(" ")[0] for line in map(str, strict)] == ["::error"]


def test_objectives_that_were_missed_or_could_not_be_decided_are_annotated() -> None:
    objectives = (
        ObjectiveOutcome("lost == 0", True, 0.0, "met"),
        ObjectiveOutcome("p50(latency) < 5ms", False, 9e6, "missed: 9 ms"),
        ObjectiveOutcome("p99(latency) < 9ms", None, None, "cannot tell: void"),
    )
    assert lines(objectives=objectives) == [
        "::error title=objective p50(latency) < 5ms::missed: 9 ms",
        "::warning title=objective p99(latency) < 9ms::cannot tell: void",
    ]


def test_a_run_that_holds_prints_nothing_and_one_that_cannot_tell_says_so() -> None:
    assert lines() == []
    (line,) = lines(verdict=Verdict.UNKNOWN)
    assert line.startswith("::warning title=wsproof bench::CANNOT TELL")


def test_a_worse_comparison_is_an_error_and_the_same_is_nothing() -> None:
    worse = comparison_annotations(samples.comparison(), WORKSPACE)
    assert str(worse[0]).startswith("::error title=wsproof compare::WORSE: Latency p50")
    assert comparison_annotations(replace(samples.comparison(), verdict=Judgement.SAME, findings=()), WORKSPACE) == []


def test_github_shows_ten_of_a_level_so_no_more_are_printed() -> None:
    findings = tuple(violation(check=f"c{number}") for number in range(30))
    assert len(lines(*findings)) == MOST


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_a_server_cannot_begin_a_command_of_its_own(text: str) -> None:
    found = violation(explanation=f"{text}\n::set-output name=a::b\r::error::c", check=text)
    (line,) = lines(found)
    assert len(line.splitlines()) == 1
    assert line.startswith("::error title=")
    line.encode()


def test_check_prints_annotations_only_if_asked(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "async def app(scope, receive, send):\n"
        "    if scope['type'] == 'websocket':\n"
        "        await receive()\n"
        "        raise RuntimeError('broken')\n"
    )
    words = [sys.executable, "-m", "wsproof.cli", "check", "app:app", "--only", "opening-accepted", "--budget", "20"]
    plain, annotated = (
        subprocess.run([*words, *more], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
        for more in ((), ("--github",))
    )
    assert "::error" not in plain.stdout
    assert "::warning" not in plain.stdout
    shown = [line for line in annotated.stdout.splitlines() if line.startswith("::")]
    assert len(shown) >= 1, annotated.stdout + annotated.stderr
    assert annotated.returncode == plain.returncode != 0
