"""Tests of workers that end during a test, as the master sees them. No processes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from locust.runners import STATE_MISSING, STATE_RUNNING

from tests.scenarios.inside.inside_live import environment
from wsproof.locust import verdict
from wsproof.locust.lost_workers import look_for_lost_workers
from wsproof.locust.member_ids import take, tell
from wsproof.locust.registry import make_run
from wsproof.locust.session import session_of
from wsproof.locust.users import ChannelUser
from wsproof.model.member_ids import MemberIds


class Master:
    """A master's runner with two workers. Each returns its verdict at once when asked, unless it is lost."""

    target_user_count = 4

    def __init__(self, made: Any) -> None:
        self.workers = {name: SimpleNamespace(id=name, state=STATE_RUNNING) for name in ("one", "other")}
        self.sent: list[tuple[str, Any, str | None]] = []
        self._made = made

    @property
    def clients(self) -> Any:
        return SimpleNamespace(all=list(self.workers.values()))

    def send_message(self, name: str, data: Any = None, client_id: str | None = None) -> None:
        self.sent.append((name, data, client_id))
        if name == verdict.JUDGE and self.workers[str(client_id)].state != STATE_MISSING:
            verdict.take_answer(self._made, SimpleNamespace(node_id=client_id, data={"results": "[]"}))


@pytest.fixture
def master() -> Any:
    made = environment()
    made.runner = Master(made)
    session_of(made).begin_test()
    return made


def test_a_worker_that_is_lost_is_one_failure_at_once(master: Any) -> None:
    look_for_lost_workers(master)
    assert not master.stats.errors
    master.runner.workers["other"].state = STATE_MISSING
    look_for_lost_workers(master)
    look_for_lost_workers(master)
    (row,) = master.stats.errors.values()
    assert (row.name, row.occurrences) == ("wsproof: worker", 1)


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_the_users_of_a_lost_worker_are_unknown(
    master: Any, is_forgotten: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict, "MISSING_SECONDS", 0.05)
    look_for_lost_workers(master)
    if is_forgotten:  # Locust drops a worker a minute after it was lost
        del master.runner.workers["other"]
    else:
        master.runner.workers["other"].state = STATE_MISSING
    verdict.ask_workers(master)
    (result,) = session_of(master).results
    assert (result.load.verdict, [one.check for one in result.findings]) == ("unknown", ["no-verdict"])
    assert "one" in [client for _, _, client in master.runner.sent]


def test_workers_divide_the_rate(master: Any) -> None:
    session_of(master).share = None
    tell(master, SimpleNamespace(node_id="one"))
    ((_, told, _),) = master.runner.sent
    assert told["workers"] == 2
    worker = environment()
    worker.host = "ws://127.0.0.1:1"
    session_of(worker).begin_test()
    take(worker, SimpleNamespace(data=told | {"urls": {worker.host: worker.host}}))
    user_class = type("ChatUser", (ChannelUser,), {"abstract": False, "room_rate_hz": 20.0})
    run = make_run(worker, user_class, MemberIds(0, True))
    assert run.rate_hz == 10.0
    run.close()
