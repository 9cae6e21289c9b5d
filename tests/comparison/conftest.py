from __future__ import annotations

from pathlib import Path

import pytest

from tests.comparison.repositories import repository


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return repository(tmp_path / "repo")
