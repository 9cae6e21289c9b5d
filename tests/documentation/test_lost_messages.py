"""Follows docs/how-to/lost-messages.md: its test fails with its faulty app and passes with the mended one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.documentation.code_blocks import blocks_of

FAULTY, TEST, MENDED = (block.text for block in blocks_of("docs/how-to/lost-messages.md") if block.language == "python")


def run(module: str, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a module of Python in the folder."""
    command = [sys.executable, "-m", module, *words]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=180, check=False, stdin=subprocess.DEVNULL
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with the faulty app, after `wsproof init`."""
    (tmp_path / "my_app.py").write_text(FAULTY, encoding="utf-8")
    (tmp_path / "test_lost.py").write_text(TEST, encoding="utf-8")
    done = run("wsproof.cli", "init", "my_app:app", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_the_test_of_the_page_finds_the_fault_and_passes_after_the_mend(project: Path) -> None:
    lost = run("pytest", "-q", "-p", "no:cacheprovider", "test_lost.py", folder=project)
    assert lost.returncode == 1, lost.stdout
    assert "lost: member 1" in lost.stdout
    assert "member 0 (called" in lost.stdout
    assert "had left with a close frame before that" in lost.stdout
    (project / "my_app.py").write_text(MENDED, encoding="utf-8")
    mended = run("pytest", "-q", "-p", "no:cacheprovider", "test_lost.py", folder=project)
    assert mended.returncode == 0, mended.stdout


@pytest.mark.slow
def test_the_check_finds_the_loss_and_its_replay_tells_the_mend(project: Path) -> None:
    only = "chat.messages-before-close"
    checked = run("wsproof.cli", "check", "--only", only, folder=project)
    assert checked.returncode == 1, checked.stdout
    assert f"VIOLATION  chat  {only} (lost" in checked.stdout
    (finding,) = (project / ".wsproof").glob("runs/*/findings/chat-messages-before-close-*.json")
    again = run("wsproof.cli", "replay", str(finding), folder=project)
    assert (again.returncode, "It happens again." in again.stdout) == (1, True), again.stdout
    (project / "my_app.py").write_text(MENDED, encoding="utf-8")
    mended = run("wsproof.cli", "replay", str(finding), folder=project)
    assert (mended.returncode, "It does not happen again" in mended.stdout) == (0, True), mended.stdout
