"""One measured block of a bench, and whether its figures answer the user's question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wsproof.model.finding import Finding, Verdict, verdict_of
from wsproof.model.measurement import Measurement
from wsproof.model.record import Summary, TrustWarning
from wsproof.stats.compared_metrics import judged_and_void
from wsproof.stats.objective import Objective
from wsproof.stats.trust import NOTHING_MEASURED


@dataclass(frozen=True)
class Block:
    """A checked measurement with its metrics and findings. `whole`: the measurement was not ended early."""

    measurement: Measurement
    metrics: Mapping[str, Summary]
    findings: tuple[Finding, ...]
    cautions: tuple[TrustWarning, ...]
    whole: bool = True

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the trust warnings that make figures void. Empty: every figure is valid."""
        return tuple(caution.code for caution in self.cautions if caution.voids)

    def verdict(self, *, strict: bool = False) -> Verdict:
        """The verdict of the findings; unknown if the measurement ended early."""
        return verdict_of(self.findings, strict=strict) if self.whole else Verdict.UNKNOWN


@dataclass(frozen=True)
class Question:
    """The figures that the user asked for: objectives, all figures (`strict`), or neither.

    Without objectives and `strict`, only the figures that a comparison judges count. Other tail figures are always
    noisy.
    """

    objectives: tuple[Objective, ...] = ()
    strict: bool = False

    def is_open(self, block: Block) -> bool:
        """Whether void figures leave the question unanswered."""
        return self._unanswered(block) > 0

    def better(self, first: Block, second: Block, *, strict: bool = False) -> Block:
        """The block that answers more of the question. The measured values play no part in the choice.

        A second block with a violation is always chosen, so that the violation is not lost.
        """
        if second.verdict(strict=strict) is Verdict.INVALID:
            return second
        return min(second, first, key=lambda block: (self._unanswered(block), _void(block)))

    def _unanswered(self, block: Block) -> int:
        if self.strict:
            return len(block.codes)
        if self.objectives:
            judged = [objective.judge(block.metrics, block.findings) for objective in self.objectives]
            return sum(result.void is not None for result in judged)
        return (NOTHING_MEASURED in block.codes) + len(judged_and_void(block.metrics))


def _void(block: Block) -> int:
    return sum(len(summary.void) for summary in block.metrics.values())
