"""All robustness tests in the order in which they run: quick and gentle ones first."""

from __future__ import annotations

from wsproof.conformance.robustness import compression_isolation, costs, floods, leaks, slow
from wsproof.conformance.robustness.definition import RobustnessTest

__all__ = ["ROBUSTNESS_TESTS"]

ROBUSTNESS_TESTS: tuple[RobustnessTest, ...] = (
    *compression_isolation.TRIALS,
    *slow.TRIALS,
    *floods.TRIALS,
    *costs.TRIALS,
    *leaks.TRIALS,
)
