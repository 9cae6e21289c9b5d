"""The metrics that a comparison uses, one number per block. At most four of them decide the verdict."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from wsproof.model.summary import Summary, TrustWarning
from wsproof.stats.metrics import METRICS_BY_NAME, Metric


@dataclass(frozen=True)
class ComparedMetric:
    """One statistic of one metric. Judged (`primary`) statistics decide the verdict.

    `own_floor` is the statistic's own floor, where that of the metric is too small for it.
    """

    metric: Metric
    statistic: str = "value"
    primary: bool = False
    own_floor: float | None = None
    cell: str = ""
    """The workload and server of a comparison of several; empty if there is only one."""

    @property
    def floor(self) -> float:
        """The smallest relative change that a comparison calls a change."""
        return self.metric.floor if self.own_floor is None else self.own_floor

    @property
    def name(self) -> str:
        """The name of the statistic, such as `latency_p99`. A metric with one number per run keeps its own name."""
        own = self.metric.name if self.metric.single else f"{self.metric.name}_{self.statistic}"
        return f"{self.cell}: {own}" if self.cell else own

    def of(self, summaries: Mapping[str, Summary]) -> float | None:
        """The number of one block, or None if the block has none."""
        summary = summaries.get(self.metric.name)
        value: float | None = None if summary is None else getattr(summary, self.statistic)
        return value


def _aspect(
    name: str, statistic: str = "value", *, primary: bool = False, own_floor: float | None = None
) -> ComparedMetric:
    return ComparedMetric(METRICS_BY_NAME[name], statistic, primary, own_floor)


TAIL_FLOOR = 0.15
"""Floor of p99. The slowest hundredth of the deliveries depends on few publications: identical code moves by more than
5 % even on a quiet machine."""


ASPECTS: tuple[ComparedMetric, ...] = (
    _aspect("latency", "p50", primary=True),
    _aspect("latency", "p99", primary=True, own_floor=TAIL_FLOOR),
    _aspect("time_to_last", "p50", primary=True),
    _aspect("server_cpu_per_delivery", primary=True),
    # A feed has no publications, so the first three metrics do not exist there. This metric replaces them.
    _aspect("feed_spread", "p50", primary=True),
    _aspect("service_time", "p50"),
    _aspect("spread", "p50"),
    _aspect("reach", "mean"),
    _aspect("deliveries_per_s"),
    _aspect("memory_per_connection"),
    _aspect("connect_time", "p50"),
    _aspect("feed_period_error", "p50"),
)
ASPECTS_BY_NAME = {aspect.name: aspect for aspect in ASPECTS}


def judged_and_void(summaries: Mapping[str, Summary]) -> list[str]:
    """The judged metrics whose figures are invalid in these summaries."""
    return [one.name for one in ASPECTS if one.primary and one.statistic in _void(summaries.get(one.metric.name))]


def _void(summary: Summary | None) -> Collection[str]:
    return () if summary is None else summary.void


def voids_judged(caution: TrustWarning) -> bool:
    """Whether a warning invalidates a judged figure. A warning that names no figures invalidates all."""
    judged = {f"{one.metric.name}.{one.statistic}" for one in ASPECTS if one.primary}
    judged |= {one.metric.name for one in ASPECTS if one.primary}
    return caution.invalidates and (not caution.figures or not judged.isdisjoint(caution.figures))
