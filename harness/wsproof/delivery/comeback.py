"""Lets the members of a pool come back while their server is restarted, each with its own back-off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from wsproof.delivery.back_off import BackOff
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.member import PoolMember
from wsproof.errors import TargetError
from wsproof.model.comeback import ComebackRecord
from wsproof.model.contract import Resume
from wsproof.model.nanoseconds import NS
from wsproof.net.clock import now_ns

POLL_S = 0.02
"""Seconds for which the members receive between two looks at the back-off of all."""
SPEAKS_AGAIN_S = 0.5
"""Seconds after which the members that are back publish again, for those that have received nothing yet."""
NEWCOMER_S = 2.0
"""Seconds that a newcomer waits for its first message, if others are not served."""


class Comeback:
    """Members that connect again. The server is restarted by the caller meanwhile, which calls `ready` at its end."""

    def __init__(self, pool: ClientPool, members: Sequence[PoolMember]) -> None:
        self._pool = pool
        self._members = list(members)
        """The latest connection of each member."""
        self._backs_off = [BackOff(pool.setting.seed + number) for number in range(len(members))]
        self._began_ns = self._spoke_ns = now_ns()
        self._next_ns = [self._began_ns + int(each.next_s() * NS) for each in self._backs_off]
        self._ready = threading.Event()
        self._ready_ns = 0
        self._served_ns = 0
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="members that come back", daemon=True)

    @property
    def members(self) -> tuple[PoolMember, ...]:
        """The latest connection of each member, in the order in which they were given."""
        return tuple(self._members)

    def start(self) -> None:
        """Begin to connect, in a thread of its own. The pool must not be used until `ready` has returned."""
        self._thread.start()

    def ready(self) -> None:
        """Say that the new process is ready, and wait until all members are served, or the contract's time is over.

        Raises:
            BudgetSpent: the run's time is over.
        """
        self._ready_ns = now_ns()
        self._ready.set()
        self._thread.join()
        if self._fault is not None:
            raise self._fault

    def record(self, forgotten: tuple[str, ...] = ()) -> ComebackRecord:
        """The record, once `ready` has returned. `forgotten` names acknowledged messages that are gone."""
        unserved = tuple(member.name for member in self._unserved())
        return ComebackRecord(
            len(self._members),
            (now_ns() - self._ready_ns) / NS,
            None if unserved else (self._served_ns - self._began_ns) / NS,
            sum(each.attempts for each in self._backs_off),
            unserved,
            bool(unserved) and self._serves_newcomer(),
            forgotten,
        )

    def _run(self) -> None:
        try:
            while self._unserved() and not self._is_over:
                self._connect_all()
                self._speak()
                self._pool.wait(lambda: False, POLL_S)
            self._served_ns = now_ns()
        except BaseException as fault:  # noqa: BLE001  `ready` raises it
            self._fault = fault

    @property
    def _is_over(self) -> bool:
        limit_ns = int(self._pool.contract.recovers_within_s * NS)
        return self._ready.is_set() and now_ns() > self._ready_ns + limit_ns

    def _unserved(self) -> list[PoolMember]:
        return [member for member in self._members if not (member.can_send and member.in_ns)]

    def _connect_all(self) -> None:
        """Let each member try to connect that is disconnected, and whose delay is over."""
        for at, member in enumerate(self._members):
            if member.can_send or now_ns() < self._next_ns[at]:
                continue
            resumes = self._pool.contract.resume is not Resume.NONE
            with suppress(TargetError):
                fresh = self._pool.join(member, resumes=resumes)
                if fresh.can_send:
                    self._members[at] = fresh
                    self._pool.publish(fresh, "back again")
            self._next_ns[at] = now_ns() + int(self._backs_off[at].next_s() * NS)

    def _speak(self) -> None:
        """Let the members that are back publish once more if one of them has received nothing for a while."""
        if now_ns() < self._spoke_ns + SPEAKS_AGAIN_S * NS:
            return
        self._spoke_ns = now_ns()
        back = [member for member in self._members if member.can_send]
        if any(not member.in_ns for member in back):
            for member in back:
                if member.can_send:  # its connection may have ended while another one published
                    self._pool.publish(member, "who is back?")

    def _serves_newcomer(self) -> bool:
        """Whether a member of a new name is served. Members that are not may be served meanwhile: then it is slow."""
        with suppress(TargetError):
            newcomer = self._pool.join()
            if newcomer.can_send:
                self._pool.publish(newcomer, "who hears this?")
                self._pool.wait(lambda: bool(newcomer.in_ns) or not newcomer.is_connected, NEWCOMER_S)
            return bool(newcomer.in_ns) and bool(self._unserved())
        return False


def restart_beside(comeback: Comeback, restart: Callable[[], None]) -> None:
    """Restart the server while members try to come back, and wait until they are served.

    The server is restarted in the thread of the caller: a guarded process ends with the thread that started it.

    Raises:
        TargetError: the server does not start again.
        BudgetSpent: the run's time is over.
    """
    comeback.start()
    try:
        restart()
    finally:
        comeback.ready()
