"""Tests of `| head`: a closed output pipe changes neither the work nor the exit code."""

from __future__ import annotations

import os
import subprocess

from tests.cli.shell import DEADLINE, command, environment
from tests.forked import ROOT


def exit_code_without_a_reader(*words: str) -> int:
    """Return the exit code of a command whose standard output has no reader."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer) as nowhere:
        child = subprocess.Popen(
            command(words), cwd=ROOT, env=environment(), stdout=nowhere, stderr=subprocess.PIPE, text=True
        )
    _, err = child.communicate(timeout=DEADLINE)
    assert "Traceback" not in err
    return child.returncode


def test_list_succeeds_with_a_closed_output_pipe() -> None:
    assert exit_code_without_a_reader("list", "checks") == 0


def test_check_returns_its_exit_code_with_a_closed_output_pipe(tmp_path: object) -> None:
    assert exit_code_without_a_reader("check", "--only", "5.5.2", "--examples", "3", "--out", str(tmp_path)) == 0
