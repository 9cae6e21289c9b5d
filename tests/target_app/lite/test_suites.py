"""Test that the small server passes both shipped suites, wire and delivery."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.shell import wsproof


@pytest.mark.parametrize(
    "chosen",
    [
        ("--examples", "1", "--only", "chat.delivery", "--only", "chat.leave-notices"),
        pytest.param(("--examples", "1", "--only", "dashboard.feed"), marks=pytest.mark.slow),
        ("--examples", "1", "--only", "5", "--only", "7"),
        pytest.param(("--examples", "5"), marks=pytest.mark.slow),
    ],
    ids=["chat", "dashboard", "frames-and-closes", "all"],
)
def test_the_small_server_passes_both_suites(tmp_path: Path, chosen: tuple[str, ...]) -> None:
    words = ["check", "target_app.lite.app:app", "--channels", "tutorial", "--set", "dashboard.period=0.2", *chosen]
    options = ["--budget", "none", "--json", str(tmp_path / "check.json"), "--out", str(tmp_path)]
    output = wsproof(*words, *options)
    assert output.code == 0, output
    result = json.loads((tmp_path / "check.json").read_text())
    assert (result["verdict"], result["complete"]) == ("valid", True)
