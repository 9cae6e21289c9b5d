from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.comparison.repositories import commit, git
from wsproof import TargetError
from wsproof.comparison import builds
from wsproof.comparison.build_error import BuildError
from wsproof.comparison.builds import Preparation, prepared_builds
from wsproof.comparison.commits import find_commits
from wsproof.comparison.environment import BuildEnvironment
from wsproof.comparison.order import Side
from wsproof.load import Progress
from wsproof.target.target import Target, parse_target


def app_target(cwd: Path, python: str | None) -> Target:
    return parse_target("app:app", cwd=cwd, python=python)


def command_target(cwd: Path, python: str | None) -> Target:
    return parse_target("cmd:./serve {port}", ready="http://127.0.0.1:{port}/", cwd=cwd, python=python)


@pytest.fixture
def pinned(repo: Path) -> Path:
    """A repository whose branches main and feature pin different packages."""
    for branch in ("main", "feature"):
        git(repo, "switch", "--quiet", branch)
        commit(repo, f"pins of {branch}", requirements_txt=f"uvicorn # {branch}\n")
    return repo


@pytest.fixture
def installed_folders(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Make environments without an installer. Returns the folders whose packages would have been installed."""
    declared: list[Path] = []

    def make(place: Path, folder: Path, *, has_uv_lock: bool) -> BuildEnvironment:
        declared.append(place)
        return BuildEnvironment(folder)

    monkeypatch.setattr(builds, "make_environment", make)
    monkeypatch.setattr(builds, "add_server", lambda environment, target: None)
    return declared


def prepare(
    repo: Path, target: builds.TargetFactory = app_target, *, setup: str | None = None
) -> tuple[dict[Side, Target], dict[str, str]]:
    """Return the targets of both builds, and by branch the text of the file `built`, if the worktree has one."""
    commits = find_commits("main", "feature", repo, exact_base=True)
    with prepared_builds(commits, Preparation(target, setup)) as targets:
        built = {
            commits.commit_of(side).ref: place.read_text().strip()
            for side, each in targets.items()
            if (place := each.cwd / "built").is_file()
        }
        return targets, built


def test_other_packages_give_each_build_a_python_of_its_own(pinned: Path, installed_folders: list[Path]) -> None:
    targets, _ = prepare(pinned)
    assert len(installed_folders) == 2
    assert targets[Side.BASE].python != targets[Side.CANDIDATE].python
    assert targets[Side.BASE] is targets[Side.BASE_AGAIN]


def test_the_lock_of_a_uv_workspace_is_followed(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for branch in ("main", "feature"):
        git(repo, "switch", "--quiet", branch)
        (repo / "uv.lock").write_text(f"# {branch}\n")
        commit(
            repo, f"a member of {branch}", chat__pyproject_toml='[project]\nname = "chat"\ndependencies = ["uvicorn"]\n'
        )
    made: list[tuple[str, bool]] = []

    def make(place: Path, folder: Path, *, has_uv_lock: bool) -> BuildEnvironment:
        made.append((place.name, has_uv_lock))
        return BuildEnvironment(folder)

    monkeypatch.setattr(builds, "make_environment", make)
    monkeypatch.setattr(builds, "add_server", lambda environment, target: None)
    prepare(repo / "chat")
    assert made == [("chat", True), ("chat", True)]


def test_a_command_finds_the_python_of_its_build_first(pinned: Path, installed_folders: list[Path]) -> None:
    targets, _ = prepare(pinned, command_target)
    for side in (Side.BASE, Side.CANDIDATE):
        variables = dict(targets[side].env)
        assert variables["PATH"].split(os.pathsep)[0] == str(targets[side].cwd.parent / "venv" / "bin")
        assert variables["VIRTUAL_ENV"] == str(targets[side].cwd.parent / "venv")


def test_equal_packages_leave_both_builds_in_the_current_environment(repo: Path, installed_folders: list[Path]) -> None:
    targets, _ = prepare(repo, command_target)
    assert installed_folders == []
    assert "PATH" not in dict(targets[Side.BASE].env)


def test_the_setup_command_runs_in_each_worktree(repo: Path) -> None:
    _, built = prepare(repo, setup="cat app.py > built")
    assert built == {"main": "VALUE = 2", "feature": "VALUE = 3"}


def test_an_environment_that_the_setup_command_makes_is_used(repo: Path) -> None:
    targets, _ = prepare(repo, command_target, setup="mkdir -p .venv/bin && touch .venv/bin/python")
    candidate = targets[Side.CANDIDATE]
    assert candidate.python == str(candidate.cwd / ".venv" / "bin" / "python")
    assert dict(candidate.env)["VIRTUAL_ENV"] == str(candidate.cwd / ".venv")


def test_a_setup_command_may_install_what_wsproof_cannot(pinned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(declared: Path, folder: Path, *, has_uv_lock: bool) -> BuildEnvironment:
        raise TargetError("no such index")

    monkeypatch.setattr(builds, "make_environment", fail)
    monkeypatch.setattr(builds, "add_server", lambda environment, target: None)
    with pytest.raises(BuildError, match=r"(?s)in main .*different packages.*no such index.*add --setup"):
        prepare(pinned)
    with pytest.raises(BuildError, match="no such index"):
        prepare(pinned, setup="true")
    targets, _ = prepare(pinned, setup="mkdir -p .venv/bin && touch .venv/bin/python")
    assert targets[Side.BASE].python.endswith(".venv/bin/python")


def test_a_setup_command_that_fails_names_the_build_and_its_exit_code(repo: Path) -> None:
    with pytest.raises(BuildError, match=r"in feature \([0-9a-f]{10}\): --setup .* exit code 3") as failed:
        prepare(repo, setup="grep -q 2 app.py || exit 3")
    assert failed.value.side is Side.CANDIDATE
    assert len(git(repo, "worktree", "list").splitlines()) == 1


def test_both_builds_get_their_submodules_without_the_network(repo: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "--quiet", "--initial-branch=main")
    commit(library, "a library", shelf_py="BOOKS = 7\n")
    for branch in ("main", "feature"):
        git(repo, "switch", "--quiet", branch)
        git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "--force", str(library), "books")
        commit(repo, "with a submodule")
    library.rename(tmp_path / "gone")
    commits = find_commits("main", "feature", repo, exact_base=True)
    with prepared_builds(commits, Preparation(app_target)) as targets:
        assert [(each.cwd / "books" / "shelf.py").is_file() for each in targets.values()] == [True, True, True]
    assert len(git(repo, "worktree", "list").splitlines()) == 1


def test_the_user_sees_which_build_is_being_prepared(repo: Path) -> None:
    steps: list[Progress] = []
    commits = find_commits("main", "feature", repo, exact_base=True)
    with prepared_builds(commits, Preparation(app_target), steps.append):
        pass
    assert [step.phase for step in steps] == ["prepare main", "prepare feature"]
