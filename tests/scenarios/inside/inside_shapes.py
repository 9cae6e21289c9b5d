"""Tests of the load shapes, at times that the test sets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from locust import LoadTestShape
from locust.runners import MasterRunner, WorkerRunner

from tests.scenarios.inside.inside_live import environment
from wsproof.locust.rate import RATE, connect_processes, set_rate_factor
from wsproof.locust.session import session_of
from wsproof.locust.shapes import BroadcastStorm, Ramp, ReconnectStorm, Soak, Spike, Steps


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


class SmallReconnectStorm(ReconnectStorm):
    users, staying_users, calm_s, away_s, storms = 20, 3, 10.0, 2.0, 2


class SmallBroadcastStorm(BroadcastStorm):
    users, storm_factor, storm_at_s, storm_s, after_s = 10, 8.0, 10.0, 5.0, 5.0


class Publisher:
    """The publisher of a run. It notes its rate."""

    factor = 1.0

    def set_rate_factor(self, factor: float) -> None:
        self.factor = factor


def test_a_ramp_grows_evenly_and_holds() -> None:
    assert users_at(SmallRamp, 0, 1, 10, 20, 24.9, 25) == [1, 1, 5, 10, 10, None]


def test_steps_grow_by_the_same_number() -> None:
    assert users_at(SmallSteps, 0, 9.9, 10, 29.9, 30) == [5, 5, 10, 15, None]


def test_a_spike_adds_users_and_removes_them() -> None:
    assert users_at(SmallSpike, 0, 9.9, 10, 14.9, 15, 20) == [2, 2, 30, 30, 2, None]


def test_a_soak_holds_for_hours() -> None:
    assert users_at(Soak, 3600, 4 * 3600 + 59, 4 * 3600 + 60) == [100, 100, None]


def test_in_a_reconnect_storm_most_users_leave_and_come_back_at_once() -> None:
    times_s = (0, 9.9, 10, 11.9, 12, 21.9, 22, 23.9, 24, 33.9, 34)
    assert users_at(SmallReconnectStorm, *times_s) == [20, 20, 3, 3, 20, 20, 3, 3, 20, 20, None]


def test_in_a_broadcast_storm_the_same_users_publish_more() -> None:
    made, publisher, shape = environment(), Publisher(), SmallBroadcastStorm()  # type: ignore[no-untyped-call]
    session_of(made).runs[object] = SimpleNamespace(publisher=publisher)  # type: ignore[assignment]
    shape.runner = SimpleNamespace(environment=made)  # type: ignore[assignment]
    seen: list[tuple[int | None, float]] = []
    for time_s in (0, 9.9, 10, 14.9, 15, 20):
        shape.get_run_time = lambda time_s=time_s: time_s  # type: ignore[method-assign, misc]
        tick = shape.tick()
        seen.append((None if tick is None else tick[0], publisher.factor))
    assert seen == [(10, 1.0), (10, 1.0), (10, 8.0), (10, 8.0), (10, 1.0), (None, 1.0)]


def test_a_storm_reaches_the_workers() -> None:
    master, worker, publisher = environment(), environment(), Publisher()
    session_of(worker).runs[object] = SimpleNamespace(publisher=publisher)  # type: ignore[assignment]
    listeners: dict[str, Any] = {}
    master.runner, worker.runner = object.__new__(Master), object.__new__(Worker)
    worker.runner.register_message = listeners.__setitem__
    connect_processes(worker)
    master.runner.send_message = lambda name, data, client_id: listeners[name](worker, SimpleNamespace(data=data))
    set_rate_factor(master, 8.0)
    assert (list(listeners), publisher.factor) == ([RATE], 8.0)


class Master(MasterRunner):
    clients = SimpleNamespace(all=[SimpleNamespace(id="worker")])  # type: ignore[assignment]

    def __del__(self) -> None:
        """Do nothing. Locust's method ends greenlets, and there are none."""


class Worker(WorkerRunner):
    def __del__(self) -> None:
        """Do nothing, as above."""


@pytest.mark.parametrize("shape", [Ramp, Steps, Spike, Soak, ReconnectStorm, BroadcastStorm])
def test_an_imported_shape_is_not_picked_by_locust(shape: type[LoadTestShape]) -> None:
    from locust.util.load_locustfile import is_shape_class

    assert not is_shape_class(shape)


@pytest.mark.parametrize("shape", [SmallRamp, SmallSteps, SmallSpike, SmallReconnectStorm, SmallBroadcastStorm])
def test_a_shape_of_the_user_is_picked(shape: type[LoadTestShape]) -> None:
    from locust.util.load_locustfile import is_shape_class

    assert is_shape_class(shape)
