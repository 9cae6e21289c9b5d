"""Tests of the figures of healthy clients beside faulty ones: the ratio, its interval, and unknown results."""

from __future__ import annotations

from dataclasses import replace
from math import exp
from typing import Any

import numpy as np
import pytest

from tests.report.samples import measurement
from wsproof import Measurement
from wsproof.model.fault_windows import FaultWindows, windows_of
from wsproof.stats.fault_effect import fault_figures, ratio_of, why_unsure

WHOLE = measurement(subscribers=20, seconds=10, rate_hz=40)


def slowed(times: float) -> tuple[Measurement, FaultWindows]:
    """Return a measurement whose latencies are `times` as long beside faulty clients. Windows of one kind are alike."""
    history = WHOLE.history
    windows = windows_of(10.0, history.start_ns)
    receipts, published = history.receipts, history.publications
    sent = published.sent_ns[receipts.sequence]
    window = (sent - windows.start_ns) // windows.window_ns
    is_beside = np.isin(window, [number for number in range(2 * windows.pairs) if windows.is_beside(number)])
    latency_ns = 1_000_000 + (receipts.received_ns - sent) % 200_000
    received = sent + (latency_ns * np.where(is_beside, times, 1.0)).astype(np.int64)
    return replace(WHOLE, history=replace(history, receipts=replace(receipts, received_ns=received))), windows


def test_a_ratio_is_the_geometric_mean_with_students_interval() -> None:
    pairs = [(1.0, exp(0.1)), (2.0, 2 * exp(0.2)), (3.0, 3 * exp(0.3))]
    ratio, low, high = ratio_of(pairs)
    assert ratio == pytest.approx(exp(0.2))
    half_width = 4.302653 * 0.1 / 3**0.5  # Student's t with two degrees of freedom.
    assert [low, high] == pytest.approx([exp(0.2 - half_width), exp(0.2 + half_width)])


def test_latencies_that_are_three_times_as_long_beside_faulty_clients_have_worsened() -> None:
    figures = fault_figures(*slowed(3.0))
    assert [figure.has_worsened for figure in figures] == [True, True, True]
    assert [figure.ratio for figure in figures] == [pytest.approx(3.0, rel=0.1)] * 3
    assert why_unsure(slowed(3.0)[0], figures, 0.1) == ""


def test_a_server_that_is_as_fast_beside_faulty_clients_has_not_worsened() -> None:
    assert not any(figure.has_worsened for figure in fault_figures(*slowed(1.0)))


def test_an_effect_in_one_window_of_many_is_noise() -> None:
    measured, windows = slowed(1.0)
    receipts = measured.history.receipts
    begin, end = windows.measured(1)
    is_hit = (receipts.received_ns >= begin) & (receipts.received_ns < end)
    received = receipts.received_ns + np.where(is_hit, 50_000_000, 0)
    hit = replace(measured, history=replace(measured.history, receipts=replace(receipts, received_ns=received)))
    assert not any(figure.has_worsened for figure in fault_figures(hit, windows))


def test_too_few_deliveries_give_no_ratio() -> None:
    sparse = measurement(subscribers=1, seconds=10, rate_hz=2)
    figures = fault_figures(sparse, windows_of(10.0, sparse.history.start_ns))
    assert [figure.ratio for figure in figures] == [None] * 3
    assert "--duration" in why_unsure(sparse, figures, 0.1)


@pytest.mark.parametrize(
    ("changes", "faults_cpu", "reason"),
    [
        ({"cpu_share": np.full(10, 0.95)}, 0.1, "load generator used 95%"),
        ({}, 0.9, "process of the faulty clients used 90%"),
        ({"alone": False}, 0.1, "another measurement"),
        ({"loop_lag_ns": np.full(500, 60_000_000)}, 0.1, "noisy: the load generator's event loop woke up 60 ms late"),
    ],
)
def test_a_saturated_generator_or_a_noisy_machine_makes_the_result_unknown(
    changes: dict[str, Any], faults_cpu: float, reason: str
) -> None:
    measured, windows = slowed(3.0)
    disturbed = replace(measured, generator=replace(measured.generator, **changes))
    assert reason in why_unsure(disturbed, fault_figures(measured, windows), faults_cpu)


def test_an_effect_far_beyond_the_lag_of_the_generator_is_reported() -> None:
    measured, windows = slowed(500.0)
    lagging = replace(measured, generator=replace(measured.generator, loop_lag_ns=np.full(500, 60_000_000)))
    assert why_unsure(lagging, fault_figures(measured, windows), 0.1) == ""
