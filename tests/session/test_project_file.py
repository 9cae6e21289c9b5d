"""Tests of the table `[tool.wsproof]` in pyproject.toml: its keys, and the precedence of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wsproof import CheckOptions, UsageError
from wsproof.cli import main
from wsproof.cli.parser import parse_command
from wsproof.session.project_file import read_project_file

pytest_plugins = ["pytester"]

WHOLE = """
[project]
name = "shop"

[tool.wsproof]
target = "shop.asgi:app"
channels = "shop.channels"
server = "uvicorn"
known-deviations = "deviations.toml"
env = ["MODE=test"]
set = ["chat.rooms=2"]
token = "$SHOP_TOKEN"

[tool.wsproof.check]
budget = "2m"
only = ["5.5"]

[tool.wsproof.capacity]
slo = ["p99(latency) < 100ms"]
duration = 3
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text(WHOLE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOP_TOKEN", "t0ken")
    return tmp_path


def options(*arguments: str) -> Any:
    return parse_command(arguments).options


def test_a_command_without_arguments_takes_all_from_the_file(folder: Path) -> None:
    parsed = options("check")
    assert (parsed.target, parsed.channels, parsed.server) == ("shop.asgi:app", "shop.channels", "uvicorn")
    assert (parsed.known_deviations, parsed.env, parsed.settings) == (
        Path("deviations.toml"),
        ("MODE=test",),
        ("chat.rooms=2",),
    )
    assert (parsed.token, parsed.budget, parsed.only) == ("t0ken", 120.0, ("5.5",))


def test_the_command_line_outranks_the_file(folder: Path) -> None:
    parsed = options("check", "--server", "daphne", "--budget", "9", "--only", "7", "--env", "A=b")
    assert (parsed.target, parsed.server, parsed.budget) == ("shop.asgi:app", "daphne", 9.0)
    assert (parsed.only, parsed.env) == (("7",), ("A=b",))


def test_options_of_the_files_target_do_not_apply_to_another_one(folder: Path) -> None:
    parsed = options("check", "ws://127.0.0.1:8000/ws")
    assert (parsed.target, parsed.channels, parsed.settings) == (
        "ws://127.0.0.1:8000/ws",
        "shop.channels",
        ("chat.rooms=2",),
    )
    assert (parsed.server, parsed.env, parsed.token, parsed.known_deviations) == ("auto", (), None, None)
    assert options("check", "shop.asgi:app").server == "uvicorn"


def test_a_variable_must_be_set_only_for_a_command_that_needs_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SHOP_TOKEN")
    with pytest.raises(UsageError, match="SHOP_TOKEN"):
        options("check")
    assert options("check", "ws://127.0.0.1:8000/ws").token is None
    assert options("list", "targets").channels == "shop.channels"
    with pytest.raises(SystemExit, match="0"):
        options("--help")


def test_a_report_is_of_the_runs_that_the_file_keeps(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.wsproof]\nout = 'runs'\n")
    assert options("check").out == options("report").out == options("list").out == Path("runs")


def test_a_verb_has_its_own_table_and_a_required_option_may_stand_there(folder: Path) -> None:
    parsed = options("capacity")
    assert (parsed.slo, parsed.duration, parsed.target) == (("p99(latency) < 100ms",), 3.0, "shop.asgi:app")
    assert options("bench").duration == 10.0


def test_a_replay_keeps_its_recorded_target(folder: Path) -> None:
    assert options("replay", "FINDING.json").target is None


def test_pytest_takes_its_options_from_the_file(folder: Path, pytester: pytest.Pytester) -> None:
    (pytester.path / "pyproject.toml").write_text(
        WHOLE.replace("check]\nbudget", "pytest]\nbudget").replace('only = ["5.5"]', "")
    )
    pytester.makepyfile(
        """
        from wsproof.pytest.plugin import options_of

        def test_options(pytestconfig):
            found = options_of(pytestconfig)
            assert (found.target, found.server, found.budget) == ("shop.asgi:app", "daphne", 120.0)
            assert (found.env, found.settings, found.token) == (("MODE=test",), ("chat.rooms=2",), "t0ken")
        """
    )
    pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", "--ws-server=daphne").assert_outcomes(passed=1)


def test_a_mistake_in_the_file_ends_pytest_with_one_line(pytester: pytest.Pytester) -> None:
    (pytester.path / "pyproject.toml").write_text("[tool.wsproof.pytest]\nbudget = 'soon'\n")
    pytester.makepyfile("def test_own(ws_server): pass")
    result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*Exit: 'soon' is no value of budget: expected *"])
    result.stdout.no_fnmatch_line("*UsageError*")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("[tool.wsproof]\ntarjet = 'a:b'", r"\[tool.wsproof\] has no option 'tarjet'. Did you mean target?"),
        ("[tool.wsproof]\nbudget = 3", "has no option 'budget'"),
        ("[tool.wsproof.chek]\nonly = []", "has no option 'chek'. Did you mean check?"),
        ("[tool.wsproof.check]\nonly = '5.5'", r"only in \[tool.wsproof.check\]: expected a list of texts, got '5.5'"),
        ("[tool.wsproof]\ninsecure = 'yes'", "insecure.*expected true or false"),
        ("[tool.wsproof]\ntarget = ['a:b']", "target.*expected a text or a number"),
        ("[tool.wsproof]\ntoken = '$NO_SUCH_VARIABLE'", "needs the environment variable NO_SUCH_VARIABLE"),
        ("[tool.wsproof]\ntoken = 'a$'", "Write [$][$] for a dollar sign"),
        ("[tool.wsproof", "pyproject.toml cannot be read"),
    ],
)
def test_a_mistake_in_the_project_file_is_named(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "pyproject.toml").write_text(table)
    with pytest.raises(UsageError, match=message):
        read_project_file(tmp_path).options("check", CheckOptions, None)


def test_a_wrong_value_ends_the_command_with_code_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "pyproject.toml").write_text("[tool.wsproof.check]\nbudget = 'soon'\n")
    assert main(["check"]) == 2
    assert "'soon' is no value of budget: expected" in capsys.readouterr().err
    (folder / "pyproject.toml").write_text("[tool.wsproof.bench]\nloop = 'trio'\n")
    assert main(["bench"]) == 2
    assert "loop: expected one of auto, asyncio, got 'trio'" in capsys.readouterr().err


def test_a_project_without_the_table_has_no_options(tmp_path: Path) -> None:
    assert read_project_file(tmp_path).target is None
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    assert read_project_file(tmp_path).target is None
