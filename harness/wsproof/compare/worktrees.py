"""A commit checked out aside, in a temporary folder that is gone afterwards, however the work ends."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wsproof.compare.repository import Commit, Repository

PREFIX = "wsproof-compare-"


@contextmanager
def checked_out(repository: Repository, commit: Commit) -> Iterator[Path]:
    """The top folder of a fresh worktree of `commit` (detached, so no branch is held).

    It is removed on the way out, whatever happens: an exception, Ctrl-C, a SIGTERM that was turned into one. What a
    killed comparison left behind in git's books is cleared first, and only that: `git worktree prune` would also forget
    a worktree of the user's on a disk that is not plugged in.

    Raises:
        GitError: git cannot check it out.
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
