"""Tests of README.md: its first finding, its commands, its examples and its links."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.documentation.shown_output import comparable, missing_lines
from tests.pytest.test_guide import QUIET, write_project
from wsproof.cli.parser import parse_command
from wsproof.pytest.plugin import PREFIX
from wsproof.session.option import options_in
from wsproof.session.options import IN_PYTEST, PytestOptions
from wsproof.session.project_file import read_project_file

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
COMMANDS = [
    line.strip() for line in re.findall(r"^    ((?:wsproof|pytest|locust|make|python) .*)$", README, re.MULTILINE)
]


def blocks(language: str) -> list[str]:
    """Return the code blocks of README.md in this language."""
    return [text for kind, text in BLOCKS if kind == language]


def test_the_first_finding_is_found_as_the_page_shows_it(tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    (folder / "my_app.py").write_text(blocks("python")[0], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "wsproof.cli", "check", "my_app:app"],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert missing_lines(blocks("text")[0], done.stdout, folder) == [], done.stdout
    came = [comparable(line, folder) for line in done.stdout.splitlines()]
    shown = [line.rstrip() for line in blocks("text")[0].splitlines() if line != "..."]
    assert [line for line in came if line in shown] == shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_exists(command: str) -> None:
    words = shlex.split(command, comments=True)
    if words[0] == "wsproof":
        assert parse_command([word.replace("TEXT", "text") for word in words[1:]]).verb == words[1]
    elif words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    elif words[0] == "pytest":
        known = {flag for name in IN_PYTEST for flag in options_in(PytestOptions)[name].arguments(name, PREFIX)[0]}
        assert {word for word in words if word.startswith(f"--{PREFIX}")} <= known
    else:
        assert words[:3] in (["python", "-m", "pip"], ["locust", "-f", "scenarios"])


def test_the_commands_are_found() -> None:
    assert len(COMMANDS) > 15


def test_the_options_of_the_project_file_are_accepted(tmp_path: Path) -> None:
    (text,) = (text for text in blocks("toml") if "tool.wsproof" in text)
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    assert read_project_file(tmp_path).target == "my_app:app"
    assert "wsproof" in tomllib.loads(text)["tool"]


def test_the_example_from_python_is_the_first_of_its_guide() -> None:
    (example,) = (text for text in blocks("python") if "CheckOptions" in text)
    guide = (ROOT / "docs" / "reference" / "from-python.md").read_text(encoding="utf-8")
    own = [re.sub(r"CheckOptions\(.*\)\)", "CheckOptions(...))", line) for line in example.splitlines()]
    assert [
        line for line in own if line and line not in re.sub(r"CheckOptions\(.*\)\)", "CheckOptions(...))", guide)
    ] == []


def test_the_tests_of_the_page_pass(pytester: pytest.Pytester) -> None:
    for name in write_project(pytester.path):
        if name.startswith("test_"):
            (pytester.path / name).unlink()
    (tests,) = (text for text in blocks("python") if "ws_fanout" in text)
    pytester.makepyfile(tests)
    target = ("--ws-target=my_app:app", "--ws-channels=my_channels")
    pytester.runpytest_subprocess(*target, *QUIET).assert_outcomes(passed=2)


def test_every_link_names_an_existing_file() -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", README)
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
