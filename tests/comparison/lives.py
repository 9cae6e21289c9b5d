"""Results of server lives, made by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import exp

from wsproof import Finding
from wsproof.comparison.life import SIDES, LifeResult, ServerResult
from wsproof.comparison.order import Side
from wsproof.model.summary import TrustWarning
from wsproof.stats.round_values import SPECTRUM

STEPS = (0.004, -0.006, 0.002, -0.003, 0.006, -0.002, 0.003, -0.004)
"""Variation between lives, as log-ratios of the candidate."""


def server(side: Side, level: float, *, rounds: int = 5, **more: object) -> ServerResult:
    """Return the result of a server with this median latency (ms) in every round; other values are derived from it."""
    values = {
        "latency_p50": [level * 1e6] * rounds,
        "latency_p99": [3 * level * 1e6] * rounds,
        "time_to_last_p50": [2 * level * 1e6] * rounds,
        "server_cpu_per_delivery": [20.0 * level] * rounds,
    }
    once = {"memory_per_connection": 30.0 * level, "connect_time_p50": 4e6 * level}
    spectrum = [None if percent > 99.9 else level * 1e6 * (1 + percent / 100) for percent in SPECTRUM]
    return ServerResult(side, "uvicorn", values, spectrum=spectrum, once=once, loaded_share=0.4, **more)  # type: ignore[arg-type]


def life(
    index: int,
    ratio: float = 1.0,
    *,
    scale: float = 1.0,
    findings: Callable[[Side], Iterable[Finding]] = lambda side: (),
    warnings: Callable[[Side], Iterable[TrustWarning]] = lambda side: (),
    wall_s: float = 20.0,
) -> LifeResult:
    """Return a life whose base has 1 ms of latency. `scale` multiplies the variation between lives."""
    variation = exp(scale * STEPS[index % len(STEPS)])
    servers = tuple(
        server(
            side,
            ratio * variation if side is Side.CANDIDATE else 1.0,
            findings=tuple(findings(side)),
            warnings=tuple(warnings(side)),
            idle_share=0.002,
        )
        for side in SIDES
    )
    return LifeResult(index, SIDES, servers, (0.0, 1.0, 2.0, 3.0, 4.0), wall_s)
