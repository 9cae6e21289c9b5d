"""How much harm a fault does, the worst first: findings are sorted by it."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Harm"]


class Harm(StrEnum):
    """What a fault does. The order of the members is the order in which findings are shown."""

    PROCESS_DIED = "process-died"
    OTHERS_NOT_SERVED = "others-not-served"
    DATA = "data-lost-or-altered"
    MUST = "must"
    SHOULD = "should"
    INFORMATION = "information"
