"""Windows of a load, in turn without and beside faulty clients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wsproof.model.nanoseconds import NS

FEWEST_PAIRS = 4
MOST_PAIRS = 24
PAIR_S = 1.25
"""Seconds of a pair of windows, if the load is neither short nor long."""
SETTLING_SHARE, GAP_SHARE = 0.5, 0.1
"""Shares of a window, at its beginning, that are not measured: the first where faulty clients come or go."""


@dataclass(frozen=True)
class FaultWindows:
    """The measured window, divided into pairs: one window without faulty clients and one beside them.

    The order is mirrored from pair to pair (without, beside, beside, without), which cancels a linear drift.
    """

    start_ns: int
    window_ns: int
    pairs: int

    @property
    def end_ns(self) -> int:
        """The end of the last window."""
        return self.start_ns + 2 * self.pairs * self.window_ns

    def is_beside(self, window: int) -> bool:
        """Whether faulty clients are there in this window, counted from 0."""
        return window % 4 in (1, 2)

    def begin_ns(self, window: int) -> int:
        """The beginning of a window."""
        return self.start_ns + window * self.window_ns

    @property
    def beside_runs(self) -> list[tuple[int, int]]:
        """The stretches with faulty clients, as beginning and end. Neighbouring windows make one stretch."""
        runs: list[tuple[int, int]] = []
        for window in range(2 * self.pairs):
            if not self.is_beside(window):
                continue
            begin_ns, end_ns = self.begin_ns(window), self.begin_ns(window + 1)
            if runs and runs[-1][1] == begin_ns:
                begin_ns = runs.pop()[0]
            runs.append((begin_ns, end_ns))
        return runs

    def measured(self, window: int) -> tuple[int, int]:
        """The part of a window that is measured, as beginning and end."""
        is_change = window > 0 and self.is_beside(window) is not self.is_beside(window - 1)
        share = SETTLING_SHARE if is_change else GAP_SHARE
        return self.begin_ns(window) + int(share * self.window_ns), self.begin_ns(window + 1)

    def pair(self, number: int) -> tuple[int, int]:
        """The windows of a pair: without faulty clients, and beside them."""
        first, second = 2 * number, 2 * number + 1
        return (second, first) if self.is_beside(first) else (first, second)

    def to_json(self) -> dict[str, Any]:
        """Return the windows as the process of the faulty clients receives them."""
        return {"start_ns": self.start_ns, "window_ns": self.window_ns, "pairs": self.pairs}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FaultWindows:
        """The inverse of `to_json`."""
        return cls(**data)


def windows_of(duration_s: float, start_ns: int = 0) -> FaultWindows:
    """Divide a measured window of this length into pairs."""
    pairs = max(FEWEST_PAIRS, min(round(duration_s / PAIR_S), MOST_PAIRS))
    return FaultWindows(start_ns, int(duration_s * NS / (2 * pairs)), pairs)
