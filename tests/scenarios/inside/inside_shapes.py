"""Tests of the load shapes, at times that the test sets."""

from __future__ import annotations

import pytest
from locust import LoadTestShape

from wsproof.locust.shapes import Ramp, Soak, Spike, Steps


def users_at(shape: type[LoadTestShape], *times_s: float) -> list[int | None]:
    """Return the number of users at each of the times; None after the end of the test."""
    made = shape()
    found: list[int | None] = []
    for time_s in times_s:
        made.get_run_time = lambda time_s=time_s: time_s  # type: ignore[method-assign, misc]
        tick = made.tick()
        found.append(None if tick is None else tick[0])
        assert tick is None or tick[1] > 0
    return found


class SmallRamp(Ramp):
    users, ramp_s, hold_s = 10, 20.0, 5.0


class SmallSteps(Steps):
    step_users, step_s, steps = 5, 10.0, 3


class SmallSpike(Spike):
    users, spike_users, spike_at_s, spike_s, after_s = 2, 30, 10.0, 5.0, 5.0


def test_a_ramp_grows_evenly_and_holds() -> None:
    assert users_at(SmallRamp, 0, 1, 10, 20, 24.9, 25) == [1, 1, 5, 10, 10, None]


def test_steps_grow_by_the_same_number() -> None:
    assert users_at(SmallSteps, 0, 9.9, 10, 29.9, 30) == [5, 5, 10, 15, None]


def test_a_spike_comes_and_goes() -> None:
    assert users_at(SmallSpike, 0, 9.9, 10, 14.9, 15, 20) == [2, 2, 30, 30, 2, None]


def test_a_soak_holds_for_hours() -> None:
    assert users_at(Soak, 3600, 4 * 3600 + 59, 4 * 3600 + 60) == [100, 100, None]


@pytest.mark.parametrize("shape", [Ramp, Steps, Spike, Soak])
def test_an_imported_shape_is_not_picked_by_locust(shape: type[LoadTestShape]) -> None:
    from locust.util.load_locustfile import is_shape_class

    assert not is_shape_class(shape)


@pytest.mark.parametrize("shape", [SmallRamp, SmallSteps, SmallSpike])
def test_a_shape_of_the_user_is_picked(shape: type[LoadTestShape]) -> None:
    from locust.util.load_locustfile import is_shape_class

    assert is_shape_class(shape)
