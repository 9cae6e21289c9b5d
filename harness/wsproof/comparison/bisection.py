"""The search for the first commit that is worse than a good one, in git bisect's order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import log2

from wsproof.comparison.evidence import UNJUDGED
from wsproof.comparison.repository import Commit, Repository
from wsproof.comparison.violations import ViolationKey, violations
from wsproof.errors import CannotTellError, GitError, UsageError
from wsproof.model.bisection import Bisection, BisectStep, CommitState
from wsproof.model.comparison import Comparison, Judgement


@dataclass(frozen=True)
class TestedCommit:
    """The comparison of a commit with the good one, and the directory of its record."""

    __test__ = False
    comparison: Comparison
    record: str = ""
    is_reused: bool = False


Test = Callable[[Commit], TestedCommit]


@dataclass(frozen=True)
class Symptoms:
    """What makes the bad commit worse than the good one: metrics, and violations by check, section and anomaly.

    Other commits are judged by these alone. A commit in between may be worse in something that was mended later.
    """

    metrics: frozenset[str] = frozenset()
    violations: frozenset[ViolationKey] = frozenset()

    @classmethod
    def of(cls, comparison: Comparison) -> Symptoms:
        """The symptoms that a comparison shows."""
        return cls(
            frozenset(row.metric for row in comparison.metrics if row.primary and row.verdict is Judgement.WORSE),
            frozenset(violations(comparison.findings)),
        )

    def state_of(self, comparison: Comparison) -> tuple[CommitState, str]:
        """The state of a commit by its comparison with the good one, and the reason why it is skipped."""
        shown = Symptoms.of(comparison)
        if self.metrics & shown.metrics or self.violations & shown.violations:
            return CommitState.BAD, ""
        rows = [row for row in comparison.metrics if row.metric in self.metrics]
        unclear = [row.metric for row in rows if row.verdict not in (Judgement.SAME, Judgement.BETTER)]
        missing = self.metrics - {row.metric for row in rows}
        if unclear or missing:
            return CommitState.SKIPPED, f"cannot tell: {', '.join(sorted([*unclear, *missing]))}"
        if self.violations and any(warning.code == UNJUDGED for warning in comparison.warnings):
            return CommitState.SKIPPED, "cannot tell: correctness could not be judged"
        if not self.metrics and comparison.verdict is Judgement.CANNOT_TELL and not comparison.metrics:
            return CommitState.SKIPPED, "nothing was measured"
        return CommitState.GOOD, ""


def find_first_bad(
    repository: Repository,
    good: Commit,
    bad: Commit,
    test: Test,
    report: Callable[[BisectStep, int], None] = lambda step, left: None,
) -> Bisection:
    """Test commits between `good` and `bad` until one of them is the first bad one.

    `test` compares a commit with the good one. The bad commit is tested first: its symptoms are those that count. A
    commit that cannot be tested is skipped. `report` gets each step, and how many commits may still
    be the first bad one.

    Raises:
        UsageError: the bad commit itself cannot be tested, or there are no commits between the two.
    """
    search = _Search(repository, good, bad)
    if not search.commits():
        raise UsageError(f"there are no commits between {good.ref} and {bad.ref}: nothing to search")
    tested = test(bad)
    symptoms = Symptoms.of(tested.comparison)
    state, reason = (CommitState.BAD, "") if symptoms != Symptoms() else _not_worse(tested.comparison)
    search.add(_step(bad, state, reason, tested), report)
    if state is not CommitState.BAD:
        return Bisection(good.to_json(), bad.to_json(), tuple(search.steps), (), tested.comparison)
    worst = tested.comparison
    while (commit := search.next()) is not None:
        try:
            tested = test(commit)
        except (UsageError, CannotTellError) as untestable:
            first_line = str(untestable).splitlines()[0]
            search.add(BisectStep(commit.sha, commit.subject, CommitState.SKIPPED, first_line), report)
            continue
        state, reason = symptoms.state_of(tested.comparison)
        if state is CommitState.BAD:
            worst = tested.comparison
        search.add(_step(commit, state, reason, tested), report)
    suspects = tuple(commit.to_json() | {"ref": commit.short} for commit in search.commits())
    return Bisection(good.to_json(), bad.to_json(), tuple(search.steps), suspects, worst)


def steps_left(suspects: int) -> int:
    """About how many commits must still be tested, if none is skipped."""
    return max(0, round(log2(suspects))) if suspects else 0


def require_history(repository: Repository, good: Commit, bad: Commit) -> Commit:
    """The commit at which `bad` branched off `good`: where the search begins.

    Raises:
        GitError: the two have no common history, or the good commit comes after the bad one.
    """
    base = repository.merge_base(good, bad)
    if base.sha == bad.sha:
        raise GitError(f"{bad.ref} is older than {good.ref}: the order is GOOD BAD, such as v1.0 HEAD")
    return base


@dataclass
class _Search:
    """What is known so far. `bad` is the oldest commit that is known to be bad."""

    repository: Repository
    good: Commit
    bad: Commit
    goods: list[str] = field(default_factory=list)
    skipped: set[str] = field(default_factory=set)
    steps: list[BisectStep] = field(default_factory=list)

    def commits(self) -> list[Commit]:
        """The commits that may be the first bad one, the best one to test next first."""
        return self.repository.commits_to_bisect(self.good.sha, self.bad.sha, self.goods)

    def next(self) -> Commit | None:
        """The next commit to test. None: there is none left."""
        untested = (each for each in self.commits() if each.sha != self.bad.sha and each.sha not in self.skipped)
        return next(untested, None)

    def add(self, step: BisectStep, report: Callable[[BisectStep, int], None]) -> None:
        """Learn the state of a commit."""
        self.steps.append(step)
        if step.state is CommitState.BAD:
            self.bad = self.repository.commit(step.sha)
        elif step.state is CommitState.GOOD:
            self.goods.append(step.sha)
        else:
            self.skipped.add(step.sha)
        report(step, len(self.commits()))


def _step(commit: Commit, state: CommitState, reason: str, tested: TestedCommit) -> BisectStep:
    return BisectStep(commit.sha, commit.subject, state, reason, tested.record, tested.is_reused)


def _not_worse(comparison: Comparison) -> tuple[CommitState, str]:
    if comparison.verdict in (Judgement.SAME, Judgement.BETTER):
        return CommitState.GOOD, ""
    return CommitState.SKIPPED, "cannot tell"
