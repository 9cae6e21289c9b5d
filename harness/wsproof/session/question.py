"""The figures that the user asked for, and whether a measurement answers them."""

from __future__ import annotations

from dataclasses import dataclass

from wsproof.load.judging import JudgedMeasurement
from wsproof.model.finding import Verdict
from wsproof.stats.compared_metrics import judged_and_void
from wsproof.stats.objective import Objective
from wsproof.stats.trust import NOTHING_MEASURED


@dataclass(frozen=True)
class Question:
    """The figures that the user asked for: objectives, all figures (`strict`), or neither.

    Without objectives and `strict`, only the figures that a comparison judges count. Other tail figures are always
    noisy.
    """

    objectives: tuple[Objective, ...] = ()
    strict: bool = False

    def is_open(self, judged: JudgedMeasurement) -> bool:
        """Whether void figures leave the question unanswered."""
        return self._unanswered(judged) > 0

    def better(self, first: JudgedMeasurement, second: JudgedMeasurement, *, strict: bool = False) -> JudgedMeasurement:
        """The measurement that answers more of the question. The measured values do not matter for the choice.

        A second measurement with a violation is always chosen, so that the violation is not lost.
        """
        if second.verdict(strict=strict) is Verdict.INVALID:
            return second
        return min(second, first, key=lambda judged: (self._unanswered(judged), _void(judged)))

    def _unanswered(self, judged: JudgedMeasurement) -> int:
        if self.strict:
            return len(judged.void_codes)
        if self.objectives:
            return sum(result.void is not None for result in judged.evaluate(self.objectives))
        return (NOTHING_MEASURED in judged.void_codes) + len(judged_and_void(judged.metrics))


def _void(judged: JudgedMeasurement) -> int:
    return sum(len(summary.void) for summary in judged.metrics.values())
