"""A comparison of two builds: two git refs measured in turn, or two stored runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from wsproof.comparison.blocks import BlockResult, Load
from wsproof.comparison.cells import Cell
from wsproof.comparison.life import WINDOW_S, LifeResult
from wsproof.comparison.lives import QUICK, Extent
from wsproof.comparison.partial import PartialComparison
from wsproof.comparison.refs import compare_refs
from wsproof.comparison.runs import compare_runs
from wsproof.comparison.windows import compare_in_turn
from wsproof.errors import UsageError
from wsproof.model.arrivals import RampArrivals, Trace
from wsproof.model.comparison import Comparison
from wsproof.model.plan import Plan
from wsproof.net.redact import redact
from wsproof.report.formats.page import write_page
from wsproof.report.store.atomic import append_json
from wsproof.report.store.run_dir import ComparisonDir
from wsproof.report.store.runs import RunStore
from wsproof.session.compared_cells import cell_contexts, cells_of, joined_settings
from wsproof.session.console import SILENT, Console
from wsproof.session.context import CommandContext
from wsproof.session.options import COMPARED_PUBLISHERS, CompareOptions
from wsproof.session.plan import plan_of
from wsproof.workloads import Workload


def compare(options: CompareOptions, *, console: Console = SILENT, began: float | None = None) -> Comparison:
    """Compare base and candidate, and keep the comparison.

    If the comparison ends early, what was measured until then is kept and passed to the console.

    Raises:
        UsageError: the options are wrong, there is no such ref or run, or a build could not be started.
    """
    return compare_and_keep(CommandContext(with_fitting_publishers(options), console, began))[0]


def compare_and_keep(context: CommandContext[CompareOptions]) -> tuple[Comparison, ComparisonDir]:
    """Compare, and keep the comparison. Returns its directory, too. Raises the same as `compare`."""
    options = context.options
    if is_run(context.store, options.base) and is_run(context.store, options.candidate):
        base, candidate = (context.store.find(name).read() for name in (options.base, options.candidate))
        comparison = compare_runs(base, candidate)
        folder = context.store.new_comparison(options.base, options.candidate)
    else:
        log = ResultLog(context)
        try:
            comparison = measure_refs(context, log)
        except PartialComparison as partial:
            keep(context, log.folder, partial.comparison)
            raise partial.cause from None
        folder = log.folder
    keep(context, folder, comparison)
    return comparison, folder


def conditions_of(context: CommandContext[CompareOptions]) -> dict[str, Any]:
    """The plan of the comparison's record: the load, the target and the setup command. Equal for both builds."""
    contexts = cell_contexts(context)
    load = Load(plan_of(contexts[0]), context.needed_channels(), joined_settings(contexts))
    return load.to_json() | _about(context, cells_of(contexts))


def _about(context: CommandContext[CompareOptions], cells: Sequence[Cell]) -> dict[str, Any]:
    """The facts of the record's plan that are not the load: how both servers are started."""
    options = context.options
    setup = None if options.setup is None else redact(options.setup, context.secrets)
    names = [cell.name for cell in cells]
    facts = {"target": context.target.describe()["spec"], "server": options.server, "setup": setup, "cells": names}
    return {name: value for name, value in facts.items() if value}


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


class ResultLog:
    """Writer of a comparison's blocks or lives, each as soon as it ends.

    The folder is made with the first of them, so that a wrong git ref leaves no empty folder.
    """

    def __init__(self, context: CommandContext[CompareOptions]) -> None:
        self._context = context

    @cached_property
    def folder(self) -> ComparisonDir:
        """The comparison's folder, made on first use."""
        options = self._context.options
        return self._context.store.new_comparison(options.base, options.candidate)

    def keep_block(self, block: BlockResult) -> None:
        """Append one block to `blocks.jsonl`."""
        append_json(self.folder.path / "blocks.jsonl", block.to_json())

    def keep_life(self, life: LifeResult) -> None:
        """Append one life to `lives.jsonl`."""
        append_json(self.folder.path / "lives.jsonl", life.to_json())

    def checkpoint(self, comparison: Comparison) -> None:
        """Write the comparison up to now as a document of its own, marked as cut short."""
        self.folder.write(comparison)


def measure_refs(context: CommandContext[CompareOptions], log: ResultLog) -> Comparison:
    """Measure two git refs: in windows in turn, or in blocks with `--apart`."""
    options = context.options
    contexts = cell_contexts(context)
    plan, cells = plan_of(contexts[0]), cells_of(contexts)
    if options.apart and cells:
        raise UsageError("several workloads or servers are compared in windows in turn: leave out --apart, or one name")
    for each in contexts if not options.apart else ():
        require_windows(plan_of(each), each.workloads[each.workload_name])
    with context.console.progress() as progress:
        if options.apart:
            return compare_refs(
                options.base,
                options.candidate,
                repo=Path.cwd(),
                target=context.target_at,
                setup=options.setup,
                about=_about(context, cells),
                plan=plan,
                channels=context.needed_channels(),
                settings=joined_settings(contexts),
                pairs=options.pairs,
                seed=options.seed,
                exact_base=options.exact_base,
                keep=log.keep_block,
                checkpoint=log.checkpoint,
                progress=progress.engine,
            )
        return compare_in_turn(
            options.base,
            options.candidate,
            repo=Path.cwd(),
            target=context.target_at,
            setup=options.setup,
            about=_about(context, cells),
            plan=plan,
            channels=context.needed_channels(),
            settings=joined_settings(contexts),
            cells=cells,
            extent=extent_of(options),
            seed=options.seed,
            exact_base=options.exact_base,
            keep=log.keep_life,
            checkpoint=log.checkpoint,
            progress=progress.engine,
        )


def with_fitting_publishers(options: CompareOptions) -> CompareOptions:
    """The options with no more publishers than subscribers, if the number of publishers is the default."""
    if options.publishers != COMPARED_PUBLISHERS:
        return options
    return replace(options, publishers=min(options.publishers, options.subscribers))


def extent_of(options: CompareOptions) -> Extent:
    """The length of a comparison in windows, by its options."""
    default = QUICK if options.quick else Extent()
    return replace(
        default,
        lives=options.lives or default.lives,
        budget_s=options.budget or default.budget_s,
        until=options.until,
    )


ARRIVALS = 1.2
"""Least mean number of arrivals in a window and the pause after it: with fewer, many windows would have none."""


def require_windows(plan: Plan, workload: Workload) -> None:
    """Check that a load can be split into windows.

    Raises:
        UsageError: it cannot. The message says why, and what to do.
    """
    reasons = {
        f"the members of {plan.workload} only listen": not workload.publishes,
        "--closed has no schedule": plan.in_flight is not None,
        "--steps lets members join over a whole run": plan.steps > 1,
        f"--arrivals {plan.arrivals} describes a whole run": isinstance(plan.arrivals, RampArrivals | Trace),
        f"a --rate of {plan.rate_hz:g} has less than one arrival in {WINDOW_S:g} s": plan.rate_hz * WINDOW_S < ARRIVALS,
    }
    for reason, holds in reasons.items():
        if holds:
            raise UsageError(f"{reason}, so it cannot be split into windows in turn: add --apart to measure in blocks")
