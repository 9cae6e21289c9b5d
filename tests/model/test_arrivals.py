"""Tests of arrivals with precomputed times."""

from __future__ import annotations

import json

import numpy as np
import pytest

from wsproof import parse_arrivals
from wsproof.model.arrivals import (
    CONSTANT,
    POISSON,
    Arrivals,
    BurstArrivals,
    RampArrivals,
    Span,
    Trace,
    arrivals_from_job,
    arrivals_to_job,
    parse_trace,
)
from wsproof.model.nanoseconds import NS

SPAN = Span(100.0, warmup_ns=NS, window_ns=4 * NS)
ALL: list[Arrivals] = [
    CONSTANT,
    POISSON,
    BurstArrivals(7),
    RampArrivals(10, 190),
    Trace((0, 5, 5, 9 * NS), "yesterday.txt"),
]


def times(arrivals: Arrivals, seed: int = 1) -> np.ndarray:
    return arrivals.times(SPAN, np.random.default_rng(seed))


def between(at: np.ndarray, low_s: float, high_s: float) -> int:
    return int(((at >= low_s * NS) & (at < high_s * NS)).sum())


@pytest.mark.parametrize("arrivals", ALL)
def test_times_ascend_from_the_beginning_of_the_warm_up(arrivals: Arrivals) -> None:
    at = times(arrivals)
    assert at.dtype == np.int64
    assert at[0] >= 0
    assert (np.diff(at) >= 0).all()


@pytest.mark.parametrize("arrivals", ALL)
def test_arrivals_survive_the_encoding_for_a_worker(arrivals: Arrivals) -> None:
    again = arrivals_from_job(json.loads(json.dumps(arrivals_to_job(arrivals))))
    assert again == arrivals
    assert np.array_equal(times(again), times(arrivals))


@pytest.mark.parametrize("arrivals", [CONSTANT, BurstArrivals(7), POISSON])
def test_the_mean_rate_is_that_of_the_plan(arrivals: Arrivals) -> None:
    assert between(times(arrivals), 0, 5) == pytest.approx(500, abs=70 if arrivals is POISSON else 7)


def test_all_publications_of_a_burst_have_the_same_time() -> None:
    moments, sizes = np.unique(times(BurstArrivals(20)), return_counts=True)
    assert set(sizes.tolist()) == {20}
    assert np.allclose(np.diff(moments), NS / 5, atol=2)


def test_the_rate_of_a_ramp_changes_linearly() -> None:
    at = times(RampArrivals(10, 190))
    assert between(at, 0, 1) == pytest.approx(10, abs=1)  # the warm-up
    # The integral of 10 + 45 t from 0 to 1, 2, 3 and 4 seconds.
    for second, area in ((1, 32.5), (2, 110), (3, 232.5), (4, 400)):
        assert between(at, 1, 1 + second) == pytest.approx(area, abs=1.01)


@pytest.mark.parametrize(
    ("ramp", "total"), [(RampArrivals(100, 0), 300), (RampArrivals(0, 100), 200), (RampArrivals(50, 50), 250)]
)
def test_a_ramp_may_fall_or_start_at_zero_or_be_constant(ramp: RampArrivals, total: int) -> None:
    assert between(times(ramp), 0, 5) == pytest.approx(total, abs=1)


def test_a_falling_ramp_mirrors_a_rising_one() -> None:
    down, up = times(RampArrivals(100, 0)), times(RampArrivals(0, 100))
    assert between(down, 1, 3) == pytest.approx(between(up, 3, 5), abs=1)


def test_a_trace_is_played_from_its_first_time() -> None:
    trace = parse_trace(["# from Tuesday\n", "100.5\n", "\n", "100.75\n", "103\n"], "t.txt")
    assert times(trace).tolist() == [0, NS // 4, 5 * NS // 2]
    assert trace.mean_hz(SPAN) == pytest.approx(1 / 4)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["1.0", "soon"], "line 2 of the trace is not a time"),
        (["2.0", "1.0"], "line 2 of the trace goes back"),
        (["inf"], "line 1"),
        (["# nothing"], "holds no times"),
    ],
)
def test_an_invalid_trace_is_refused_with_the_line_number(lines: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_trace(lines, "t.txt")


@pytest.mark.parametrize("text", ["constant", "poisson", "burst:50", "ramp:10-200", "ramp:0.5-0"])
def test_a_record_has_the_arrivals_as_the_user_typed_them(text: str) -> None:
    assert str(parse_arrivals(text)) == text


@pytest.mark.parametrize(
    "text", ["", "weekly", "burst", "burst:0", "burst:x", "ramp:5", "ramp:0-0", "ramp:-1-5", "ramp:1-inf", "constant:1"]
)
def test_an_invalid_value_of_arrivals_is_refused_with_the_valid_forms(text: str) -> None:
    with pytest.raises(ValueError, match="expected constant, poisson, burst:SIZE, ramp:FROM-TO"):
        parse_arrivals(text)
