"""All trials, in the order in which they are held: what is quick and gentle first."""

from __future__ import annotations

from wsproof.rfc6455.robustness import beside, costs, floods, leaks, slow
from wsproof.rfc6455.robustness.trial import Trial

__all__ = ["TRIALS"]

TRIALS: tuple[Trial, ...] = (*beside.TRIALS, *slow.TRIALS, *floods.TRIALS, *costs.TRIALS, *leaks.TRIALS)
