from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.stats.builders import MS, SECOND, START, measurement, publish, recorder
from wsproof.model.history import History
from wsproof.model.measurement import ServerUsage
from wsproof.stats.round_values import SPECTRUM, RoundInterval, cpu_share, latency_spectrum, round_values

ROUNDS = [RoundInterval(START, START + SECOND // 2), RoundInterval(START + SECOND // 2, START + SECOND)]


def two_rounds(slip_ms: float = 0.0) -> History:
    """Return 100 publications to three members in each half of the window: 10 ms in the first, 20 ms in the second."""
    record = recorder()
    for sequence in range(200):
        latency = 10.0 if sequence < 100 else 20.0
        publish(record, sequence, sequence * 5, [latency, latency, latency + 1], slip_ms=slip_ms)
    return record.freeze()


def usage(step_ns: int = 0) -> ServerUsage:
    """Return 30 ms of CPU time in the first half of the window, and 60 ms in the second."""
    at_ns = np.array([START - MS, START, START + SECOND // 2, START + SECOND + MS], np.int64)
    return ServerUsage(at_ns=at_ns, cpu_ns=np.array([0, 0, 30 * MS, 90 * MS], np.int64), cpu_step_ns=step_ns)


def test_a_figure_belongs_to_the_round_of_the_intended_send_time() -> None:
    values = round_values(measurement(two_rounds(), server=usage()), ROUNDS)
    assert values["latency_p50"] == [10 * MS, 20 * MS]
    assert values["latency_p99"] == [11 * MS, 21 * MS]
    assert values["time_to_last_p50"] == [11 * MS, 21 * MS]


def test_the_cpu_time_of_a_round_is_divided_by_its_deliveries() -> None:
    values = round_values(measurement(two_rounds(), server=usage()), ROUNDS)
    assert values["server_cpu_per_delivery"] == pytest.approx([100.0, 200.0], rel=0.01)


def test_a_clock_too_coarse_for_a_round_gives_no_cost() -> None:
    values = round_values(measurement(two_rounds(), server=usage(10 * MS)), ROUNDS)
    assert values["server_cpu_per_delivery"] == [None, None]


def test_the_spectrum_of_a_life_joins_all_rounds_and_ends_where_too_few_samples_are_beyond() -> None:
    spectrum = dict(zip(SPECTRUM, latency_spectrum(measurement(two_rounds()), ROUNDS), strict=True))
    assert (spectrum[25.0], spectrum[50.0], spectrum[75.0]) == (10 * MS, 11 * MS, 20 * MS)
    assert spectrum[95.0] == 21 * MS  # of 600 samples, 30 are beyond
    assert spectrum[99.0] is None  # 6 are beyond
    assert latency_spectrum(measurement(two_rounds()), []) == [None] * len(SPECTRUM)


def test_an_unmeasured_figure_has_no_value() -> None:
    later = [RoundInterval(START + 3 * SECOND, START + 4 * SECOND)]
    values = round_values(measurement(two_rounds()), later)
    assert all(value == [None] for value in values.values())
    assert cpu_share(usage(), later[0]) is None
    assert cpu_share(None, ROUNDS[0]) is None


def test_a_cpu_share_refers_to_one_core() -> None:
    assert cpu_share(usage(), ROUNDS[0]) == pytest.approx(0.06)


def test_latency_counts_from_the_actual_send() -> None:
    on_time, late = (round_values(measurement(two_rounds(slip_ms)), ROUNDS) for slip_ms in (0.0, 3.0))
    for name in ("latency_p50", "latency_p99", "time_to_last_p50"):
        assert late[name] == [value - 3 * MS for value in on_time[name] if value is not None]


def test_without_deliveries_there_are_no_values() -> None:
    empty = replace(two_rounds(), receipts=recorder().freeze().receipts)
    values = round_values(measurement(empty, server=usage()), ROUNDS)
    assert all(value == [None, None] for value in values.values())
