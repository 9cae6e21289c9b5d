"""Trust warnings with the figures that they invalidate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from wsproof.model.summary import Summary, TrustWarning, Void
from wsproof.stats.generator_effect import Effect

STATISTICS = ("value", "mean", "min", "p50", "p90", "p99", "p999", "max")


@dataclass(frozen=True)
class Doubt:
    """A trust warning, and each invalid figure's value without the generator's part (None: unknown)."""

    caution: TrustWarning
    without: Mapping[str, float | None]


@dataclass(frozen=True)
class Trust:
    """All trust warnings of a measurement, the invalidating ones first, and the figures that they invalidate."""

    doubts: tuple[Doubt, ...]

    @property
    def cautions(self) -> tuple[TrustWarning, ...]:
        """The warnings for display. A measurement is trusted if none of them invalidates figures."""
        return tuple(each.caution for each in self.doubts)

    def mark(self, metrics: Mapping[str, Summary]) -> dict[str, Summary]:
        """Return these metrics with a reason attached to each invalid figure."""
        return {name: replace(summary, void=self._void(name, summary)) for name, summary in metrics.items()}

    def _void(self, metric: str, summary: Summary) -> dict[str, Void]:
        void: dict[str, Void] = {}
        for statistic in STATISTICS:
            # `value` is the median if there are samples.
            figure = f"{metric}.{'p50' if statistic == 'value' and summary.n > 1 else statistic}"
            reasons = [
                Void(each.caution.code, each.caution.message, each.without[name])
                for each in self.doubts
                for name in (metric, figure)
                if name in each.without
            ]
            if reasons and getattr(summary, statistic) is not None:
                # An unknown value outranks an estimate. Of two estimates, the one with the larger change counts.
                bounded = [reason for reason in reasons if reason.without is not None]
                unknown = [reason for reason in reasons if reason.without is None]
                void[statistic] = (unknown or sorted(bounded, key=_least))[0]
        return void


def _least(void: Void) -> float:
    return 0.0 if void.without is None else void.without


def doubt(code: str, message: str, advice: str, void: Iterable[str] = ()) -> Doubt:
    """Create a warning that invalidates all figures of these metrics, with unknown true values.

    Without metrics, the warning is only advice.
    """
    names = tuple(void)
    return Doubt(TrustWarning(code, message, advice, bool(names), names), dict.fromkeys(names))


def doubt_of(code: str, message: str, advice: str, effects: Iterable[Effect]) -> Doubt:
    """Create a warning that invalidates only the figures that the generator has changed."""
    without: dict[str, float | None] = {effect.name: effect.without for effect in effects}
    return Doubt(TrustWarning(code, message, advice, True, tuple(without)), without)
