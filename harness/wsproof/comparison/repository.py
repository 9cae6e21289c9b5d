"""The git repository of a comparison: commits, merge bases, files, uncommitted changes, temporary worktrees."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from wsproof.errors import GitError

GIT_TIMEOUT_S = 120.0
"""Timeout of one git command, in seconds."""
PREFIX = "wsproof-compare-"
"""Name prefix of the temporary worktree directories, which identifies stale worktrees."""


@dataclass(frozen=True)
class Commit:
    """A commit, and the ref by which the user named it."""

    ref: str
    sha: str
    subject: str

    @property
    def short(self) -> str:
        return self.sha[:10]

    @property
    def label(self) -> str:
        """The ref and the beginning of the sha, as messages name the commit."""
        return f"{self.ref} ({self.short})"

    def to_json(self) -> dict[str, Any]:
        """The commit as stored under `base` and `candidate` of a comparison."""
        return {"ref": self.ref, "sha": self.sha, "subject": self.subject}


@dataclass(frozen=True)
class Repository:
    """A git repository with a work tree. `root` is the top directory of the work tree."""

    root: Path

    @classmethod
    def containing(cls, folder: Path) -> Repository:
        """Find the repository that contains `folder`.

        Raises:
            GitError: there is no repository, or git itself is missing.
        """
        done = _git(folder, "rev-parse", "--show-toplevel")
        if done.returncode:
            raise GitError(
                f"comparing two refs needs a git repository, and {folder.name or folder}/ is not inside of one; "
                "run it in your checkout, or compare two stored runs instead"
            )
        return cls(Path(done.stdout.strip()))

    def commit(self, ref: str) -> Commit:
        """Resolve a branch, tag, sha or expression to a commit.

        A branch that exists only in one remote is found by its short name, as `git switch` does. A clone in CI often
        has no other branch than the one that it tests.

        Raises:
            GitError: there is no such commit. The message names similar refs.
        """
        sha = self._sha(ref)
        if not sha:
            remote = [name for name in self.refs() if name.partition("/")[2] == ref]
            if len(remote) == 1:
                return self.commit(remote[0])
            near = remote or get_close_matches(ref, self.refs(), n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else "`git branch --all` lists the branches"
            if self.is_shallow:
                hint += f". This is a shallow clone: `git fetch --unshallow origin {ref}:{ref}` gets the whole branch"
            raise GitError(f"expected a branch, tag or commit of this repository, got {ref!r}: {hint}")
        subject = self._ask("log", "-1", "--format=%s", sha)
        return Commit(ref, sha, subject)

    def _sha(self, ref: str) -> str:
        """The sha of a ref's commit; empty if there is none."""
        # Without --end-of-options, git would read a ref that begins with a dash as an option.
        done = _git(self.root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        return "" if done.returncode else done.stdout.strip()

    @property
    def is_shallow(self) -> bool:
        """Whether the history is cut off, as in a clone with `--depth`."""
        return _git(self.root, "rev-parse", "--is-shallow-repository").stdout.strip() == "true"

    @property
    def git_folder(self) -> Path:
        """The directory of git's own files, which all worktrees share."""
        return (self.root / self._ask("rev-parse", "--git-common-dir")).resolve()

    def submodules(self) -> list[str]:
        """Names of the submodules of the checked-out commit."""
        listed = self._ask("config", "--file", ".gitmodules", "--name-only", "--get-regexp", r"^submodule\..*\.path$")
        return [line.removeprefix("submodule.").removesuffix(".path") for line in listed.splitlines()]

    def refs(self) -> list[str]:
        """Short names of all branches, remote branches and tags."""
        names = self._ask("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags")
        return names.splitlines()

    def merge_base(self, base: Commit, candidate: Commit) -> Commit:
        """Find the commit at which the candidate branched off the base.

        Later commits of the base are no changes of the candidate.

        Raises:
            GitError: the two have no common history.
        """
        done = _git(self.root, "merge-base", base.sha, candidate.sha)
        if done.returncode:
            raise GitError(
                f"{base.ref} and {candidate.ref} have no common commit to start from (a shallow clone? "
                "`git fetch --unshallow` helps); --exact-base compares the two as they are"
            )
        sha = done.stdout.strip()
        return base if sha == base.sha else Commit(base.ref, sha, self._ask("log", "-1", "--format=%s", sha))

    def commits_to_bisect(self, good: str, bad: str, also_good: Iterable[str] = ()) -> list[Commit]:
        """The commits after the good ones up to the bad one, the best one to test next first: git bisect's order."""
        listed = self._ask("rev-list", "--bisect-all", "--format=%H %s", bad, "--not", good, *also_good)
        # git prints a line `commit SHA (dist=N)` before each line of this format.
        words = [line.partition(" ") for line in listed.split("\n") if line and not line.startswith("commit ")]
        return [Commit(sha, sha, subject) for sha, _, subject in words]

    def uncommitted(self) -> list[str]:
        """Paths of tracked files with uncommitted changes."""
        return [line[3:] for line in self._ask("status", "--porcelain", "--untracked-files=no").splitlines()]

    def files(self, commit: Commit, folder: Path = Path()) -> list[str]:
        """Names in a directory of a commit; none if the directory did not exist."""
        done = _git(self.root, "ls-tree", "--name-only", f"{commit.sha}:{_in_git(folder)}")
        return [] if done.returncode else done.stdout.splitlines()

    def changed_files(self, base: Commit, candidate: Commit) -> list[str]:
        """Paths of the files that differ between two commits."""
        return self._ask("diff", "--name-only", "--no-renames", base.sha, candidate.sha).splitlines()

    def text(self, commit: Commit, path: Path) -> str | None:
        """A file as it was in that commit, or None if it did not exist."""
        done = _git(self.root, "show", f"{commit.sha}:{_in_git(path)}")
        return None if done.returncode else done.stdout

    def _ask(self, *arguments: str) -> str:
        done = _git(self.root, *arguments)
        if done.returncode:
            verb = next(part for part in arguments if not part.startswith("-") and "=" not in part)
            raise GitError(f"`git {verb}` failed: {done.stderr.strip() or 'it gave no reason'}")
        return done.stdout.rstrip("\n")

    def worktrees(self) -> list[Path]:
        """Paths of all worktrees that git has registered for this repository."""
        lines = self._ask("worktree", "list", "--porcelain").splitlines()
        return [Path(line.removeprefix("worktree ")) for line in lines if line.startswith("worktree ")]

    def forget_worktree(self, tree: Path) -> None:
        """Remove a worktree from git's list, even if its directory is gone. An unknown worktree is ignored."""
        _git(self.root, "worktree", "remove", "--force", str(tree))

    def run(self, *arguments: str) -> None:
        """Run a git command for its effect.

        Raises:
            GitError: the command failed. The message contains git's own error output.
        """
        self._ask(*arguments)


@contextmanager
def checked_out(repository: Repository, commit: Commit) -> Iterator[Path]:
    """Check out `commit` in a fresh worktree (detached, so no branch is locked). Yields its top directory.

    The worktree is removed on exit, also after an exception, Ctrl-C, or a SIGTERM that was turned into an exception.
    Entries that a killed comparison left in git's list of worktrees are removed first, and only these: `git worktree
    prune` would also remove a worktree of the user's on a disk that is not mounted.

    Raises:
        GitError: git cannot check out the commit.
    """
    for stale in repository.worktrees():
        if stale.parent.name.startswith(PREFIX) and not stale.exists():
            repository.forget_worktree(stale)
    parent = Path(tempfile.mkdtemp(prefix=PREFIX))
    tree = parent / commit.short
    try:
        repository.run("worktree", "add", "--quiet", "--detach", str(tree), commit.sha)
        yield tree
    finally:
        shutil.rmtree(parent, ignore_errors=True)
        repository.forget_worktree(tree)


def _in_git(path: Path) -> str:
    """A path inside of a commit, as git spells it. The top directory is an empty string."""
    return "" if path == Path() else path.as_posix()


def environment_without_git() -> dict[str, str]:
    """Our environment without the variables of a git hook.

    They would redirect every git command in a worktree to the repository and the index of the hook.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # The user's post-checkout hook must not run for our temporary worktrees.
    command = ["git", "-c", "core.hooksPath=/dev/null", "-C", str(folder), *arguments]
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment_without_git() | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
            timeout=GIT_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as absent:
        raise GitError("comparing two refs needs git, which is not installed (or not on the PATH)") from absent
    except subprocess.TimeoutExpired as slow:
        raise GitError(f"`git {arguments[0]}` did not answer within {GIT_TIMEOUT_S:.0f} s") from slow
