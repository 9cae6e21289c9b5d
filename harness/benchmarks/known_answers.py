"""Servers whose delays are known, and what the engine reports of them: `python -m harness.benchmarks.known_answers`.

Three servers of `tests/load/servers.py`: one keeps each delivery for 20 ms, one for 1 to 20 ms (each as often as the
others), one stands still for 100 ms in every second. Theory says what their latencies are; the excess is what loopback,
the server, the engine and the neighbours on this machine have added. A closed loop beside it, on the server that stands
still: it shows what an engine does not see that waits for the server (coordinated omission).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from tests.load.conftest import follow, serving
from tests.load.servers import HALT_EVERY_S, HALT_S, HOLD_S
from wsproof.model.arrivals import POISSON
from wsproof.model.plan import Plan
from wsproof.stats.metrics import summaries

MS = 1e6
SECONDS = 10.0


@dataclass(frozen=True)
class Case:
    """A server, and the latencies in ms that it is known for: mean, p50, p90, p99."""

    behaviour: str
    known: tuple[float, float, float, float]


def stalled(share: float) -> float:
    """A quantile of the latency of a server that stands still: P(latency > x) = (S - x) / T."""
    return max(0.0, HALT_S - (1 - share) * HALT_EVERY_S) * 1e3


CASES = (
    Case("hold", (HOLD_S * 1e3,) * 4),
    Case("spread", (10.5, 10.0, 18.0, 20.0)),
    Case("halt", (HALT_S**2 / 2 / HALT_EVERY_S * 1e3, stalled(0.5), stalled(0.9), stalled(0.99))),
)


def reported(behaviour: str, in_flight: int | None = None) -> tuple[float, ...]:
    """Mean, p50, p90 and p99 in ms, as the engine reports them."""
    plan = Plan(
        subscribers=10, rate_hz=200.0, duration_s=SECONDS, warmup_s=1.0, arrivals=POISSON, in_flight=in_flight, seed=1
    )
    with serving(behaviour) as endpoint:
        measurement = follow(plan, endpoint)
    found = summaries(measurement)["latency" if in_flight is None else "service_time"]
    values = (found.mean, found.p50, found.p90, found.p99)
    return tuple(float("nan") if value is None else value / MS for value in values)


def main() -> None:
    say = sys.stdout.write
    say(f"{'':24}{'mean':>18}{'p50':>18}{'p90':>18}{'p99':>18}   (ms: known, reported)\n")
    for case in CASES:
        row = zip(case.known, reported(case.behaviour), strict=True)
        say(f"{case.behaviour:24}" + "".join(f"{known:9.2f}{got:9.2f}" for known, got in row) + "\n")
    say(f"{'halt, closed loop':24}" + "".join(f"{'':9}{got:9.2f}" for got in reported("halt", in_flight=1)) + "\n")


if __name__ == "__main__":
    main()
