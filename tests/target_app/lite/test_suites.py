"""Test that the small server passes both shipped suites, wire and delivery."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "chosen",
    [
        ("--examples", "2", "--only", "chat"),
        ("--examples", "2", "--only", "dashboard"),
        ("--examples", "5", "--only", "5", "--only", "7"),
        pytest.param(("--examples", "5"), marks=pytest.mark.slow),
    ],
    ids=["chat", "dashboard", "frames and closes", "all"],
)
def test_the_small_server_passes_both_suites(tmp_path: Path, chosen: tuple[str, ...]) -> None:
    words = ["check", "target_app.lite.app:app", "--channels", "tutorial", "--set", "dashboard.period=0.2", *chosen]
    options = ["--budget", "none", "--json", str(tmp_path / "check.json"), "--out", str(tmp_path)]
    said = subprocess.run(
        [sys.executable, "-m", "wsproof.cli", *words, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    result = json.loads((tmp_path / "check.json").read_text())
    assert (result["verdict"], result["complete"]) == ("valid", True)
