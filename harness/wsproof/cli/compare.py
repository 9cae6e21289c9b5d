"""`wsproof compare`: measure two git refs in turn, or show two stored runs side by side."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

from wsproof.cli.command import Command
from wsproof.cli.exit_codes import exit_code_of_comparison
from wsproof.compare.blocks import BlockResult
from wsproof.compare.partial import PartialComparison
from wsproof.compare.refs import compare_refs
from wsproof.compare.runs import compare_runs
from wsproof.errors import ExitCode, UsageError
from wsproof.model.comparison import Comparison
from wsproof.report.formats.markdown import comparison_markdown
from wsproof.report.formats.progress import ProgressLine
from wsproof.report.formats.terminal import show_comparison
from wsproof.report.store.atomic import write_text
from wsproof.report.store.run_dir import ComparisonDir
from wsproof.report.store.runs import RunStore
from wsproof.session.context import CommandContext
from wsproof.session.options import CompareOptions
from wsproof.session.plan import plan_of


def perform(command: Command[CompareOptions]) -> ExitCode:
    """Compare base and candidate, print the verdict, and keep the comparison."""
    stage, options = CommandContext(command.options, command.outputs, command.began), command.options
    if is_run(stage.store, options.base) and is_run(stage.store, options.candidate):
        base, candidate = (stage.store.find(name).read() for name in (options.base, options.candidate))
        comparison = compare_runs(base, candidate)
        folder = stage.store.new_comparison(options.base, options.candidate)
    else:
        _ = stage.workload_name
        blocks = BlockLog(stage)
        try:
            comparison = measure_refs(stage, blocks)
        except PartialComparison as partial:
            keep(stage, blocks.folder, partial.comparison)
            raise partial.cause from None
        folder = blocks.folder
    keep(stage, folder, comparison)
    return exit_code_of_comparison(comparison.verdict)


def keep(stage: CommandContext[CompareOptions], folder: ComparisonDir, comparison: Comparison) -> None:
    """Write the comparison, its page and the requested copies, and print it."""
    folder.write(comparison)
    show_comparison(stage.console, comparison, all_known=stage.outputs.all)
    stage.console.print(f"page: {folder.write_page()}", soft_wrap=True, markup=False)
    stage.write_accepted(comparison.findings)
    stage.write_json(comparison.to_json())
    if stage.outputs.markdown is not None:
        write_text(stage.outputs.markdown, comparison_markdown(comparison))


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

    def __init__(self, stage: CommandContext[CompareOptions]) -> None:
        self._stage = stage

    @cached_property
    def folder(self) -> ComparisonDir:
        """The comparison's folder, made on first use."""
        given = self._stage.options
        return self._stage.store.new_comparison(given.base, given.candidate)

    def keep(self, block: BlockResult) -> None:
        """Append one block to `blocks.jsonl`."""
        with (self.folder.path / "blocks.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(block.to_json(), allow_nan=False) + "\n")


def measure_refs(stage: CommandContext[CompareOptions], blocks: BlockLog) -> Comparison:
    """Measure two git refs: worktrees, fresh servers, interleaved blocks."""
    given = stage.options
    with ProgressLine(stage.console) as progress:
        return compare_refs(
            given.base,
            given.candidate,
            repo=Path.cwd(),
            target=stage.target_at,
            plan=plan_of(stage),
            channels=stage.needed_channels(),
            settings=stage.settings,
            pairs=given.pairs,
            seed=given.seed,
            exact_base=given.exact_base,
            keep=blocks.keep,
            progress=progress.engine,
        )
