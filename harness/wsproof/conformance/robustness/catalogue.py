"""All robustness tests in the order in which they run: quick and gentle ones first."""

from __future__ import annotations

from wsproof.conformance.robustness import compression_isolation, costs, floods, leaks, scope_headers, slow
from wsproof.conformance.robustness.definition import RobustnessTest

__all__ = ["ROBUSTNESS_TESTS"]

ROBUSTNESS_TESTS: tuple[RobustnessTest, ...] = (
    *scope_headers.TESTS,
    *compression_isolation.TESTS,
    *slow.TESTS,
    *floods.TESTS,
    *costs.TESTS,
    *leaks.TESTS,
)
