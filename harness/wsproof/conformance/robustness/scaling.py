"""Fits how a cost grows with the input size: cost = a * size ** exponent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["FEWEST_SIZES", "SUPERLINEAR", "Cost", "exponent_of", "is_superlinear"]

FEWEST_SIZES = 4
"""Number of sizes to which an exponent is fitted."""
SUPERLINEAR = 1.5
"""Least exponent of a superlinear cost."""
_OVER_LINEAR = 2.0
"""Least ratio of the largest cost to a linear one."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one size. `cost_ns` is the least of several tries, since noise only increases it."""

    size: int
    cost_ns: float


def exponent_of(costs: Sequence[Cost]) -> float | None:
    """The exponent: the slope of log cost over log size, fitted by least squares.

    Only the four largest sizes count, since fixed costs weigh least there. None if there are fewer sizes, or one costs
    nothing.
    """
    costs = costs[-FEWEST_SIZES:]
    if len(costs) < FEWEST_SIZES or any(cost.cost_ns <= 0 for cost in costs):
        return None
    xs = [math.log(cost.size) for cost in costs]
    ys = [math.log(cost.cost_ns) for cost in costs]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum((a - x) ** 2 for a in xs)


def is_superlinear(costs: Sequence[Cost], least_ns: float) -> bool:
    """Whether the cost clearly grows faster than the size.

    Four conditions must hold: a high exponent, a largest size that costs at least twice its share of the smallest, a
    cost of at least `least_ns`, which is far above noise, and two last steps that each cost at least their share. One
    disturbed measurement on a busy machine makes a high exponent, and no such steps.
    """
    exponent = exponent_of(costs)
    if exponent is None or exponent < SUPERLINEAR:
        return False
    first, last = costs[-FEWEST_SIZES], costs[-1]
    share = first.cost_ns * last.size / first.size
    is_much = last.cost_ns >= least_ns and last.cost_ns >= _OVER_LINEAR * share
    steps = zip(costs[-3:], costs[-2:], strict=False)
    return is_much and all(after.cost_ns * before.size >= before.cost_ns * after.size for before, after in steps)
