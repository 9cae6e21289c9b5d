from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.comparison.repositories import git
from wsproof.comparison.repository import PREFIX, Repository, checked_out
from wsproof.errors import GitError, TerminatedRun


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create temporary folders where the test can inspect them."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def assert_nothing_left(repo: Path, temporary_folder: Path) -> None:
    assert list(temporary_folder.glob(f"{PREFIX}*")) == []
    assert len(git(repo, "worktree", "list").splitlines()) == 1


def test_a_worktree_has_its_commit_and_is_removed_afterwards(repo: Path, temporary_folder: Path) -> None:
    repository = Repository.containing(repo)
    with checked_out(repository, repository.commit("feature")) as tree:
        assert (tree / "app.py").read_text() == "VALUE = 3\n"
        assert git(tree, "rev-parse", "HEAD") == git(repo, "rev-parse", "feature")
    assert_nothing_left(repo, temporary_folder)


def test_one_commit_can_be_checked_out_twice_and_a_checked_out_branch_too(repo: Path, temporary_folder: Path) -> None:
    repository = Repository.containing(repo)
    main = repository.commit("main")
    with checked_out(repository, main) as first, checked_out(repository, main) as second:
        assert first != second
        assert (first / "app.py").read_text() == (second / "app.py").read_text() == "VALUE = 2\n"
    assert_nothing_left(repo, temporary_folder)


@pytest.mark.parametrize("fault", [RuntimeError, KeyboardInterrupt, TerminatedRun, SystemExit])
def test_a_worktree_is_removed_whatever_ends_the_work(
    repo: Path, temporary_folder: Path, fault: type[BaseException]
) -> None:
    repository = Repository.containing(repo)

    def work() -> None:
        with checked_out(repository, repository.commit("main")) as tree:
            (tree / "app.py").write_text("changed")
            (tree / "left-behind.log").write_text("x")
            raise fault

    with pytest.raises(fault):
        work()
    assert_nothing_left(repo, temporary_folder)


def test_a_failed_checkout_leaves_no_worktree_behind(repo: Path, temporary_folder: Path) -> None:
    repository = Repository.containing(repo)
    gone = type(repository.commit("main"))("ghost", "0" * 40, "")
    with pytest.raises(GitError, match="worktree"), checked_out(repository, gone):
        pytest.fail("there is no such commit")
    assert_nothing_left(repo, temporary_folder)


def test_the_next_comparison_removes_only_the_worktrees_of_a_killed_one(
    repo: Path, temporary_folder: Path, tmp_path: Path
) -> None:
    killed, unplugged = temporary_folder / f"{PREFIX}killed" / "tree", tmp_path / "unplugged"
    for tree in (killed, unplugged):
        git(repo, "worktree", "add", "--quiet", "--detach", str(tree))
        shutil.rmtree(tree)
    repository = Repository.containing(repo)
    with checked_out(repository, repository.commit("main")):
        pass
    assert [tree.name for tree in repository.worktrees()] == ["repo", "unplugged"]


def test_a_hook_of_the_user_does_not_run_for_our_worktrees(repo: Path) -> None:
    hook = repo / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch hooked\n")
    hook.chmod(0o755)
    repository = Repository.containing(repo)
    with checked_out(repository, repository.commit("main")) as tree:
        assert not (tree / "hooked").exists()
