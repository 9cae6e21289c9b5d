"""Student's t distribution for integer degrees of freedom, without scipy."""

from __future__ import annotations

from math import atan, cos, pi, sin, sqrt


def within(t: float, freedom: int) -> float:
    """P(|T| <= t), by the finite series of Abramowitz & Stegun, 26.7.3 (odd freedom) and 26.7.4 (even)."""
    angle = atan(t / sqrt(freedom))
    odd = freedom % 2
    term = cos(angle) if odd else 1.0
    total = 0.0 if freedom == 1 else term
    for k in range(2 if odd else 1, freedom - 1, 2):
        term *= cos(angle) ** 2 * k / (k + 1)
        total += term
    return 2 / pi * (angle + sin(angle) * total) if odd else sin(angle) * total


def two_sided(confidence: float, freedom: int) -> float:
    """The t that |T| does not exceed with probability `confidence`, by bisection."""
    low, high = 0.0, 1e6
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle, freedom) < confidence else (low, middle)
    return (low + high) / 2
