"""Tests of the suites under pytest: they share a budget, and tests beyond it are skipped, not passed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.shell import DEADLINE, environment
from tests.faulty.unresponsive import unresponsive_server

SUITE = ("-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--pyargs", "wsproof.conformance")


def test_tests_out_of_budget_are_skipped(tmp_path: Path) -> None:
    with unresponsive_server("first-only") as server:
        url = f"ws://127.0.0.1:{server.endpoint.port}/"
        done = subprocess.run(
            [sys.executable, *SUITE, "--ws-target", url, "--ws-budget", "4"],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    assert done.returncode == 0, done.stdout
    assert "the budget of 4 s is spent" in done.stdout
    assert " passed" not in done.stdout
    assert "Traceback" not in done.stdout


def test_an_invalid_budget_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, *SUITE, "--ws-budget", "soon"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 4
    assert "expected a duration such as 10s, 500ms or 2m, got 'soon', or none for no limit" in done.stderr
