from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.comparison.repositories import commit, git
from wsproof.comparison import repository
from wsproof.comparison.commits import find_commits
from wsproof.comparison.order import Side
from wsproof.comparison.repository import Repository
from wsproof.errors import ExitCode, GitError


def test_a_ref_may_be_a_branch_a_tag_a_sha_or_an_expression(repo: Path) -> None:
    git(repo, "tag", "v1", "feature")
    repository = Repository.containing(repo)
    sha = git(repo, "rev-parse", "feature")
    for ref in ("feature", "v1", sha, sha[:8], "feature~0"):
        resolved = repository.commit(ref)
        assert (resolved.sha, resolved.subject, resolved.ref) == (sha, "three", ref)


def test_a_missing_ref_is_reported_with_similar_ones(repo: Path) -> None:
    with pytest.raises(GitError, match="got 'featrue': did you mean feature") as raised:
        Repository.containing(repo).commit("featrue")
    assert raised.value.exit_code is ExitCode.USAGE
    with pytest.raises(GitError, match="git branch --all"):
        Repository.containing(repo).commit("zzz")


@pytest.mark.parametrize("ref", ["--help", "", "HEAD:app.py", "a b"])
def test_a_ref_that_is_no_commit_is_refused_and_never_read_as_an_option(repo: Path, ref: str) -> None:
    with pytest.raises(GitError, match="expected a branch, tag or commit"):
        Repository.containing(repo).commit(ref)


def test_a_comparison_outside_of_a_repository_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="needs a git repository"):
        Repository.containing(tmp_path)


def test_a_repository_is_found_from_below_and_in_spite_of_a_hook_s_variables(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "below").mkdir()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert Repository.containing(repo / "below").root == repo.resolve()


def test_the_base_is_the_commit_where_the_candidate_branched_off(repo: Path) -> None:
    commits = find_commits("main", "feature", repo)
    assert (commits.base.subject, commits.base.ref, commits.moved) == ("one", "main", True)
    assert commits.candidate.subject == "three"


def test_an_exact_base_is_the_ref_itself(repo: Path) -> None:
    commits = find_commits("main", "feature", repo, exact_base=True)
    assert (commits.base.subject, commits.moved) == ("two", False)


def test_a_base_that_is_an_ancestor_of_the_candidate_is_used_unchanged(repo: Path) -> None:
    commits = find_commits("main~1", "main", repo)
    assert (commits.base.subject, commits.moved, commits.warnings) == ("one", False, ())


def test_refs_without_common_history_need_an_exact_base(repo: Path) -> None:
    git(repo, "switch", "--quiet", "--orphan", "alien")
    commit(repo, "other world", app_py="")
    with pytest.raises(GitError, match="--exact-base"):
        find_commits("main", "alien", repo)
    assert find_commits("main", "alien", repo, exact_base=True).candidate.subject == "other world"


def test_uncommitted_changes_are_warned_of_and_untracked_files_are_not(repo: Path) -> None:
    (repo / "new.txt").write_text("x")
    assert find_commits("main~1", "main", repo).warnings == ()
    (repo / "app.py").write_text("VALUE = 9\n")
    (warning,) = find_commits("main~1", "main", repo).warnings
    assert warning.code == "uncommitted"
    assert "app.py" in warning.message


def test_compare_warns_if_both_refs_are_one_commit(repo: Path) -> None:
    (warning,) = find_commits("main", "HEAD", repo).warnings
    assert warning.code == "same-commit"


def test_a_branch_of_the_only_remote_is_found_by_its_short_name(repo: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--branch", "feature", str(repo), "clone")
    resolved = Repository.containing(tmp_path / "clone").commit("main")
    assert (resolved.ref, resolved.subject) == ("origin/main", "two")


def test_a_shallow_clone_is_told_how_to_get_the_other_branch(repo: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth", "1", "--branch", "feature", f"file://{repo}", "shallow")
    with pytest.raises(GitError, match="shallow clone: `git fetch --unshallow origin main:main`"):
        Repository.containing(tmp_path / "shallow").commit("main")


def test_uncommitted_changes_can_be_compared_as_a_commit_that_is_on_no_branch(repo: Path) -> None:
    (repo / "app.py").write_text("VALUE = 9\n")
    (warning,) = find_commits("main~1", "main", repo).warnings
    assert "$(git stash create)" in warning.advice
    stashed = git(repo, "stash", "create")
    commits = find_commits("main", stashed, repo)
    assert (commits.base.subject, commits.repository.text(commits.candidate, Path("app.py"))) == ("two", "VALUE = 9\n")


def test_one_build_without_declared_packages_is_warned_of(repo: Path) -> None:
    git(repo, "switch", "--quiet", "feature")
    commit(repo, "pins", requirements_txt="uvicorn==2\n")
    commits = find_commits("main", "feature", repo)
    (warning,) = commits.warnings
    assert warning.code == "undeclared-packages"
    assert warning.message.startswith("main (")
    assert commits.own_packages(Side.BASE) is None
    assert commits.own_packages(Side.CANDIDATE) is not None


def test_the_commits_to_bisect_are_asked_for_at_once(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shas = [commit(repo, subject) for subject in ("a b", "commit c", "d")]
    called: list[str] = []

    def recorded(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        called.append(arguments[0])
        return run_git(folder, *arguments)

    run_git = repository._git
    monkeypatch.setattr(repository, "_git", recorded)
    commits = Repository(repo).commits_to_bisect(f"{shas[0]}~1", shas[-1])
    assert called == ["rev-list"]
    assert commits[0].subject in ("a b", "commit c")
    assert {each.sha: each.subject for each in commits} == dict(zip(shas, ("a b", "commit c", "d"), strict=True))
