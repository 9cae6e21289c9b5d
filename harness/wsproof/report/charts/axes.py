"""Chart axes: ticks and their labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wsproof.report.text.units import significant

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
"""Tick distances within a power of ten."""


@dataclass(frozen=True)
class Axis:
    """Maps values to pixels from `begin` to `end`. Each tick is a pair (value, label)."""

    low: float
    high: float
    begin: float
    end: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def at(self, value: float) -> float:
        """The pixel of a value. Values outside the axis are moved to its end."""
        low, high, place = (self._place(number) for number in (self.low, self.high, value))
        share = (place - low) / (high - low) if high > low else 0.5
        return round(self.begin + (self.end - self.begin) * min(max(share, 0.0), 1.0), 1)

    def _place(self, value: float) -> float:
        return math.log10(max(value, 1e-12)) if self.log else value


def linear(low: float, high: float, begin: float, end: float, count: int = 5, widen: bool = True) -> Axis:
    """A linear axis with about `count` round ticks. `widen` extends it to end on a tick."""
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-3):
        high = low + (abs(low) if abs(low) > 1e-3 else 1.0)  # all values are equal: there is no range to divide
    raw = (high - low) / count
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * multiple for multiple in STEPS if size * multiple >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if widen:
        low, high = first * step, last * step
    values = [number * step for number in range(first, last + 1)]
    inside = [value for value in values if low - step * 1e-6 <= value <= high + step * 1e-6]
    return Axis(low, high, begin, end, tuple((value, significant(value)) for value in inside))


def logarithmic(low: float, high: float, begin: float, end: float) -> Axis:
    """A logarithmic axis: ticks at 1, 2, 5 of each decade, or only at decades if there are many."""
    low = max(low, 1e-12)
    high = max(high, low * 1.01)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    multiples = (1,) if len(decades) > 4 else (1, 2, 5)
    values = [multiple * 10.0**decade for decade in decades for multiple in multiples]
    low = max((value for value in values if value <= low * 1.0001), default=low)
    high = min((value for value in values if value >= high * 0.9999), default=high)
    inside = tuple((value, significant(value)) for value in values if low * 0.999 <= value <= high * 1.001)
    return Axis(low, high, begin, end, inside, log=True)


def nines(high: float, begin: float, end: float) -> Axis:
    """The axis of percentiles: 0 is p0, 1 is p90, 2 is p99, 3 is p99.9, ..., and the median in between."""
    names = [(0.0, "min"), (math.log10(2), "p50"), (1.0, "p90"), (2.0, "p99")]
    names += [(float(count), f"p99.{'9' * (count - 2)}") for count in range(3, 9)]
    high = max(high, 1.0)
    return Axis(0.0, high, begin, end, tuple((value, label) for value, label in names if value <= high + 1e-6))
