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
    killed comparison left behind in git's books is cleared first.

    Raises:
        GitError: git cannot check it out.
    """
    repository.run("worktree", "prune")
    parent = Path(tempfile.mkdtemp(prefix=PREFIX))
    tree = parent / commit.short
    try:
        repository.run("worktree", "add", "--quiet", "--detach", str(tree), commit.sha)
        yield tree
    finally:
        # First the folder, which is big; git forgets a worktree whose folder is gone.
        shutil.rmtree(parent, ignore_errors=True)
        repository.run("worktree", "prune")
