"""Tests of trust without kernel timestamps of receipts, and with messages that were sent late."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.stats.builders import MS, QUIET, measurement, publish, recorder, steady
from wsproof import Measurement
from wsproof.model.capacity import LevelOutcome
from wsproof.model.measurement import ArrivalStamps
from wsproof.stats.capacity_level import judge_level
from wsproof.stats.generator_effect import DeliveryTimes, Limit, own_delays
from wsproof.stats.metrics import Observed
from wsproof.stats.objective import parse_objective
from wsproof.stats.trust import judge_trust, judged_summaries

ANY = Limit(0.0, 0.0)
"""A limit that any delay exceeds."""


def test_with_exact_arrival_times_the_generators_delay_is_its_slip() -> None:
    (p99,) = (
        effect
        for effect in own_delays(DeliveryTimes(Observed(measurement(steady(latency_ms=8, slip_ms=3)))), ANY)
        if effect.name == "latency.p99"
    )
    assert p99.added / MS == pytest.approx(3)


def slow_reading(wait_ms: float, latency_ms: float = 1.0) -> Measurement:
    """Return a hundred publications to ten members, each read `wait_ms` after the event loop woke up."""
    record = recorder(10)
    for sequence in range(100):
        publish(record, sequence, 5 * sequence, [latency_ms] * 10)
    history = record.freeze()
    at_ns = np.unique(history.receipts.received_ns)
    rows = np.column_stack([np.zeros(len(at_ns), np.int64), at_ns, np.full(len(at_ns), 10), at_ns - int(wait_ms * MS)])
    return measurement(history, generator=replace(QUIET, stamps=ArrivalStamps("user", intervals=rows)))


@pytest.mark.parametrize(
    ("wait_ms", "latency_ms", "voids"),
    [
        (0.0, 1.0, False),  # A wake-up takes at most 0.15 ms, which is below the resolution.
        (0.05, 1.0, False),
        (0.3, 1.0, True),
        (0.3, 10.0, False),
        (4.0, 10.0, True),
    ],
)
def test_a_figure_is_void_if_a_fifth_of_it_may_be_the_wait_for_the_reader(
    wait_ms: float, latency_ms: float, voids: bool
) -> None:
    trust = judge_trust(slow_reading(wait_ms, latency_ms))
    assert {caution.code: caution.invalidates for caution in trust} == (
        {"inexact-arrival-times": True} if voids else {}
    )
    assert all("the kernel does not stamp these connections" in caution.message for caution in trust)


@pytest.mark.parametrize(("limit", "outcome"), [("2ms", LevelOutcome.MET), ("0.9ms", LevelOutcome.UNTRUSTED)])
def test_a_level_is_met_although_the_generator_added_delay(limit: str, outcome: LevelOutcome) -> None:
    run = slow_reading(0.3)
    metrics, cautions = judged_summaries(run)
    results = [parse_objective(f"p99(latency) < {limit}").evaluate(metrics)]
    assert judge_level(results, (), cautions).outcome is outcome
