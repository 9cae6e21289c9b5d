"""Tests of separate cores for engine and server, and of the number of load processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.load.conftest import small_plan
from wsproof import Measurement
from wsproof.load import cores, run_plan
from wsproof.load.cores import choose_processes, pinned_apart
from wsproof.machine.affinity import CAN_PIN, own_cores
from wsproof.model.plan import Plan
from wsproof.target.server import RunningServer, serve
from wsproof.target.target import parse_target

ROOT = Path(__file__).parents[2]
CORES = own_cores()
ON_SOME = pytest.mark.skipif(not CAN_PIN or len(CORES) < 2, reason="needs two cores, and Linux")


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with serve(parse_target("target_app.main:app", cwd=ROOT)) as running:
        yield running


def follow(plan: Plan, server: RunningServer) -> Measurement:
    return run_plan(plan, channels="tutorial", settings={}, endpoint=server.endpoint, server=server)


def affinity_of(server: RunningServer) -> set[int]:
    assert server.pid is not None
    return os.sched_getaffinity(server.pid)


@pytest.fixture(autouse=True)
def no_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "cores_quota", lambda: None)


@ON_SOME
def test_the_context_manager_separates_the_cores_and_restores_them(server: RunningServer) -> None:
    with pinned_apart(1, server, wanted=True) as engine_cores:
        assert engine_cores == CORES[-1:]
        assert os.sched_getaffinity(0) == set(engine_cores)
        assert affinity_of(server) == set(CORES[:-1])
    assert os.sched_getaffinity(0) == affinity_of(server) == set(CORES)


@ON_SOME
def test_nothing_is_pinned_if_not_requested_or_with_too_few_cores(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def require_unpinned(processes: int, wanted: bool, server_given: RunningServer | None) -> None:
        with pinned_apart(processes, server_given, wanted=wanted) as engine_cores:
            assert engine_cores == ()
            assert os.sched_getaffinity(0) == affinity_of(server) == set(CORES)

    require_unpinned(1, False, server)
    require_unpinned(len(CORES), True, server)
    require_unpinned(1, True, None)
    monkeypatch.setattr(cores, "cores_quota", lambda: 1.5)
    require_unpinned(1, True, server)


@ON_SOME
def test_a_server_with_its_own_affinity_keeps_it_and_shares_with_the_engine(server: RunningServer) -> None:
    assert server.pid is not None
    os.sched_setaffinity(server.pid, CORES[-1:])
    try:
        with pinned_apart(1, server, wanted=True) as engine_cores:
            assert engine_cores == ()
            assert affinity_of(server) == set(CORES[-1:])
            assert os.sched_getaffinity(0) == set(CORES)
    finally:
        os.sched_setaffinity(server.pid, CORES)


@ON_SOME
@pytest.mark.parametrize("pin", [True, False])
def test_a_measurement_records_the_cores_of_the_engine(server: RunningServer, pin: bool) -> None:
    measured = follow(replace(small_plan("echo", 3), pin=pin), server)
    assert measured.generator.cores == (CORES[-1:] if pin else ())


def test_more_processes_than_subscribers_are_idle_and_no_error(server: RunningServer) -> None:
    measured = follow(small_plan("echo", 2, publishers=2, processes=3), server)
    assert measured.generator.processes == 3
    assert len(measured.history.receipts) >= len(measured.history.publications) > 0


@pytest.mark.parametrize(
    ("available", "subscribers", "server_cores", "expected"),
    [
        (2, 10_000, 1, 1),  # a machine with two cores
        (2, 10_000, 0, 2),  # with a remote server, both cores are free
        (8, 100, 1, 1),  # few subscribers get one process on any machine
        (8, 250, 1, 1),
        (8, 251, 1, 2),
        (8, 1_000, 1, 4),
        (8, 10_000, 1, 7),
        (8, 10_000, 4, 4),  # a server of four workers
        (4, 10_000, 8, 1),
        (1, 1, 1, 1),
    ],
)
def test_the_worker_count_follows_the_load_and_the_cores(
    monkeypatch: pytest.MonkeyPatch, available: int, subscribers: int, server_cores: int, expected: int
) -> None:
    monkeypatch.setattr(cores, "count_cores", lambda: available)
    assert choose_processes(subscribers, server_cores=server_cores) == expected


def test_several_load_engines_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "count_cores", lambda: 8)
    assert choose_processes(10_000, server_cores=1, workloads=3) == 2


def test_a_local_server_reserves_a_core(server: RunningServer) -> None:
    assert server.cores == 1
    assert parse_target("ws://192.0.2.1/ws", remote=True).is_here is False
    assert parse_target("ws://127.0.0.1:1/ws").is_here
    assert server.target.is_here
