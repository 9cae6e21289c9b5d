"""Metrics of feeds, which send without a publication.

They measure how regular the ticks are, and how close together the viewers receive them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from wsproof.model.history import Departure, History, Tick
from wsproof.model.nanoseconds import NS


def period_errors_ns(history: History, period_s: float) -> NDArray[np.int64]:
    """Absolute difference between the period and the gap of two ticks of a viewer, in ns.

    The result has a value for every gap that ends inside the window. The first tick of a viewer may be a snapshot at
    any time, so it neither begins a gap nor has a spread.
    """
    by_viewer: dict[int, list[int]] = defaultdict(list)
    for tick in history.steady_ticks():
        by_viewer[tick.subscriber].append(tick.received_ns)
    errors = [np.zeros(0, dtype=np.int64)]
    for times in by_viewer.values():
        at = np.array(times, dtype=np.int64)
        inside = (at[1:] >= history.start_ns) & (at[1:] <= history.end_ns)
        errors.append(np.abs(np.diff(at) - round(period_s * NS))[inside])
    return np.concatenate(errors)


def spreads_ns(history: History, period_s: float) -> NDArray[np.int64]:
    """Time from the first to the last viewer, in ns, per complete round.

    A round counts if it begins in the window and reached all members that were in.
    """
    spreads = [
        round_[-1].received_ns - round_[0].received_ns
        for round_ in rounds(history.steady_ticks(), period_s)
        if history.start_ns <= round_[0].received_ns <= history.end_ns and _complete(round_, history)
    ]
    return np.array(spreads, dtype=np.int64)


def rounds(ticks: Iterable[Tick], period_s: float) -> Iterator[list[Tick]]:
    """Group ticks of different viewers into rounds, by order and time.

    A new round begins after half a period without a tick, or when a viewer gets a second tick in the same round.
    """
    current: list[Tick] = []
    seen: set[int] = set()
    for tick in sorted(ticks, key=lambda tick: tick.received_ns):
        late = bool(current) and tick.received_ns - current[-1].received_ns > period_s * NS / 2
        if late or tick.subscriber in seen:
            yield current
            current, seen = [], set()
        current.append(tick)
        seen.add(tick.subscriber)
    if current:
        yield current


def _complete(round_: list[Tick], history: History) -> bool:
    viewers = {tick.subscriber for tick in round_}
    return all(
        member.number in viewers
        for member in history.members
        if member.departure is Departure.STAYED and not member.stalled and 0 < member.in_ns < round_[0].received_ns
    )
