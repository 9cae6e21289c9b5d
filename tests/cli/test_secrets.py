"""Tests that each command sends a token to the server only: no record, page, finding or output shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.shell import CommandResult, wsproof
from tests.forked import ROOT

SECRET = "open-sesame"
TARGET = ("tests.cli.apps.guarded:app", "--channels", "tutorial", "--token", SECRET)


def assert_kept_secret(result: CommandResult, out: Path) -> None:
    assert SECRET not in result.out + result.err
    written = [path for path in out.rglob("*") if path.is_file()]
    assert written
    for path in written:
        assert SECRET.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("check", *TARGET, "--only", "5.5.2", "--only", "echo.delivery", "--examples", "3"), {0}),
        (("bench", *TARGET, "--workload", "echo", "--subscribers", "2", "--duration", "1", "--warmup", "0.1"), {0, 3}),
        pytest.param(
            ("load", *TARGET, "--headless", "--scenario", "EchoUser", "--users", "2", "--duration", "3"),
            {0, 3},
            marks=pytest.mark.slow,
        ),
    ],
    ids=["check", "bench", "load"],
)
def test_a_token_is_used_and_never_written(words: tuple[str, ...], code: set[int], tmp_path: Path) -> None:
    result = wsproof(*words, "--out", str(tmp_path), cwd=ROOT)
    assert result.code in code, result
    assert_kept_secret(result, tmp_path)


def test_without_the_token_the_verdict_is_unknown(tmp_path: Path) -> None:
    result = wsproof("check", TARGET[0], "--path", "/ws", "--out", str(tmp_path), "--only", "5.5.2")
    assert result.code == 3, result
    assert "403" in result.out
