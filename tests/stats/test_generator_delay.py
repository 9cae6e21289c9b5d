"""Tests of the latency that the generator itself may have added, from its own records."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.stats.builders import MS, QUIET, measurement, publish, recorder, steady
from wsproof.model.capacity import LevelOutcome
from wsproof.model.measurement import Measurement
from wsproof.stats.capacity_level import judge_level
from wsproof.stats.generator_delay import waited_ns
from wsproof.stats.generator_effect import DeliveryTimes, Limit, own_delays
from wsproof.stats.metrics import Observed
from wsproof.stats.objective import parse_objective
from wsproof.stats.trust import judge_trust, judged_summaries

ANY = Limit(0.0, 0.0)
"""A limit that any delay exceeds."""


def iterations(*rows: tuple[float, float, float]) -> np.ndarray:
    """Return event-loop iterations from times in ms."""
    return np.array([[int(value * MS) for value in row] for row in rows], np.int64)


def test_only_what_was_read_in_a_noted_turn_may_have_waited() -> None:
    received = np.array([int(at * MS) for at in (0.5, 1.0, 1.2, 1.5, 1.6, 3.0, 3.1)], np.int64)
    waited = waited_ns(received, (iterations((1, 1.5, 0.3), (3, 3.05, 0.1)),))
    assert (waited / MS).tolist() == pytest.approx([0, 0.3, 0.5, 0.8, 0, 0.1, 0])


def test_the_longest_wait_of_several_processes_counts() -> None:
    received = np.array([int(1.2 * MS)], np.int64)
    assert waited_ns(received, (iterations((1, 2, 0.1)), iterations(), iterations((1.1, 2, 0.5)))).tolist() == [
        int(0.6 * MS)
    ]


def test_without_turns_slip_alone_is_the_generators() -> None:
    (p99,) = (
        effect
        for effect in own_delays(DeliveryTimes(Observed(measurement(steady(latency_ms=8, slip_ms=3)))), ANY, 0.0)
        if effect.name == "latency.p99"
    )
    assert p99.added / MS == pytest.approx(3)


def slow_reading(wait_ms: float, latency_ms: float = 1.0) -> Measurement:
    """Return a hundred publications to ten members, all received in iterations that may have delayed them."""
    record = recorder(10)
    for sequence in range(100):
        publish(record, sequence, 5 * sequence, [latency_ms] * 10)
    history = record.freeze()
    began = np.unique(history.receipts.received_ns)
    table = np.column_stack([began, began, np.full(len(began), int(wait_ms * MS))])
    return measurement(history, generator=replace(QUIET, late_iterations=(table,)))


@pytest.mark.parametrize(
    ("wait_ms", "latency_ms", "voids"),
    [
        (0.3, 1.0, True),
        (0.16, 1.0, False),
        (0.18, 0.3, False),
        (0.24, 0.3, True),
        (2.0, 10.0, False),
        (4.0, 10.0, True),
    ],
)
def test_a_run_is_untrusted_where_a_fifth_of_its_p99_may_be_the_generators(
    wait_ms: float, latency_ms: float, voids: bool
) -> None:
    found = {caution.code: caution.invalidates for caution in judge_trust(slow_reading(wait_ms, latency_ms))}
    assert found == ({"generator-delay": True} if voids else {})


@pytest.mark.parametrize(("limit", "outcome"), [("2ms", LevelOutcome.MET), ("0.9ms", LevelOutcome.UNTRUSTED)])
def test_a_level_that_is_met_is_met_whatever_the_generator_has_added(limit: str, outcome: LevelOutcome) -> None:
    run = slow_reading(0.5)
    metrics, cautions = judged_summaries(run)
    results = [parse_objective(f"p99(latency) < {limit}").evaluate(metrics)]
    assert judge_level(results, (), cautions).outcome is outcome
