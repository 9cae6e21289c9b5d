"""Comparison of two git refs: worktrees, interleaved blocks, a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsproof.comparison.blocks import BlockResult, Load, run_block
from wsproof.comparison.environment import import_path, own_python, required_packages
from wsproof.comparison.evidence import compare_blocks
from wsproof.comparison.order import Block, Side, block_order, order_text
from wsproof.comparison.partial import MeasuredPart
from wsproof.comparison.repository import Commit, Repository, checked_out
from wsproof.errors import TargetError, UsageError
from wsproof.load import Progress, Watcher
from wsproof.model.comparison import Comparison
from wsproof.model.plan import Plan
from wsproof.model.summary import TrustWarning
from wsproof.target.target import Target
from wsproof.workloads.registry import load_channels
from wsproof.workloads.settings import environment_of

TargetFactory = Callable[[Path, str | None], Target]
"""Creates the target of a build from the directory in which it starts and the path of its Python (None: the current
one)."""

SHARE_OF_PHASE = {"connect": 0.1, "probe": 0.1, "warm-up": 0.2, "measure": 0.5, "drain": 0.05, "collect": 0.05}
"""Approximate share of a block's time that each phase of the engine takes. Used only for the progress display."""


@dataclass(frozen=True)
class ComparedCommits:
    """The two commits of a comparison. `base` is the merge base, unless the user asked for the ref itself."""

    repository: Repository
    base: Commit
    candidate: Commit
    moved: bool
    """Whether the base is the merge base and not the ref itself."""
    uncommitted: tuple[str, ...] = ()

    def commit_of(self, side: Side) -> Commit:
        """The commit that a side runs."""
        return self.candidate if side is Side.CANDIDATE else self.base

    def described(self) -> dict[str, dict[str, Any]]:
        """Both commits, as the fields `base` and `candidate` of a comparison."""
        moved = {"merge_base": True} if self.moved else {}
        return {"base": self.base.to_json() | moved, "candidate": self.candidate.to_json()}

    @property
    def warnings(self) -> tuple[TrustWarning, ...]:
        """Warnings that the user should read before any number."""
        return (*self._warn_of_uncommitted(), *self._warn_of_sameness())

    def _warn_of_uncommitted(self) -> Iterator[TrustWarning]:
        if self.uncommitted:
            some = ", ".join(self.uncommitted[:3]) + (", ..." if len(self.uncommitted) > 3 else "")
            yield TrustWarning(
                "uncommitted",
                f"{len(self.uncommitted)} file(s) have uncommitted changes ({some}): they are in neither build.",
                "Commit them to have them compared. (The harness itself always runs as it is now.)",
            )

    def _warn_of_sameness(self) -> Iterator[TrustWarning]:
        if self.base.sha == self.candidate.sha:
            yield TrustWarning(
                "same-commit",
                f"{self.base.ref} and {self.candidate.ref} are one commit ({self.base.short})"
                + (" once the base is their merge-base." if self.moved else "."),
                "This shows only the machine's noise. To compare with the tip of the base, add --exact-base.",
            )


def find_commits(base: str, candidate: str, repo: Path, *, exact_base: bool = False) -> ComparedCommits:
    """Find both commits. The base is the merge base of the two, unless `exact_base`.

    Raises:
        GitError: there is no repository, no such ref, or no common history.
    """
    repository = Repository.containing(repo)
    wanted, other = repository.commit(base), repository.commit(candidate)
    used = wanted if exact_base else repository.merge_base(wanted, other)
    return ComparedCommits(repository, used, other, used.sha != wanted.sha, tuple(repository.uncommitted()))


