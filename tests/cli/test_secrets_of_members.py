"""The secrets that a channel makes for its members reach the server, and nothing that a run writes or prints."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.cli.apps import ticketed, ticketed_channels
from tests.cli.apps.ticketed_channels import BEGINNINGS
from tests.cli.shell import Said, wsproof
from tests.comparison.repositories import git

SECRET = re.compile("|".join(f"{beginning}[0-9a-f]{{5}}" for beginning in (*BEGINNINGS, "Tok7", "Env7", "Key7")))
GIVEN = ("--token", "Tok70123456789", "--env", "DB_PASSWORD=Env70123456789", "--header", "X-Api-Key: Key70123456789")
TARGET = ("ticketed:app", "--channels", "ticketed_channels", *GIVEN)
LOSSY = ("check", *TARGET, "--env", "FAULT=lose", "--only", "ticketed.delivery", "--examples", "2")
LOAD = ("--subscribers", "3", "--duration", "0.6", "--warmup", "0.1", "--rate", "20")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the app and its channels, under git."""
    folder = tmp_path_factory.mktemp("project")
    git(folder, "init", "--quiet", "--initial-branch=main")
    for module in (ticketed, ticketed_channels):
        assert module.__file__ is not None
        shutil.copy(module.__file__, folder)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "a room")
    return folder


def leaks(said: Said, folder: Path) -> list[str]:
    """Where secrets were written or printed."""
    told = [f"terminal: {found[0]}" for found in SECRET.finditer(said.out + said.err)]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files, said
    return told + [
        f"{path.relative_to(folder)}: {found[0]}"
        for path in files
        for found in SECRET.finditer(path.read_bytes().decode(errors="replace"))
    ]


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (("check", *TARGET, "--only", "ticketed.delivery", "--only", "5.6", "--examples", "2"), {1}),
        (LOSSY, {1}),
        (("bench", *TARGET, "--env", "FAULT=lose", *LOAD, "--slo", "lost == 0"), {1}),
        (("bench", *TARGET, "--workload", "ticketed:1", *LOAD), {1}),
        (("capacity", *TARGET, *LOAD, "--slo", "lost == 0", "--from", "2", "--to", "3", "--trials", "2"), {0, 1, 3}),
        (("load", *TARGET, "--headless", "--users", "3", "--duration", "2"), {1}),
        (("compare", "HEAD", "HEAD", *TARGET, *LOAD, "--publishers", "1", "--apart", "--pairs", "1"), {0, 1, 3}),
        (("run", *TARGET, *LOAD, "--only", "ticketed.delivery", "--examples", "2", "--users", "3"), {1}),
    ],
    ids=["check", "check-lossy", "bench", "mix", "capacity", "load", "compare", "run"],
)
def test_no_secret_of_a_member_is_written_or_printed(
    words: tuple[str, ...], codes: set[int], project: Path, tmp_path: Path
) -> None:
    copies = {"--json": "copy.json", "--markdown": "copy.md", "--junit": "copy.xml"}
    known = {"check": copies, "run": copies, "load": ["--json"], "capacity": ["--json"]}.get(
        words[0], ["--json", "--markdown"]
    )
    extra = [word for option in known for word in (option, str(tmp_path / copies[option]))]
    said = wsproof(*words, *extra, "--out", str(tmp_path / "out"), cwd=project)
    assert said.code in codes, said
    assert leaks(said, tmp_path) == []
    if words is LOSSY:  # what is hidden leaves the evidence
        assert "called 'u1'" in said.out
        assert "ticketed.delivery" in said.out


def test_a_replay_signs_in_again_by_itself(project: Path, tmp_path: Path) -> None:
    words = ("check", "ticketed:app", "--channels", "ticketed_channels", "--env", "FAULT=lose")
    said = wsproof(*words, "--only", "ticketed.delivery", "--examples", "1", "--out", str(tmp_path), cwd=project)
    (finding,) = tmp_path.glob("runs/2*/findings/ticketed-delivery-*.json")
    again = wsproof("replay", str(finding), cwd=project)
    assert again.code == 1, (said, again)
    assert leaks(again, tmp_path) == []
