"""A commit checked out in a temporary worktree, which is removed however the work ends."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wsproof.comparison.repository import Commit, Repository

PREFIX = "wsproof-compare-"
"""Name prefix of the temporary directories, by which stale worktrees are recognized."""


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
