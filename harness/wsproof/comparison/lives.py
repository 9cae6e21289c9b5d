"""The lives of a comparison, one after the other. Each is judged while the servers of the next one start."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from statistics import median

from wsproof.comparison.extent import FIRST_OVERHEAD_S, Extent
from wsproof.comparison.life import ROUND_S, LifeResult, StartedLife
from wsproof.load import Progress, Watcher

Clock = Callable[[], float]


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
