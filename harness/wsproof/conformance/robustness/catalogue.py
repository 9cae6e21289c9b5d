"""All trials, in the order in which they are held: what is quick and gentle first."""

from __future__ import annotations

from wsproof.conformance.robustness import compression_isolation, costs, floods, leaks, slow
from wsproof.conformance.robustness.definition import Trial

__all__ = ["TRIALS"]

TRIALS: tuple[Trial, ...] = (*compression_isolation.TRIALS, *slow.TRIALS, *floods.TRIALS, *costs.TRIALS, *leaks.TRIALS)