def compare_refs(
    base: str,
    candidate: str,
    *,
    repo: Path,
    target: TargetFactory,
    plan: Plan,
    channels: str = "reference",
    settings: Mapping[str, str] | None = None,
    pairs: int = 10,
    seed: int = 0,
    exact_base: bool = False,
    keep: Callable[[BlockResult], None] | None = None,
    checkpoint: Callable[[Comparison], None] | None = None,
    progress: Watcher | None = None,
) -> Comparison:
    """Measure two refs in interleaved blocks and judge the candidate.

    `keep` gets each block as soon as it is over, and `checkpoint` the comparison up to then, so that a killed
    comparison loses at most one block. Both builds are measured by the harness of the current checkout.

    Raises:
        UsageError: the target is a URL, or the requested target or plan is impossible.
        GitError: there is no repository, no such ref, or no common history.
        TargetError: a build cannot be started. The message says which one.
        PartialComparison: the comparison was stopped after at least one block, for example by Ctrl-C. It holds the
            result of the measured blocks.
    """
    if pairs < 1:
        raise UsageError(f"expected --pairs of at least 1, got {pairs}; a regression needs 8, and 10 is the default")
    commits = find_commits(base, candidate, repo, exact_base=exact_base)
    load = Load(plan, channels, dict(settings or {}))
    order = block_order(pairs, seed=seed)
    facts = commits.described() | {"plan": load.to_json(), "seed": seed, "pairs": pairs, "order": order_text(order)}
    measured = MeasuredPart[BlockResult](
        compare_blocks, len(order), "blocks", facts, commits.warnings, keep=keep, checkpoint=checkpoint
    )
    with measured.kept_on_error(), builds(commits, repo, target, load) as targets:
        # Each block holds the measurement lock for itself, so another measurement spoils only the blocks that it
        # overlaps.
        for index, block in enumerate(order):
            step = _through(progress, index, block, len(order))
            measured.add(_run(index, block, targets, commits, load, step))
    return measured.compared()


@contextmanager
def builds(commits: ComparedCommits, repo: Path, target: TargetFactory, load: Load) -> Iterator[dict[Side, Target]]:
    """Check out both builds in temporary worktrees.

    Yields the target that starts each, and removes the worktrees on exit.
    """
    repository = commits.repository
    needs_environments = required_packages(repository, commits.base) != required_packages(repository, commits.candidate)
    inside = repo.resolve().relative_to(repository.root.resolve())
    environment = environment_of(load_channels(load.channels, load.settings))
    targets: dict[Side, Target] = {}
    with ExitStack() as stack:
        for side, commit in ((Side.BASE, commits.base), (Side.CANDIDATE, commits.candidate)):
            tree = stack.enter_context(checked_out(repository, commit))
            python = own_python(tree, tree.parent / "venv") if needs_environments else None
            try:
                build_target = target(tree / inside, python)
            except UsageError as wrong:
                raise UsageError(f"in {commit.ref} ({commit.short}): {wrong}") from wrong
            if not build_target.is_ours:
                raise UsageError(
                    f"{build_target.spec} is already running, so it cannot be two builds at once: name an app "
                    "(pkg.module:app) or a cmd: target, or measure twice with `wsproof bench` and compare the two runs"
                )
            paths = {} if needs_environments else {"PYTHONPATH": import_path(repository.root.resolve(), tree)}
            targets[side] = build_target.with_env(environment | paths)
        yield targets | {Side.BASE_AGAIN: targets[Side.BASE]}


def _run(
    index: int,
    block: Block,
    targets: Mapping[Side, Target],
    commits: ComparedCommits,
    load: Load,
    progress: Watcher | None,
) -> BlockResult:
    try:
        return run_block(index, block, targets[block.side], load, progress)
    except TargetError as failed:
        commit = commits.commit_of(block.side)
        raise TargetError(f"in {commit.ref} ({commit.short}): {failed}") from failed


def _through(progress: Watcher | None, index: int, block: Block, total: int) -> Watcher | None:
    """Convert the engine's progress within a block into the progress of the whole comparison."""
    if progress is None:
        return None
    before = dict(zip(SHARE_OF_PHASE, _sums(list(SHARE_OF_PHASE.values())), strict=True))
    title = f"block {index + 1} of {total}, {'candidate' if block.side is Side.CANDIDATE else 'base'}"

    def watch(step: Progress) -> None:
        inside = before.get(step.phase, 0.0) + SHARE_OF_PHASE.get(step.phase, 0.0) * step.done
        progress(Progress(title, (index + inside) / total, step.note or step.phase))

    return watch


def _sums(shares: Sequence[float]) -> list[float]:
    return [sum(shares[:index]) for index in range(len(shares))]
