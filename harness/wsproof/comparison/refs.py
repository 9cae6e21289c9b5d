"""Comparison of two git refs: worktrees, interleaved blocks, a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wsproof.comparison.blocks import BlockResult, Load, run_block
from wsproof.comparison.build_error import BuildError
from wsproof.comparison.builds import Preparation, TargetFactory, prepared_builds
from wsproof.comparison.commits import ComparedCommits, find_commits
from wsproof.comparison.differences import build_differences
from wsproof.comparison.evidence import compare_blocks
from wsproof.comparison.order import Block, Side, block_order, order_text
from wsproof.comparison.partial import MeasuredPart
from wsproof.errors import TargetError, UsageError
from wsproof.load import Progress, Watcher
from wsproof.model.comparison import Comparison
from wsproof.model.plan import Plan
from wsproof.target.target import Target

SHARE_OF_PHASE = {"connect": 0.1, "probe": 0.1, "warm-up": 0.2, "measure": 0.5, "drain": 0.05, "collect": 0.05}
"""Approximate share of a block's time that each phase of the engine takes. Used only for the progress display."""


def compare_refs(
    base: str,
    candidate: str,
    *,
    repo: Path,
    target: TargetFactory,
    setup: str | None = None,
    about: Mapping[str, Any] | None = None,
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
    `about` are further facts for the record's plan.

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
    preparation = Preparation(target, setup, load.server_variables())
    order = block_order(pairs, seed=seed)
    facts = commits.described() | {
        "plan": load.to_json() | dict(about or {}),
        "seed": seed,
        "pairs": pairs,
        "order": order_text(order),
    }
    measured = MeasuredPart[BlockResult](
        compare_blocks, len(order), "blocks", facts, commits.warnings, keep=keep, checkpoint=checkpoint
    )
    with measured.kept_on_error(), prepared_builds(commits, preparation, progress) as targets:
        measured.add_facts(differences=build_differences(commits, targets))
        # Each block holds the measurement lock for itself, so another measurement spoils only the blocks that it
        # overlaps.
        for index, block in enumerate(order):
            step = _through(progress, index, block, len(order))
            measured.add(_run(index, block, targets, commits, load, step))
    return measured.compared()


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
        raise BuildError(block.side, f"in {commits.commit_of(block.side).label}: {failed}") from failed


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
