from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.target_app.server import DEADLINE


def test_an_invalid_setting_is_named_and_stops_the_start() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "target_app", "--port", "0"],
        env={**os.environ, "TARGET_APP_DASHBOARD_PERIOD": "0"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert finished.returncode == 1
    assert "TARGET_APP_DASHBOARD_PERIOD=0: Input should be greater than or equal to 0.01" in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET", "too short, and nobody's business"[:20]),
        ("USERS", '{"ada": {"password": "a plain password"}}'),
        ("USERS", "nothing that is JSON"),
    ],
)
def test_an_invalid_secret_setting_is_named_but_not_repeated(name: str, value: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "target_app", "--port", "0"],
        env={**os.environ, f"TARGET_APP_{name}": value},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert finished.returncode == 1
    assert name.lower() in finished.stderr.lower()
    assert "Traceback" not in finished.stderr
    for part in ("nobody", "plain password", "nothing that"):
        assert part not in finished.stdout + finished.stderr
