"""The secret that nobody has set: made once, kept where only its owner reads it, and said if it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from target_app.secret_file import path_of, secret_of
from target_app.settings import Settings
from tests.target_app.people import SECRET


def settings(folder: Path) -> Settings:
    return Settings(history_path=folder / "history.db")


def test_it_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first = secret_of(settings(tmp_path))
    assert len(first) >= 32
    assert secret_of(settings(tmp_path)) == first
    assert [file.name for file in tmp_path.iterdir()] == ["history.db.secret"]
    assert (tmp_path / "history.db.secret").stat().st_mode & 0o777 == 0o600


def test_without_a_history_of_ones_own_it_is_where_programs_keep_their_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert path_of(Settings()) == tmp_path / "target_app" / "secret"
    assert secret_of(Settings()) == secret_of(Settings())
    monkeypatch.delenv("XDG_STATE_HOME")
    assert path_of(Settings()) == Path.home() / ".local" / "state" / "target_app" / "secret"


def test_one_that_is_set_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARGET_APP_SECRET", SECRET)
    assert secret_of(settings(tmp_path)) == SECRET
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", ["others may read it", "too short", "no folder can be made"])
def test_where_none_can_be_kept_it_ends_with_the_run_and_that_is_said(
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
