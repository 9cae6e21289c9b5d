"""A project whose channels create secrets for their members, and a search for leaks of these secrets."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.cli.apps import ticketed, ticketed_channels
from tests.cli.apps.ticketed_channels import BEGINNINGS
from tests.cli.shell import CommandResult, wsproof
from tests.comparison.repositories import git

SECRET = re.compile("|".join(f"{beginning}[0-9a-f]{{5}}" for beginning in (*BEGINNINGS, "Tok7", "Env7", "Key7")))
GIVEN = ("--token", "Tok70123456789", "--env", "DB_PASSWORD=Env70123456789", "--header", "X-Api-Key: Key70123456789")
TARGET = ("ticketed:app", "--channels", "ticketed_channels", *GIVEN)
LOAD = ("--subscribers", "3", "--duration", "0.6", "--warmup", "0.1", "--rate", "20")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a git repository with the app and its channels."""
    folder = tmp_path_factory.mktemp("project")
    git(folder, "init", "--quiet", "--initial-branch=main")
    for module in (ticketed, ticketed_channels):
        assert module.__file__ is not None
        shutil.copy(module.__file__, folder)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "a room")
    return folder


def leaks(result: CommandResult, folder: Path) -> list[str]:
    """Return the places where secrets were written or printed."""
    leaked = [f"terminal: {match[0]}" for match in SECRET.finditer(result.out + result.err)]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files, result
    return leaked + [
        f"{path.relative_to(folder)}: {match[0]}"
        for path in files
        for match in SECRET.finditer(path.read_bytes().decode(errors="replace"))
    ]


def assert_hidden(words: tuple[str, ...], codes: set[int], project: Path, folder: Path) -> CommandResult:
    """Run a command, and check that its files and output contain no secret."""
    copies = {"--json": "copy.json", "--markdown": "copy.md", "--junit": "copy.xml"}
    known = {"check": copies, "run": copies, "load": ["--json"], "capacity": ["--json"]}.get(
        words[0], ["--json", "--markdown"]
    )
    extra = [word for option in known for word in (option, str(folder / copies[option]))]
    result = wsproof(*words, *extra, "--out", str(folder / "out"), cwd=project)
    assert result.code in codes, result
    assert leaks(result, folder) == []
    return result
