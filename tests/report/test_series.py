"""Tests that the reduced series agree with their measurement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tests.report.samples import measurement
from wsproof import Measurement
from wsproof.model.history import Recorder
from wsproof.model.measurement import GeneratorUsage
from wsproof.report.charts.series import series_of
from wsproof.stats.metrics import summaries


def numbers(column: Sequence[float | None]) -> list[float]:
    assert None not in column
    return [value for value in column if value is not None]


def test_the_percentile_line_ends_at_the_maximum_and_never_falls() -> None:
    measured = measurement()
    line = numbers(series_of(measured).percentiles["latency_ns"])
    assert line[-1] == summaries(measured)["latency"].max
    assert line == sorted(line)


def test_a_slow_second_is_shown_at_its_time() -> None:
    timeline = series_of(measurement()).timeline
    worst = int(np.argmax(numbers(timeline["p50_ns"])))
    assert 5 <= numbers(timeline["at_s"])[worst] < 6
    for p50, p99, most in zip(timeline["p50_ns"], timeline["p99_ns"], timeline["max_ns"], strict=True):
        assert (p50 or 0) <= (p99 or 0) <= (most or 0)


def test_every_publication_is_in_the_histogram_or_beyond_it() -> None:
    last = series_of(measurement()).time_to_last
    assert sum(numbers(last["count"])) + sum(numbers(last["beyond"])) == 200


def test_deliveries_per_second_add_up_to_what_arrived_in_the_window() -> None:
    measured = measurement()
    data = series_of(measured).deliveries
    rates = numbers(data["received_per_s"])
    seconds = measured.plan.duration_s / len(rates)
    inside = measured.history.receipts.received_ns <= measured.history.end_ns
    assert abs(sum(rates) * seconds - np.count_nonzero(inside)) < 1


def test_the_series_of_the_server_begin_before_the_window() -> None:
    server = series_of(measurement()).server
    assert numbers(server["at_s"])[0] < 0
    assert all(0 <= share <= 1 for share in numbers(server["cpu_share"]))
    assert numbers(server["connections"])[-1] == 100


def test_a_long_run_stays_small_and_keeps_its_worst_second() -> None:
    share = np.full(3600, 0.2)
    share[1234] = 0.97
    measured = replace(measurement(20), generator=GeneratorUsage(share))
    series = series_of(measured)
    assert len(series.generator["cpu_share"]) <= 120
    assert max(numbers(series.generator["cpu_share"])) == 0.97
    assert len(json.dumps(series.to_json())) < 50_000


def test_an_empty_measurement_has_empty_series() -> None:
    measured = measurement(2, 2)
    series = series_of(Measurement(measured.plan, measured.contract, Recorder().freeze()))
    assert all(part == {} for part in series.to_json().values())
