"""Harm of a fault, worst first. Findings are sorted by it."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Harm"]


class Harm(StrEnum):
    """The harm that a fault does. Findings are shown in the order of these members."""

    PROCESS_DIED = "process-died"
    OTHERS_NOT_SERVED = "others-not-served"
    DATA = "data-lost-or-altered"
    MUST = "must"
    SHOULD = "should"
    INFORMATION = "information"
