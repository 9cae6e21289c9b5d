"""A comparison of two builds: two git refs measured in turn, or two stored runs side by side."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

from wsproof.comparison.blocks import BlockResult
from wsproof.comparison.partial import PartialComparison
from wsproof.comparison.refs import compare_refs
from wsproof.comparison.runs import compare_runs
from wsproof.errors import UsageError
from wsproof.model.comparison import Comparison
from wsproof.report.formats.page import write_page
from wsproof.report.store.run_dir import ComparisonDir
from wsproof.report.store.runs import RunStore
from wsproof.session.console import SILENT, Console
from wsproof.session.context import CommandContext
from wsproof.session.options import CompareOptions
from wsproof.session.plan import plan_of


def compare(options: CompareOptions, *, console: Console = SILENT, began: float | None = None) -> Comparison:
    """Compare base and candidate, and keep the comparison.

    If the comparison ends early, what was measured until then is kept and told to the console.

    Raises:
        UsageError: the options are wrong, there is no such ref or run, or a build could not be started.
    """
    context = CommandContext(options, console, began)
    if is_run(context.store, options.base) and is_run(context.store, options.candidate):
        base, candidate = (context.store.find(name).read() for name in (options.base, options.candidate))
        comparison = compare_runs(base, candidate)
        folder = context.store.new_comparison(options.base, options.candidate)
    else:
        _ = context.workload_name
        blocks = BlockLog(context)
        try:
            comparison = measure_refs(context, blocks)
        except PartialComparison as partial:
            keep(context, blocks.folder, partial.comparison)
            raise partial.cause from None
        folder = blocks.folder
    keep(context, folder, comparison)
    return comparison


def keep(context: CommandContext[CompareOptions], folder: ComparisonDir, comparison: Comparison) -> None:
    """Write the comparison and its page."""
    folder.write(comparison)
    context.console.compared(comparison)
    context.console.say(f"page: {write_page(folder)}")


def is_run(store: RunStore, name: str) -> bool:
    """Whether the name is that of a stored run, and not a git ref."""
    try:
        store.find(name)
    except UsageError:
        return False
    return True


class BlockLog:
    """Writer of a comparison's blocks, each as soon as it ends.

    The folder is made for the first block, so that a wrong git ref leaves no empty folder.
    """

    def __init__(self, context: CommandContext[CompareOptions]) -> None:
        self._context = context

    @cached_property
    def folder(self) -> ComparisonDir:
        """The comparison's folder, made on first use."""
        given = self._context.options
        return self._context.store.new_comparison(given.base, given.candidate)

    def keep(self, block: BlockResult) -> None:
        """Append one block to `blocks.jsonl`."""
        with (self.folder.path / "blocks.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(block.to_json(), allow_nan=False) + "\n")


def measure_refs(context: CommandContext[CompareOptions], blocks: BlockLog) -> Comparison:
    """Measure two git refs: worktrees, fresh servers, interleaved blocks."""
    given = context.options
    with context.console.progress() as progress:
        return compare_refs(
            given.base,
            given.candidate,
            repo=Path.cwd(),
            target=context.target_at,
            plan=plan_of(context),
            channels=context.needed_channels(),
            settings=context.settings,
            pairs=given.pairs,
            seed=given.seed,
            exact_base=given.exact_base,
            keep=blocks.keep,
            progress=progress.engine,
        )
