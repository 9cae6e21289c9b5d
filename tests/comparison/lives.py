"""Lives that nobody ran."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import exp

from wsproof.comparison.life import SIDES, LifeResult, ServerResult
from wsproof.comparison.order import Side
from wsproof.model.finding import Finding
from wsproof.model.summary import TrustWarning

STEPS = (0.004, -0.006, 0.002, -0.003, 0.006, -0.002, 0.003, -0.004)
"""How much lives differ from each other, as log-ratios of the candidate."""


def server(side: Side, level: float, *, rounds: int = 5, **more: object) -> ServerResult:
    """A server with this median latency in ms in every round; all else follows from it."""
    values = {
        "latency_p50": [level * 1e6] * rounds,
        "latency_p99": [3 * level * 1e6] * rounds,
        "time_to_last_p50": [2 * level * 1e6] * rounds,
        "server_cpu_per_delivery": [20.0 * level] * rounds,
    }
    return ServerResult(side, "uvicorn", values, **more)  # type: ignore[arg-type]


def life(
    index: int,
    ratio: float = 1.0,
    *,
    scale: float = 1.0,
    findings: Callable[[Side], Iterable[Finding]] = lambda side: (),
    warnings: Callable[[Side], Iterable[TrustWarning]] = lambda side: (),
    wall_s: float = 20.0,
) -> LifeResult:
    """A life of a base with 1 ms of latency. `scale` is how much lives differ from each other."""
    wobble = exp(scale * STEPS[index % len(STEPS)])
    servers = tuple(
        server(
            side,
            ratio * wobble if side is Side.CANDIDATE else 1.0,
            findings=tuple(findings(side)),
            warnings=tuple(warnings(side)),
            idle_share=0.002,
        )
        for side in SIDES
    )
    return LifeResult(index, SIDES, servers, (0.0, 1.0, 2.0, 3.0, 4.0), wall_s)
