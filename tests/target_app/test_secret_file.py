"""Tests of the generated secret: created once, readable by its owner only, and reported if that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from target_app.secret_file import VARIABLE, path_of, secret_of
from target_app.settings import Settings
from tests.target_app.people import SECRET


@pytest.fixture(autouse=True)
def without_a_secret_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another test of this process may have set one, for the servers that it starts."""
    monkeypatch.delenv(VARIABLE, raising=False)


def settings(folder: Path) -> Settings:
    return Settings(history_path=folder / "history.db")


def test_the_secret_file_is_created_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    first = secret_of(settings(tmp_path))
    assert len(first) >= 32
    assert secret_of(settings(tmp_path)) == first
    assert [file.name for file in tmp_path.iterdir()] == ["history.db.secret"]
    assert (tmp_path / "history.db.secret").stat().st_mode & 0o777 == 0o600


def test_without_a_history_path_the_secret_is_in_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert path_of(Settings()) == tmp_path / "target_app" / "secret"
    assert secret_of(Settings()) == secret_of(Settings())
    monkeypatch.delenv("XDG_STATE_HOME")
    assert path_of(Settings()) == Path.home() / ".local" / "state" / "target_app" / "secret"


def test_a_configured_secret_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARGET_APP_SECRET", SECRET)
    assert secret_of(settings(tmp_path)) == SECRET
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", ["others may read it", "too short", "no folder can be made"])
def test_a_secret_that_cannot_be_stored_lasts_for_the_run_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    kept = tmp_path / "folder" / "history.db.secret"
    if fault == "no folder can be made":
        kept.parent.write_text("a file in its place")
    else:
        kept.parent.mkdir()
        kept.write_text("x" * 40 if fault == "others may read it" else "short")
        kept.chmod(0o644 if fault == "others may read it" else 0o600)
    assert secret_of(settings(kept.parent)) != secret_of(settings(kept.parent))
    assert "tokens end with this run" in caplog.text
