"""The lives of a comparison: how many there are, how long each is, and running them one after the other.

Each life is judged while the servers of the next one start.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import log2
from statistics import median

from wsproof.comparison.life import ROUND_S, LifeResult, StartedLife
from wsproof.load import Progress, Watcher
from wsproof.stats.comparison import ALPHA, FEWEST_PAIRS

Clock = Callable[[], float]
JUDGED_METRICS = 4
"""Metrics of each cell that decide the verdict."""
FEWEST_ROUNDS = 6
"""Minimum number of rounds of a life, on any machine: about two seconds."""
FIRST_OVERHEAD_S = 8.0
"""Assumed duration of the first life besides its rounds, in seconds. Later lives use the median with this value."""


@dataclass(frozen=True)
class Extent:
    """The length of a comparison.

    The lives share the budget. The time that is left after starting and connecting is measured, so a slow machine gets
    shorter lives, and not fewer. With `rounds`, all lives have that length. With `until`, the comparison ends once the
    interval of every judged metric is at most that wide to either side (0.02: 2 %). That rule depends only on widths
    and never on the verdict, so it favours no verdict (Y. S. Chow and H. Robbins, On the asymptotic theory of
    fixed-width sequential confidence intervals for the mean, Annals of Mathematical Statistics 36, 1965).
    """

    lives: int = 14
    budget_s: float = 600.0
    until: float | None = None
    rounds: int | None = None

    def times(self, cells: int) -> Extent:
        """The length of a comparison of several cells. Each has this length, and enough lives for a verdict."""
        enough = max(self.lives, fewest_lives(cells)) if self.lives >= FEWEST_PAIRS else self.lives
        return replace(self, lives=enough * cells, budget_s=self.budget_s * cells)

    def has_time(self, begun: int, elapsed_s: float, overhead_s: float) -> bool:
        """Whether another life may begin. The first one always may."""
        if begun >= self.lives:
            return False
        return not begun or elapsed_s + overhead_s + (self.rounds or FEWEST_ROUNDS) * ROUND_S <= self.budget_s

    def rounds_of(self, index: int, elapsed_s: float, overhead_s: float) -> int:
        """The number of rounds of the life with this index: an equal share of the budget that is left."""
        if self.rounds is not None:
            return self.rounds
        share_s = (self.budget_s - elapsed_s) / (self.lives - index)
        return max(FEWEST_ROUNDS, int((share_s - overhead_s) / ROUND_S))


def fewest_lives(cells: int) -> int:
    """Lives of each cell with which a regression of one metric can be shown.

    The smallest two-sided p of sign flips is 2 / 2**lives, and Holm's correction multiplies it by the judged metrics.
    """
    return int(log2(2 * JUDGED_METRICS * cells / ALPHA)) + 1


QUICK = Extent(lives=FEWEST_PAIRS, budget_s=120.0)
"""A comparison of at most two minutes, with the fewest lives that can show a regression."""


def run_lives(
    start: Callable[[int], StartedLife],
    extent: Extent,
    *,
    began: float,
    finished: Callable[[LifeResult], None],
    is_enough: Callable[[], bool],
    progress: Watcher | None = None,
    clock: Clock = time.monotonic,
) -> None:
    """Run lives until `extent` ends or `is_enough`, which is asked after each life. `began` counts for the budget.

    `finished` gets each result in order, also if a later life is interrupted. Nothing is judged, started or stopped
    while a life is measured.
    """
    overheads_s = [FIRST_OVERHEAD_S]
    pending: Future[LifeResult] | None = None
    with ThreadPoolExecutor(1) as judging:
        try:
            index = 0
            # The median: one slow start must not make the next life short.
            while extent.has_time(index, clock() - began, median(overheads_s)):
                life_began = clock()
                with start(index) as life:
                    if pending is not None:
                        last, pending = pending, None
                        finished(last.result())
                        if is_enough():
                            break
                    rounds = extent.rounds_of(index, clock() - began, median(overheads_s))
                    measured = life.measure(rounds, _through(progress, index, extent.lives))
                pending = judging.submit(measured.finish)
                overheads_s.append(clock() - life_began - rounds * ROUND_S)
                index += 1
        finally:
            if pending is not None:
                finished(pending.result())


def _through(progress: Watcher | None, index: int, total: int) -> Watcher | None:
    """Convert the progress within a life into that of the whole comparison."""
    if progress is None:
        return None

    def watch(step: Progress) -> None:
        inside = step.done if step.phase == "measure" else 0.0
        progress(Progress(f"life {index + 1} of {total}", (index + inside) / total, step.note or step.phase))

    return watch
