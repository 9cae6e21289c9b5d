"""Tests of the member ids of a run's processes, with runners that only pass messages on."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from locust.runners import MasterRunner, WorkerNodes, WorkerRunner

from wsproof.locust import member_ids
from wsproof.locust.member_ids import PER_WORKER, connect_processes, first_number, share_of
from wsproof.locust.session import session_of
from wsproof.model.member_ids import SHARES, SIZE, MemberIds


class Environment:
    """The part of Locust's Environment that is used here."""

    def __init__(self, runner: Any) -> None:
        self.runner = runner


class Wire:
    """A runner that passes messages on at once."""

    def __init__(self, index: int = 0) -> None:  # does not call Locust's __init__, which would connect
        self.worker_index = index
        self.other: Environment
        self.listeners: dict[str, Callable[..., None]] = {}

    def __del__(self) -> None:
        """Do nothing. Locust's method ends greenlets, and there are none."""

    def register_message(self, name: str, listener: Callable[..., None]) -> None:
        self.listeners[name] = listener

    def send_message(self, name: str, data: Any = None, client_id: str | None = None) -> None:
        listener = self.other.runner.listeners.get(name)
        if listener is not None:
            listener(environment=self.other, msg=SimpleNamespace(data=data, node_id="worker"))


class Worker(Wire, WorkerRunner):  # type: ignore[misc]
    pass


class Master(Wire, MasterRunner):  # type: ignore[misc]
    clients = WorkerNodes()


@pytest.fixture(autouse=True)
def draws(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Draw the ranges 7, 8, 9, ... in order. Returns for each whether it was drawn for a run that is alone."""
    drawn: list[bool] = []

    def draw(*, alone: bool) -> MemberIds:
        drawn.append(alone)
        return MemberIds() if alone else MemberIds((6 + len(drawn)) * SIZE, alone=False)

    monkeypatch.setattr(member_ids, "draw_share", draw)
    return drawn


def environment(runner: Any = None, host: str = "ws://chat.example") -> Environment:
    made = Environment(runner)
    session_of(made).urls["chat"] = host
    connect_processes(made)
    return made


def a_run(*indexes: int) -> tuple[Environment, list[Environment]]:
    """Return a master and its workers."""
    master = environment(Master())
    workers = [environment(Worker(index)) for index in indexes]
    for worker in workers:
        worker.runner.other = master
    return master, workers


def first_of_process(process: Environment) -> int:
    return first_number(process, share_of(process))


def first_of(worker: Environment, master: Environment) -> int:
    master.runner.other = worker
    return first_of_process(worker)


def test_two_runs_at_one_url_have_different_numbers_and_each_test_draws_new_ones() -> None:
    one, other = environment(), environment()
    assert [first_of_process(one), first_of_process(other), first_of_process(one)] == [7 * SIZE, 8 * SIZE, 7 * SIZE]
    session_of(one).begin_test()
    assert first_of_process(one) == 9 * SIZE
    assert not share_of(one).alone


def test_members_on_a_started_server_are_numbered_from_the_first() -> None:
    ours, other = environment(), environment(host="ws://other.example")
    for one in (ours, other):
        session_of(one).owned.add("ws://chat.example")
    assert share_of(ours) == MemberIds()
    assert not share_of(other).alone


def test_the_workers_of_a_run_have_parts_of_the_share_that_their_master_drew(draws: list[bool]) -> None:
    master, workers = a_run(0, 1, 2)
    assert [first_of(worker, master) for worker in workers] == [7 * SIZE + index * PER_WORKER for index in range(3)]
    assert draws == [False]


def test_numbers_stay_within_those_that_a_channel_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(member_ids, "draw_share", lambda *, alone: MemberIds((SHARES - 1) * SIZE, alone))
    master, (worker,) = a_run(1)
    assert first_of(worker, master) == PER_WORKER - SIZE


def test_a_worker_whose_master_does_not_answer_draws_its_own_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(member_ids, "ANSWER_SECONDS", 0.01)
    worker = environment(Worker(1))
    worker.runner.other = Environment(Wire())
    assert first_of_process(worker) == 7 * SIZE + PER_WORKER


def test_users_that_wait_for_the_master_at_the_same_time_get_the_same_share() -> None:
    worker = environment(Worker(0))
    worker.runner.other = Environment(Wire())  # it does not answer yet
    log: list[str] = []

    def join() -> None:
        share_of(worker)
        log.append("has it")
        share_of(worker)  # known by now, since no other greenlet runs in between
        log.append("goes on")

    users = [gevent.spawn(join) for _ in range(2)]
    gevent.sleep(0)
    member_ids.take(
        worker, SimpleNamespace(data={"first": 7 * SIZE, "alone": False, "urls": {"": "ws://chat.example"}})
    )
    gevent.joinall(users)
    assert log == ["has it", "goes on"] * 2
    assert session_of(worker).urls[""] == "ws://chat.example"
