"""The search for the first commit that made a server worse."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from wsproof.comparison.bisection import TestedCommit, find_first_bad, require_history, steps_left
from wsproof.comparison.repository import Commit, Repository
from wsproof.errors import UsageError
from wsproof.model.bisection import Bisection, BisectStep
from wsproof.model.comparison import Comparison, Judgement
from wsproof.report.text.bisection import step_sentence
from wsproof.report.text.run import count
from wsproof.session.compare import compare_and_keep, conditions_of, with_fitting_publishers
from wsproof.session.console import SILENT, Console
from wsproof.session.context import CommandContext
from wsproof.session.options import BisectOptions, CompareOptions

SHOWN = 12
"""Digits of a commit by which outputs name it. Git itself needs no more in a repository of millions of objects."""


def bisect(options: BisectOptions, *, console: Console = SILENT, began: float | None = None) -> Bisection:
    """Find the first commit after `options.base` that is worse, up to `options.candidate`.

    Each step is a comparison, which is stored as any other. A search with the same options uses the stored comparisons
    of an earlier one again, so a search that was interrupted goes on where it was.

    Raises:
        UsageError: the options are wrong, there is no such ref, or the bad commit cannot be tested.
    """
    context = CommandContext(with_fitting_publishers(options), console, began)
    repository = Repository.containing(Path.cwd())
    bad = repository.commit(options.candidate)
    good = require_history(repository, repository.commit(options.base), bad)
    conditions = json.loads(json.dumps(conditions_of(context)))

    def test(commit: Commit) -> TestedCommit:
        stored = None if options.fresh else stored_comparison(context, good, commit, conditions)
        if stored is not None:
            return stored
        # Both by their commit: the base must not move to another merge base.
        own = replace(context.options, base=good.sha[:SHOWN], candidate=commit.sha[:SHOWN], exact_base=True)
        comparison, folder = compare_and_keep(CommandContext(own, console))
        return TestedCommit(comparison, folder.id)

    def tell(step: BisectStep, left: int) -> None:
        console.say(step_sentence(step, left, steps_left(left)))

    first = repository.commits_to_bisect(good.sha, bad.sha)
    steps = count(steps_left(len(first)) + 1, "comparison")
    console.say(f"{count(len(first), 'commit')} after {good.label}, about {steps}")
    return find_first_bad(repository, good, bad, test, tell)


def stored_comparison(
    context: CommandContext[CompareOptions], good: Commit, commit: Commit, conditions: dict[str, Any]
) -> TestedCommit | None:
    """The newest stored comparison of these commits under these conditions, if it is complete and has a verdict.

    `conditions` is the plan of its record, as it is read from JSON.
    """
    for folder in reversed(context.store.comparisons()):
        try:
            comparison = folder.read()
        except UsageError:
            continue  # unreadable, which the index reports
        if _is_usable(comparison, good, commit, conditions):
            return TestedCommit(comparison, folder.id, is_reused=True)
    return None


def _is_usable(comparison: Comparison, good: Commit, commit: Commit, conditions: dict[str, Any]) -> bool:
    return (
        comparison.base.get("sha") == good.sha
        and comparison.candidate.get("sha") == commit.sha
        and comparison.plan == conditions
        and comparison.verdict not in (Judgement.CANNOT_TELL, Judgement.UNPAIRED)
        and not any(warning.code == "cut-short" for warning in comparison.warnings)
    )
