"""The two commits of a comparison, and what the user should know about them before any number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from wsproof.comparison.order import Side
from wsproof.comparison.packages import DeclaredPackages, declared_packages
from wsproof.comparison.repository import Commit, Repository
from wsproof.model.summary import TrustWarning


@dataclass(frozen=True)
class ComparedCommits:
    """The two commits of a comparison. `base` is the merge base, unless the user asked for the ref itself."""

    repository: Repository
    base: Commit
    candidate: Commit
    moved: bool
    """Whether the base is the merge base and not the ref itself."""
    uncommitted: tuple[str, ...] = ()
    folder: Path = Path()
    """The directory of the app, relative to the top of the repository."""

    def commit_of(self, side: Side) -> Commit:
        """The commit that a side runs."""
        return self.candidate if side is Side.CANDIDATE else self.base

    def described(self) -> dict[str, dict[str, Any]]:
        """Both commits, as the fields `base` and `candidate` of a comparison."""
        moved = {"merge_base": True} if self.moved else {}
        return {"base": self.base.to_json() | moved, "candidate": self.candidate.to_json()}

    def own_packages(self, side: Side) -> DeclaredPackages | None:
        """The packages for which this side needs an environment of its own. None: it runs in the current one."""
        return self._declared[side] if self._declared[Side.BASE] != self._declared[Side.CANDIDATE] else None

    @cached_property
    def _declared(self) -> dict[Side, DeclaredPackages | None]:
        return {
            side: declared_packages(self.repository, self.commit_of(side), self.folder)
            for side in (Side.BASE, Side.CANDIDATE)
        }

    @property
    def warnings(self) -> tuple[TrustWarning, ...]:
        """Warnings that the user should read before any number."""
        return (*self._warn_of_uncommitted(), *self._warn_of_sameness(), *self._warn_of_undeclared())

    def _warn_of_uncommitted(self) -> Iterator[TrustWarning]:
        if self.uncommitted:
            some = ", ".join(self.uncommitted[:3]) + (", ..." if len(self.uncommitted) > 3 else "")
            yield TrustWarning(
                "uncommitted",
                f"{len(self.uncommitted)} file(s) have uncommitted changes ({some}): they are in neither build.",
                "Commit them, or compare `$(git stash create)`. (The harness itself always runs as it is now.)",
            )

    def _warn_of_sameness(self) -> Iterator[TrustWarning]:
        if self.base.sha == self.candidate.sha:
            yield TrustWarning(
                "same-commit",
                f"{self.base.ref} and {self.candidate.ref} are one commit ({self.base.short})"
                + (" once the base is their merge-base." if self.moved else "."),
                "This shows only the machine's noise. To compare with the tip of the base, add --exact-base.",
            )

    def _warn_of_undeclared(self) -> Iterator[TrustWarning]:
        silent = [side for side, declared in self._declared.items() if declared is None]
        if len(silent) == 1:
            yield TrustWarning(
                "undeclared-packages",
                f"{self.commit_of(silent[0]).label} declares no packages, so its server runs in the current "
                "environment. The other build has an environment of its own.",
                "If their packages differ in more than that, give both a requirements.txt, or add --setup.",
            )


def find_commits(base: str, candidate: str, repo: Path, *, exact_base: bool = False) -> ComparedCommits:
    """Find both commits. The base is the merge base of the two, unless `exact_base`. `repo` is the app's directory.

    Raises:
        GitError: there is no repository, no such ref, or no common history.
    """
    repository = Repository.containing(repo)
    base_commit, candidate_commit = repository.commit(base), repository.commit(candidate)
    used = base_commit if exact_base else repository.merge_base(base_commit, candidate_commit)
    folder = repo.resolve().relative_to(repository.root.resolve())
    return ComparedCommits(
        repository, used, candidate_commit, used.sha != base_commit.sha, tuple(repository.uncommitted()), folder
    )
