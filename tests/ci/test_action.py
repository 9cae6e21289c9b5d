"""Tests of action.yml: its schema, and each of its shell steps, run as GitHub's runner does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.ci.action_steps import ACTION, ROOT, STEPS, Runner
from tests.ci.schemas import errors_by_schema

APP = """
async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] == "websocket.receive":
        raise RuntimeError("the app has a fault")
"""


def test_the_action_follows_the_schema() -> None:
    assert errors_by_schema("vendor.github-actions", ROOT / "action.yml") == []


def test_no_script_contains_an_expression() -> None:
    """An expression in a script would let the text of a pull request run as a command."""
    assert [step["id"] for step in STEPS if "${{" in step.get("run", "")] == []


def test_every_input_is_used() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    assert [name for name in ACTION["inputs"] if f"inputs.{name}" not in text] == []


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({}, [f"{ROOT}"]),
        (
            {"extras": "locust,servers", "install": "-r 'my requirements.txt' ."},
            [f"{ROOT}[locust,servers]", "-r", "my requirements.txt", "."],
        ),
    ],
    ids=["wsproof alone", "extras and an app"],
)
def test_the_install_step_installs_the_checkout_of_the_action(
    tmp_path: Path, inputs: dict[str, str], expected: list[str]
) -> None:
    runner = Runner(tmp_path, inputs)
    runner.install("python", f'printf "%s\\n" "$@" > {tmp_path}/arguments')
    done = runner.run("install")
    assert done.returncode == 0, done.stderr
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments[:3] == ["-m", "pip", "install"]
    assert arguments[5:] == expected


def test_a_check_keeps_summary_exit_code_and_runs(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    runner = Runner(tmp_path, {"command": "check app:app --only 'opening-accepted' --budget 20"})
    done = runner.run("run")
    assert done.returncode == 0, "the step with the verdict fails the job, after summary, artifact and comment"
    assert runner.outputs["exit-code"] in ("0", "1", "3"), done.stdout + done.stderr
    assert runner.summary == Path(runner.outputs["summary"]).read_text(encoding="utf-8")
    assert runner.summary.startswith("## ")
    assert list((tmp_path / ".wsproof" / "runs").glob("*/run.json"))


def test_a_command_without_a_result_has_a_summary_too(tmp_path: Path) -> None:
    runner = Runner(tmp_path, {"command": "check --no-such-option"})
    done = runner.run("run")
    assert done.returncode == 0
    assert runner.outputs["exit-code"] == "2"
    assert runner.summary == "## wsproof check: exit code 2, no result\n"
    assert "--no-such-option" in done.stderr


def test_arguments_with_spaces_reach_the_command_as_they_are(tmp_path: Path) -> None:
    runner = Runner(tmp_path, {"command": "bench --slo 'p99(latency) < 100ms'", "comment-id": "load"})
    runner.install("wsproof", f'printf "%s\\n" "$@" > {tmp_path}/arguments; echo fine > {tmp_path}/load.md; exit 1')
    assert runner.run("run").returncode == 0
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments == ["bench", "--slo", "p99(latency) < 100ms", "--github", "--markdown", f"{tmp_path}/load.md"]
    assert runner.outputs == {"exit-code": "1", "summary": f"{tmp_path}/load.md"}


@pytest.mark.parametrize(
    ("code", "cannot_tell", "expected"),
    [("0", "warn", 0), ("1", "warn", 1), ("2", "warn", 2), ("3", "warn", 0), ("3", "fail", 3), ("130", "warn", 130)],
)
def test_the_job_ends_with_the_exit_code_and_3_is_a_warning_by_default(
    tmp_path: Path, code: str, cannot_tell: str, expected: int
) -> None:
    done = Runner(tmp_path, {"cannot-tell": cannot_tell}, {"exit-code": code}).run("verdict")
    assert done.returncode == expected
    assert done.stdout.startswith("::warning") == (code == "3" and expected == 0)
    assert done.stdout.startswith("::error") == (code == "2")


FAKE_GH = """
printf '%s\\n' "$@" > {folder}/call
[ "$2" = --paginate ] && {{ cat {folder}/existing; exit 0; }}
printf '%s\\0' "$@" >> {folder}/written
"""


@pytest.mark.parametrize(
    ("existing", "method", "place"),
    [("", "POST", "repos/shop/chat/issues/7/comments"), ("41\n", "PATCH", "repos/shop/chat/issues/comments/41")],
    ids=["first comment", "later run"],
)
def test_the_comment_of_an_earlier_run_is_replaced(tmp_path: Path, existing: str, method: str, place: str) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("## wsproof check: 100 % @somebody\n")
    (tmp_path / "existing").write_text(existing)
    runner = Runner(tmp_path, outputs={"summary": str(summary)})
    runner.install("gh", FAKE_GH.format(folder=tmp_path))
    done = runner.run("comment")
    assert done.returncode == 0, done.stderr
    arguments = (tmp_path / "written").read_text().split("\0")
    assert (arguments[3], arguments[4]) == (method, place)
    assert arguments[6] == "body=<!-- wsproof -->\n## wsproof check: 100 % @somebody"


def test_the_comment_is_searched_by_its_first_line(tmp_path: Path) -> None:
    """The filter is jq's. Without jq, the test holds only what it compares."""
    (step,) = (step for step in STEPS if step.get("id") == "comment")
    assert "startswith(env.MARKER)" in step["run"]
    assert json.dumps(step["env"]["MARKER"]) == '"<!-- ${{ inputs.comment-id }} -->"'
    assert step["continue-on-error"] is True, "the token of a fork's pull request may not write comments"
