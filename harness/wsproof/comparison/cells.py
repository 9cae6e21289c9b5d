"""The cells of a comparison: each workload on each server, all judged together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from wsproof.comparison.order import Side
from wsproof.model.plan import Plan
from wsproof.stats.compared_metrics import ASPECTS, ComparedMetric
from wsproof.target.target import Target


@dataclass(frozen=True)
class Cell:
    """A load, and the server that runs the app (None: that of the target). The name is empty for the only cell."""

    name: str
    plan: Plan
    server: str | None = None

    def targets(self, builds: Mapping[Side, Target]) -> dict[Side, Target]:
        """The targets of both builds on this cell's server."""
        if self.server is None:
            return dict(builds)
        return {side: target.but(server=self.server) for side, target in builds.items()}


def metric_in(cell: str, metric: str) -> str:
    """The name of a metric of one cell: `granian, chat: latency_p50`."""
    return f"{cell}: {metric}" if cell else metric


def aspects_of(cells: Iterable[str]) -> tuple[ComparedMetric, ...]:
    """The compared metrics of all cells. All judged ones are adjusted together, so more cells need more evidence."""
    return tuple(replace(aspect, cell=cell) for cell in dict.fromkeys(cells) for aspect in ASPECTS)
