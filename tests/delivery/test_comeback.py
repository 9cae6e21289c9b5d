"""Tests of members that come back while their server is restarted. The pool and the clock are fake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest

from wsproof import Resume, TargetError
from wsproof.delivery import comeback, shutdown_probe
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.comeback import Comeback, restart_beside
from wsproof.delivery.member import PoolMember
from wsproof.delivery.runner import ScheduleRunner
from wsproof.net.budget import BudgetSpent
from wsproof.net.client import Client
from wsproof.wire import State

NS = 1_000_000_000


@dataclass(eq=False)
class Member:
    """A connection. `in_ns` is the time of its first receipt."""

    name: str
    can_send: bool = True
    in_ns: int = 0

    @property
    def is_connected(self) -> bool:
        return self.can_send


@dataclass
class Scene:
    """A server that starts to listen at some second, and refuses some names. Time passes only while the pool waits."""

    listens_after_s: float = 3.0
    locked_out: tuple[str, ...] = ()
    serves_newcomers: bool = True
    is_spent: bool = False
    now: int = NS
    attempts: list[tuple[str, bool]] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    setting: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(seed=0))
    contract: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(recovers_within_s=10.0, resume=Resume.NONE)
    )

    @property
    def second(self) -> float:
        return self.now / NS - 1

    def join(self, earlier: Member | None = None, *, resumes: bool = False) -> Member:
        name = earlier.name if earlier is not None else "newcomer"
        self.attempts.append((name, resumes))
        if self.second < self.listens_after_s:
            raise TargetError("refused")
        if name in self.locked_out or (earlier is None and not self.serves_newcomers):
            return Member(name, can_send=False)
        self.members.append(Member(name))
        return self.members[-1]

    def publish(self, member: Member, body: str) -> None:
        member.in_ns = self.now

    def wait(self, done: Callable[[], bool], deadline_s: float) -> bool:
        if self.is_spent:
            raise BudgetSpent
        self.now += int(deadline_s * NS)
        return done()


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[Scene], Comeback]:
    def run(scene: Scene) -> Comeback:
        monkeypatch.setattr(comeback, "now_ns", lambda: scene.now)
        gone = [Member(name, can_send=False) for name in ("1", "2", "3")]
        back = Comeback(cast(ClientPool, scene), [cast(PoolMember, member) for member in gone])
        restart_beside(back, lambda: None)
        return back

    return run


def test_members_connect_again_until_the_new_process_serves_them(play: Callable[[Scene], Comeback]) -> None:
    scene = Scene()
    record = play(scene).record(("message 3 of 1",))
    assert record.unserved == ()
    assert record.served_s is not None
    assert 3.0 <= record.served_s <= 3.0 + 2 * 2.0 * 1.5
    assert {name for name, _ in scene.attempts} == {"1", "2", "3"}
    assert 3 * 3 <= len(scene.attempts) <= 3 * 8, "each attempt follows a longer delay"
    assert record.forgotten == ("message 3 of 1",)


@pytest.mark.parametrize("serves_newcomers", [True, False])
def test_a_locked_out_member_is_compared_with_a_newcomer(
    play: Callable[[Scene], Comeback], serves_newcomers: bool
) -> None:
    record = play(Scene(locked_out=("2",), serves_newcomers=serves_newcomers)).record()
    assert (record.unserved, record.served_s, record.is_newcomer_served) == (("2",), None, serves_newcomers)


def test_members_resume_if_the_contract_promises_missed_messages(play: Callable[[Scene], Comeback]) -> None:
    scene = Scene(listens_after_s=0)
    scene.contract.resume = Resume.HISTORY
    play(scene)
    assert all(resumes for _, resumes in scene.attempts)


def test_the_end_of_the_budget_ends_the_wait(play: Callable[[Scene], Comeback]) -> None:
    with pytest.raises(BudgetSpent):
        play(Scene(is_spent=True))


def test_members_whose_login_may_have_ended_with_the_process_do_not_come_back() -> None:
    restarts: list[str] = []
    server = SimpleNamespace(endpoint=None, restart=lambda: restarts.append("restart"))
    runner = SimpleNamespace(server=server, workload=SimpleNamespace(has_prepare=True))
    pool = SimpleNamespace(members=[])
    assert shutdown_probe._come_back(cast(ScheduleRunner, runner), cast(ClientPool, pool), []) is None
    assert restarts == ["restart"]


def test_a_member_whose_connection_was_aborted_has_to_come_back() -> None:
    client = SimpleNamespace(peer=SimpleNamespace(state=State.OPEN))  # The peer was not told of the aborted client.
    member = PoolMember(0, 0, "the silent one", cast(Client, client))
    assert member.can_send
    member.closed = True
    assert not member.can_send
