"""Tests of idle detection from a server's resource use, on a clock that only waits advance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.robustness.context import RobustnessContext
from wsproof.conformance.robustness.idle import IdleDetector
from wsproof.net import clock
from wsproof.net.budget import Budget
from wsproof.net.client import Client

_TURN_S = 0.5
_DEADLINE_S = 5.0


class Clock:
    """A clock that only waits advance."""

    def __init__(self) -> None:
        self.at_s = 1_000.0

    def now_ns(self) -> int:
        return int(self.at_s * 1e9)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the clock of all deadlines."""
    fake = Clock()
    monkeypatch.setattr(clock, "now_ns", fake.now_ns)
    return fake


@dataclass
class Process:
    """A fake meter of a server process, idle by default."""

    cpu: int | None = 0
    queued: int | None = 0
    wakes: int | None = 0
    ready: bool | None = False

    def cpu_ns(self) -> int | None:
        return self.cpu

    def queued_ns(self) -> int | None:
        return self.queued

    def switches(self) -> int | None:
        return self.wakes

    def wants_processor(self) -> bool | None:
        return self.ready

    def uses(self, counter: str, amount: int) -> None:
        """Increase a counter of the process."""
        setattr(self, counter, getattr(self, counter) + amount)


class SilentClient:
    """A client that receives nothing. `meanwhile` runs while it waits."""

    ended = False

    def __init__(self, time: Clock, meanwhile: Callable[[], object]) -> None:
        self.time, self.meanwhile = time, meanwhile
        self.waited_s = 0.0

    def wait_event(self, fits: object, wait_s: float) -> None:
        del fits
        self.meanwhile()
        self.waited_s += wait_s
        self.time.at_s += wait_s


def nothing() -> None:
    """Do nothing."""


def idle_after(time: Clock, process: Process | None, meanwhile: Callable[[], object], serves_ns: int = 100_000) -> Any:
    """Return the seconds until the server counts as idle; None if it does not within a minute."""
    idleness = IdleDetector(process, _DEADLINE_S)
    begun = time.at_s
    while time.at_s < begun + 60:
        with idleness.wait():
            meanwhile()
            time.at_s += _TURN_S
        if idleness.lasts:
            return time.at_s - begun
        if process is not None and process.cpu is not None:
            process.cpu += serves_ns
    return None


def test_a_process_without_work_for_the_deadline_is_idle(time: Clock) -> None:
    assert idle_after(time, Process(), nothing) == _DEADLINE_S


def test_a_process_that_only_runs_a_periodic_timer_is_idle(time: Clock) -> None:
    process = Process()

    def tick() -> None:
        process.uses("cpu", 500_000)
        process.uses("queued", 20_000)
        process.uses("wakes", 5)

    assert idle_after(time, process, tick) == _DEADLINE_S


@pytest.mark.parametrize(
    ("counter", "amount"), [("cpu", 10_000_000), ("queued", 400_000_000), ("wakes", 300), ("queued", -90_000_000)]
)
def test_a_process_that_works_or_waits_for_a_core_is_not_idle(time: Clock, counter: str, amount: int) -> None:
    process = Process(queued=20_000_000_000)
    assert idle_after(time, process, lambda: process.uses(counter, amount)) is None


def test_a_starved_process_is_not_idle_without_any_cpu_time(time: Clock) -> None:
    assert idle_after(time, Process(ready=True), nothing) is None


def test_work_restarts_the_idle_deadline(time: Clock) -> None:
    process = Process()
    begun = time.at_s

    def meanwhile() -> None:
        if time.at_s == begun + 4:
            process.uses("cpu", 300_000_000)

    assert idle_after(time, process, meanwhile) == 4 + _TURN_S + _DEADLINE_S


@pytest.mark.parametrize("process", [None, Process(cpu=None), Process(queued=None), Process(ready=None)])
def test_a_process_without_measurements_is_never_idle(time: Clock, process: Process | None) -> None:
    assert idle_after(time, process, nothing) is None


def test_a_process_whose_cpu_time_serving_does_not_change_is_never_idle(time: Clock) -> None:
    assert idle_after(time, Process(), nothing, serves_ns=0) is None


class ServedContext(RobustnessContext):
    """A context whose bystander is always served, at some cost to the server."""

    def bystander_served(self) -> bool:
        meter = cast(Process | None, self.meter)
        if meter is not None:
            meter.uses("cpu", 100_000)
        return True


def context_of(process: Process | None) -> RobustnessContext:
    context = ServedContext(cast(Any, None), EndpointProfile(None, False, False, 0), None, _DEADLINE_S, Budget(None))
    context.meter = cast(Any, process)
    return context


def waited_s(context: RobustnessContext, client: SilentClient) -> float:
    """Return the seconds that the context waits for an answer that never comes."""
    assert not context.wait_busy(cast(Client, client), lambda event: True)
    return client.waited_s


def test_an_idle_server_gets_no_time_beyond_the_deadline(time: Clock) -> None:
    assert waited_s(context_of(Process()), SilentClient(time, nothing)) == _DEADLINE_S


def test_a_remote_server_has_six_deadlines(time: Clock) -> None:
    assert waited_s(context_of(None), SilentClient(time, nothing)) == 6 * _DEADLINE_S


def test_a_starved_server_has_six_deadlines(time: Clock) -> None:
    process = Process()
    starves = SilentClient(time, lambda: process.uses("queued", 500_000_000))
    assert waited_s(context_of(process), starves) == 6 * _DEADLINE_S


def test_a_busy_server_has_two_minutes(time: Clock) -> None:
    process = Process()
    assert waited_s(context_of(process), SilentClient(time, lambda: process.uses("cpu", 200_000_000))) == 120.0
