"""Search for the shortest failing schedule. Each try may need a fresh server, so tries are limited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from wsproof.delivery.schedule import Action, Schedule
from wsproof.net.clock import Deadline


def shorten(schedule: Schedule, fails: Callable[[Schedule], bool], *, budget_s: float, tries: int = 40) -> Schedule:
    """Leave out and simplify steps while `fails` still holds, within `budget_s` seconds and `tries` tries."""
    deadline, best = Deadline.after(budget_s), schedule
    progress = True
    while progress:
        progress = False
        for candidate in _simpler(best):
            if tries <= 0 or deadline.passed:
                return best
            tries -= 1
            if fails(candidate):
                best, progress = candidate, True
                break
    return best


def _simpler(schedule: Schedule) -> Iterator[Schedule]:
    """Simpler schedules, the largest cut first: half the steps, a quarter, ... one step; then simpler steps."""
    size = len(schedule) // 2
    while size:
        for start in range(len(schedule) - size, -1, -size):
            yield schedule[:start] + schedule[start + size :]
        size //= 2
    for at, step in enumerate(schedule):
        for plainer in (
            replace(step, cuts=()),
            replace(step, size_bytes=0) if step.action is Action.SAY else step,
            replace(step, body="", plain=False) if step.body else step,
        ):
            if plainer != step:
                yield (*schedule[:at], plainer, *schedule[at + 1 :])
