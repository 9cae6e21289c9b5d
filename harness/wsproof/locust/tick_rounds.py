"""Rounds of a feed: the ticks that belong together, one for each viewer."""

from __future__ import annotations

from wsproof.model.nanoseconds import NS


class TickRounds:
    """Groups ticks as they arrive, by order and time, as `stats.feeds.rounds` does afterwards.

    Equal bytes do not make a round: a feed may send the same reading twice in a row.
    """

    def __init__(self, period_s: float) -> None:
        self._longest_gap_ns = period_s * NS / 2
        self._at_ns: dict[int, int] = {}
        """The arrival times of the current round by viewer. They need not ascend: the kernel stamps them."""

    def add(self, member: int, at_ns: int) -> int | None:
        """Add a tick. Returns the spread of the round before, if this tick begins another; None else.

        A round of one viewer has no spread.
        """
        is_new = bool(self._at_ns) and (
            member in self._at_ns or at_ns - max(self._at_ns.values()) > self._longest_gap_ns
        )
        spread_ns = None
        if is_new:
            times = self._at_ns.values()
            spread_ns = max(times) - min(times) if len(times) > 1 else None
            self._at_ns = {}
        self._at_ns[member] = at_ns
        return spread_ns
