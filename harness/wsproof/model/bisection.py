"""The search for the first bad commit between a good one and a bad one, by comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from wsproof.model.comparison import Comparison
from wsproof.model.schemas import BISECT_SCHEMA


class CommitState(StrEnum):
    """What a comparison with the good commit says about a commit."""

    GOOD = "good"
    BAD = "bad"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class BisectStep:
    """One commit that was tested, or skipped for the given reason. `record` is the directory of its comparison."""

    sha: str
    subject: str
    state: CommitState
    reason: str = ""
    record: str = ""
    is_reused: bool = False
    """Whether the comparison was stored by an earlier search."""

    def to_json(self) -> dict[str, Any]:
        """Return one row of `steps` in wsproof.bisect/1."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"state": self.state.value}


@dataclass(frozen=True)
class Bisection:
    """The result of a search.

    `suspects` are the commits, newest first, of which one is the first bad commit: one if it was found, several if
    commits between them were skipped, none if the bad commit is not worse than the good one. `comparison` is that of
    the last suspect that is known to be bad.
    """

    good: Mapping[str, Any]
    bad: Mapping[str, Any]
    steps: tuple[BisectStep, ...]
    suspects: tuple[Mapping[str, Any], ...] = ()
    comparison: Comparison | None = field(default=None, repr=False)

    @property
    def first_bad(self) -> Mapping[str, Any] | None:
        """The first bad commit, if exactly one commit can be it."""
        return self.suspects[0] if len(self.suspects) == 1 else None

    @property
    def is_undecided(self) -> bool:
        """Whether the search found neither the first bad commit nor that there is none."""
        if self.suspects:
            return self.first_bad is None
        return self.steps[0].state is CommitState.SKIPPED

    def to_json(self) -> dict[str, Any]:
        """Return the search as wsproof.bisect/1."""
        return {
            "schema": BISECT_SCHEMA,
            "good": dict(self.good),
            "bad": dict(self.bad),
            "first_bad": None if self.first_bad is None else dict(self.first_bad),
            "suspects": [dict(suspect) for suspect in self.suspects],
            "steps": [step.to_json() for step in self.steps],
            "comparison": None if self.comparison is None else self.comparison.to_json(),
        }
