"""Tests of the parts of wsproof.locust (`inside/`), in a separate process, which Locust patches."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.forked import ROOT
from tests.scenarios.locusts import DEADLINE

INSIDE = Path(__file__).parent / "inside"


def test_the_tests_inside_locust_pass() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "python_files=inside_*.py"]
    # Locust imports and patches in its own way, so ignore its warnings.
    done = subprocess.run(
        [*command, "-W", "default", str(INSIDE)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=5 * DEADLINE,  # some 180 tests
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
