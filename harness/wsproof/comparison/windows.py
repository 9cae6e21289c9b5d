"""Comparison of two git refs by windows in turn: lives of servers that are all alive, and a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from wsproof.comparison.blocks import Load
from wsproof.comparison.build_error import BuildError
from wsproof.comparison.builds import Preparation, TargetFactory, prepared_builds
from wsproof.comparison.cells import Cell, aspects_of, metric_in
from wsproof.comparison.commits import ComparedCommits, find_commits
from wsproof.comparison.differences import build_differences
from wsproof.comparison.evidence import with_verdict
from wsproof.comparison.life import LifeResult, StartedLife
from wsproof.comparison.lives import Extent, fewest_lives, run_lives
from wsproof.comparison.order import Side
from wsproof.comparison.partial import MeasuredPart
from wsproof.errors import TargetError, UsageError
from wsproof.load import Watcher
from wsproof.model.comparison import WINDOWS, Comparison, RoundTrace
from wsproof.model.plan import Plan
from wsproof.stats.comparison import is_narrow, judge_lives
from wsproof.stats.lives import Life, constant_life
from wsproof.stats.round_values import SPECTRUM
from wsproof.target.target import Target


def lives_of(results: Sequence[LifeResult]) -> dict[str, list[Life]]:
    """The lives of each compared metric that has values."""
    lives_by_metric: dict[str, list[Life]] = {}
    for result in results:
        sides = [result.of(side) for side in (Side.BASE, Side.CANDIDATE, Side.BASE_AGAIN)]
        for own in sides[0].values:
            name = metric_in(result.cell, own)
            columns = [[np.nan if value is None else value for value in server.values[own]] for server in sides]
            lives_by_metric.setdefault(name, []).append(Life(np.array(columns, np.float64).T))
        for own in sides[0].once:
            values = [server.once.get(own, np.nan) for server in sides]
            lives_by_metric.setdefault(metric_in(result.cell, own), []).append(constant_life(values))
    return {name: lives for name, lives in lives_by_metric.items() if any(life.is_complete for life in lives)}


def compare_lives(results: Sequence[LifeResult], *, seed: int = 0, **facts: Any) -> Comparison:
    """Judge the lives that were measured. `facts` are the other fields of the Comparison."""
    servers = [server for result in results for server in result.servers]
    loaded = [server.loaded_share for server in servers if server.loaded_share is not None]
    idle = [share for result in results if (share := result.idle_share) is not None]
    return with_verdict(
        judge_lives(lives_of(results), aspects=aspects_of(result.cell for result in results), seed=seed),
        [server for server in servers if server.side is not Side.CANDIDATE],
        [server for server in servers if server.side is Side.CANDIDATE],
        "servers",
        seed=seed,
        pairs=len(results),
        design=WINDOWS,
        order=" ".join("".join(side.value for side in result.started) for result in results),
        traces=tuple(_traces(results)),
        idle_share=float(np.mean(idle)) if idle else None,
        loaded_share=float(np.median(loaded)) if loaded else None,
        spectra=_spectra(results),
        **facts,
    )


def compare_in_turn(
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
    cells: Sequence[Cell] = (),
    extent: Extent | None = None,
    seed: int = 0,
    exact_base: bool = False,
    keep: Callable[[LifeResult], None] | None = None,
    checkpoint: Callable[[Comparison], None] | None = None,
    progress: Watcher | None = None,
) -> Comparison:
    """Measure two refs in lives of servers that are loaded in turn, and judge the candidate.

    `keep` gets each life as soon as it is over, and `checkpoint` the comparison up to then, so that a killed comparison
    loses at most one life. Both builds are measured by the harness of the current checkout.
    `about` are further facts for the record's plan.

    With `cells`, their plans take the place of `plan`. Their lives alternate, so that all of them see the same machine.
    Each has as many lives as `extent` says, and as much time.

    Raises:
        UsageError: the target is a URL, or the requested target or plan is impossible.
        GitError: there is no repository, no such ref, or no common history.
        TargetError: a build cannot be started, or not beside the other. The message says which one.
        PartialComparison: the comparison was stopped after at least one life. It holds the result of the measured ones.
    """
    cells = cells or (Cell("", plan),)
    extent = (extent or Extent()).times(len(cells))
    commits = find_commits(base, candidate, repo, exact_base=exact_base)
    load = Load(plan, channels, dict(settings or {}))
    facts = commits.described() | {"plan": load.to_json() | dict(about or {}), "seed": seed}
    preparation = Preparation(target, setup, load.server_variables())
    measured = MeasuredPart[LifeResult](
        compare_lives, extent.lives, "lives", facts, commits.warnings, keep=keep, checkpoint=checkpoint
    )

    def is_enough() -> bool:
        return extent.until is not None and _is_precise(measured.results, cells, extent.until)

    def keep_life(result: LifeResult) -> None:
        index = len(measured.results)
        measured.add(replace(result, index=index, cell=cells[index % len(cells)].name))

    with measured.kept_on_error(), prepared_builds(commits, preparation, progress) as targets:
        require_beside(targets.values())
        measured.add_facts(differences=build_differences(commits, targets))

        def start(index: int) -> StartedLife:
            cell, number = cells[index % len(cells)], index // len(cells)
            return StartedLife(number, cell.targets(targets), replace(load, plan=cell.plan), seed=seed)

        with naming_builds(commits):
            run_lives(start, extent, began=measured.began, finished=keep_life, is_enough=is_enough, progress=progress)
    return measured.compared()


def _is_precise(results: Sequence[LifeResult], cells: Sequence[Cell], share: float) -> bool:
    """Whether the intervals of all cells are known, and each extends at most this far to either side."""
    if len(results) < fewest_lives(len(cells)) * len(cells):
        return False
    return is_narrow(lives_of(results), share, aspects=aspects_of(cell.name for cell in cells))


def require_beside(targets: Iterable[Target]) -> None:
    """Check that several servers of these targets can be alive at the same time.

    Raises:
        UsageError: the port is fixed. The message says what to do.
    """
    for target in targets:
        if target.ready_url is not None and "{port}" not in target.ready_url:
            raise UsageError(
                f"{target.spec} listens on a fixed port, so both builds cannot be alive at the same time: let its "
                "command and --ready take {port}, or add --apart to measure the builds one after the other"
            )
        if target.metrics is not None:
            raise UsageError(
                "--metrics-url is one address, and both builds are alive at the same time: leave it out, or add "
                "--apart to measure the builds one after the other"
            )


@contextmanager
def naming_builds(commits: ComparedCommits) -> Iterator[None]:
    """Say in an error which build it was, and what to do if they cannot be alive at the same time."""
    try:
        yield
    except BuildError as failed:
        raise BuildError(
            failed.side,
            f"in {commits.commit_of(failed.side).label}: {failed}\n"
            "If it starts alone, but not beside a server of the other build, add --apart.",
        ) from failed
    except TargetError as failed:
        raise TargetError(
            f"with {commits.base.label} and {commits.candidate.label} alive at the same time: {failed} "
            "(if they cannot be: --apart measures them one after the other)"
        ) from failed


def _spectra(results: Sequence[LifeResult]) -> dict[str, Any]:
    """The latency percentiles of both builds: over their lives, the median, the lowest and the highest.

    Empty for several cells, whose percentiles have nothing in common.
    """
    rows = {
        name: [server.spectrum for result in results for server in result.servers if server.side in sides]
        for name, sides in (("base", (Side.BASE, Side.BASE_AGAIN)), ("candidate", (Side.CANDIDATE,)))
    }
    if len({result.cell for result in results}) > 1 or not all(any(each) for each in rows.values()):
        return {}
    return {"percentiles": list(SPECTRUM)} | {name: _bands(each) for name, each in rows.items()}


def _bands(spectra: Sequence[Sequence[float | None]]) -> dict[str, list[float | None]]:
    columns = [[value for value in column if value is not None] for column in zip(*filter(None, spectra), strict=True)]
    return {
        "low": [min(column, default=None) for column in columns],
        "middle": [median(column) if column else None for column in columns],
        "high": [max(column, default=None) for column in columns],
    }


def _traces(results: Sequence[LifeResult]) -> Iterator[RoundTrace]:
    begun_s = 0.0
    for result in results:
        base, candidate, again = (result.of(side) for side in (Side.BASE, Side.CANDIDATE, Side.BASE_AGAIN))
        at_s = tuple(round(begun_s + at, 3) for at in result.at_s)
        for name in base.values:
            columns = (tuple(server.values[name]) for server in (base, candidate, again))
            yield RoundTrace(metric_in(result.cell, name), result.index, at_s, *columns)
        begun_s += result.wall_s
