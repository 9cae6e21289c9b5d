"""A doubt about a measurement: what is told, and which figures prove nothing because of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from wsproof.model.record import Summary, TrustWarning, Void
from wsproof.stats.generator_effect import Effect

STATISTICS = ("value", "mean", "min", "p50", "p90", "p99", "p999", "max")


@dataclass(frozen=True)
class Doubt:
    """A caution, with each figure that it voids as it would be without the generator's part (None: nobody knows)."""

    caution: TrustWarning
    without: Mapping[str, float | None]


@dataclass(frozen=True)
class Trust:
    """All cautions of a measurement, the voiding ones first, and what they void."""

    doubts: tuple[Doubt, ...]

    @property
    def cautions(self) -> tuple[TrustWarning, ...]:
        """What is told. Trusted means: none of them voids."""
        return tuple(one.caution for one in self.doubts)

    def mark(self, metrics: Mapping[str, Summary]) -> dict[str, Summary]:
        """These metrics, each figure that proves nothing with its reason."""
        return {name: replace(summary, void=self._void(name, summary)) for name, summary in metrics.items()}

    def _void(self, metric: str, summary: Summary) -> dict[str, Void]:
        found: dict[str, Void] = {}
        for statistic in STATISTICS:
            # `value` is the median where there are samples.
            figure = f"{metric}.{'p50' if statistic == 'value' and summary.n > 1 else statistic}"
            reasons = [
                Void(one.caution.code, one.caution.message, one.without[name])
                for one in self.doubts
                for name in (metric, figure)
                if name in one.without
            ]
            if reasons and getattr(summary, statistic) is not None:
                # What nobody can know outranks an estimate; of two estimates the one that changes more.
                known = [reason for reason in reasons if reason.without is not None]
                unknown = [reason for reason in reasons if reason.without is None]
                found[statistic] = (unknown or sorted(known, key=_least))[0]
        return found


def _least(void: Void) -> float:
    return 0.0 if void.without is None else void.without


def doubt(code: str, message: str, advice: str, void: Iterable[str] = ()) -> Doubt:
    """A doubt that voids all figures of these metrics: what they would be otherwise, nobody knows. None: advice."""
    names = tuple(void)
    return Doubt(TrustWarning(code, message, advice, bool(names), names), dict.fromkeys(names))


def doubt_of(code: str, message: str, advice: str, effects: Iterable[Effect]) -> Doubt:
    """A doubt that voids just the figures that would have come out otherwise."""
    without: dict[str, float | None] = {effect.name: effect.without for effect in effects}
    return Doubt(TrustWarning(code, message, advice, True, tuple(without)), without)
