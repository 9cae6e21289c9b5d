"""Follows docs/tutorial/first-finding.md: its commands with its apps print what the page shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.documentation.code_blocks import CodeBlock, blocks_of
from tests.documentation.shown_output import missing_lines

BLOCKS = list(blocks_of("docs/tutorial/first-finding.md"))
FAULTY, MENDED = (block.text for block in BLOCKS if block.language == "python")
_, CHECK, INIT, CHECK_AGAIN, CHECK_SLOW_READER = (block for block in BLOCKS if block.language == "console")


def follow(block: CodeBlock, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the command of a block, with `more` options."""
    command, _, _ = block.text.partition("\n")
    words = command.removeprefix("$ wsproof ").split()
    return subprocess.run(
        [sys.executable, "-m", "wsproof.cli", *words, *more],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def shown(block: CodeBlock) -> str:
    """The output of a block, without the command."""
    return block.text.partition("\n")[2]


def test_the_faulty_app_is_that_of_the_readme() -> None:
    assert FAULTY in {block.text for block in blocks_of("README.md")}


def test_the_first_check_and_init_print_what_the_page_shows(tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    (folder / "my_app.py").write_text(FAULTY, encoding="utf-8")
    checked = follow(CHECK, folder)
    assert checked.returncode == 1
    assert missing_lines(shown(CHECK), checked.stdout, folder) == [], checked.stdout
    (folder / "my_app.py").write_text(MENDED, encoding="utf-8")
    looked = follow(INIT, folder)
    assert looked.returncode == 0, looked.stderr
    assert missing_lines(shown(INIT), looked.stdout, folder) == [], looked.stdout


@pytest.fixture
def mended(tmp_path: Path) -> Path:
    """Return a folder with the mended app, after `wsproof init`."""
    folder = tmp_path.resolve()
    (folder / "my_app.py").write_text(MENDED, encoding="utf-8")
    assert follow(INIT, folder).returncode == 0
    return folder


@pytest.mark.slow
def test_the_mended_app_keeps_the_promises_of_these_checks(mended: Path) -> None:
    checked = follow(CHECK_AGAIN, mended)
    assert checked.returncode == 0, checked.stdout
    assert missing_lines(shown(CHECK_AGAIN), checked.stdout, mended) == [], checked.stdout


@pytest.mark.slow
def test_the_mended_app_has_the_fault_that_the_page_shows_last(mended: Path) -> None:
    checked = follow(
        CHECK_SLOW_READER, mended, "--budget", "5m"
    )  # a busy machine needs more than a minute to repeat it
    assert checked.returncode == 1, checked.stdout
    assert "✗ invalid chat       A member that does not read does not delay the others." in checked.stdout
