"""One block of a comparison: a fresh server of one build, a ramp, a warm-up, a measured window, a drain."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wsproof.comparison.order import Block
from wsproof.load import Watcher, run_plan
from wsproof.load.judging import judge_measurement
from wsproof.model.finding import Finding, Verdict
from wsproof.model.plan import Plan
from wsproof.model.summary import Summary, TrustWarning
from wsproof.net.redact import redact_settings
from wsproof.stats.compared_metrics import voids_judged
from wsproof.target.server import serve
from wsproof.target.target import Target
from wsproof.workloads.registry import load_channels
from wsproof.workloads.settings import environment_of


@dataclass(frozen=True)
class Load:
    """The load of every block, equal for both builds."""

    plan: Plan
    channels: str
    settings: Mapping[str, str] = field(default_factory=dict)

    def server_variables(self) -> dict[str, str]:
        """The environment variables that the servers need for the settings of these channels."""
        return environment_of(load_channels(self.channels, self.settings))

    def to_json(self) -> dict[str, Any]:
        """The plan of a comparison: the numbers of the load, the channels and their settings."""
        return self.plan.to_json() | {"channels": self.channels, "settings": redact_settings(self.settings)}


@dataclass(frozen=True)
class BlockResult:
    """Result of one block. `index` counts the blocks of a comparison from 0, in the order in which they were run."""

    index: int
    block: Block
    metrics: Mapping[str, Summary]
    findings: tuple[Finding, ...] = ()
    warnings: tuple[TrustWarning, ...] = ()
    server: str = ""
    wall_s: float = 0.0

    @property
    def trusted(self) -> bool:
        """Whether all figures that a comparison judges are valid."""
        return not any(voids_judged(warning) for warning in self.warnings)

    def to_json(self) -> dict[str, Any]:
        """One row of a comparison's blocks, which is stored as soon as the block is over."""
        return {
            "index": self.index,
            "side": self.block.side.value,
            "pair": self.block.pair,
            "identical": self.block.identical,
            "server": self.server,
            "wall_s": round(self.wall_s, 3),
            "trusted": self.trusted,
            "metrics": {name: summary.to_json() for name, summary in self.metrics.items()},
            "findings": [finding.to_json() for finding in self.findings],
            "warnings": [warning.to_json() for warning in self.warnings],
        }


def run_block(index: int, block: Block, target: Target, load: Load, progress: Watcher | None = None) -> BlockResult:
    """Measure one block. Repeat it once if a judged figure is invalid.

    A block with a violation is kept as it is and not repeated. If the figures are invalid again, the first result is
    kept.

    Raises:
        TargetError: the server cannot be started or reached.
        PartialRun: Ctrl-C or SIGTERM in the middle. A partial block is no evidence and is not kept.
    """
    result = measure_block(index, block, target, load, progress)
    if result.trusted or _is_broken(result):
        return result
    again = measure_block(index, block, target, load, progress)
    return again if again.trusted or _is_broken(again) else result


def _is_broken(result: BlockResult) -> bool:
    return any(finding.verdict() is Verdict.INVALID for finding in result.findings)


def measure_block(index: int, block: Block, target: Target, load: Load, progress: Watcher | None = None) -> BlockResult:
    """Start the target, run the load, judge the measurement, and stop the target.

    Both blocks of a pair send at the same offsets. Each pair has its own offsets, so that no verdict depends on one
    schedule.

    Raises:
        TargetError: the server cannot be started or reached.
        PartialRun: Ctrl-C or SIGTERM in the middle. A partial block is no evidence and is not kept.
    """
    began = time.monotonic()
    with serve(target, connections=load.plan.subscribers) as server:
        measurement = run_plan(
            replace(load.plan, seed=load.plan.seed + block.pair),
            channels=load.channels,
            settings=load.settings,
            endpoint=server.endpoint,
            server=server,
            progress=progress,
        )
        name, judged = server.name, judge_measurement(measurement, server)
    return BlockResult(
        index=index,
        block=block,
        metrics=judged.metrics,
        findings=judged.findings,
        warnings=judged.warnings,
        server=name,
        wall_s=time.monotonic() - began,
    )
