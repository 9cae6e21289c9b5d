"""The ramp of a workload run: the time in which its users arrive, before the measured window."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns

from gevent.event import Event

from wsproof.locust.run_members import RunMembers
from wsproof.model.history import Recorder
from wsproof.model.plan import Phase


class RunRamp:
    """The arrival of the members. Once each has joined or been refused, the measured window begins.

    `begin` is called then.
    """

    def __init__(self, members: RunMembers, recorder: Recorder, begin: Callable[[], None]) -> None:
        self._members = members
        self._recorder = recorder
        self._begin = begin
        self._arriving: set[int] = set()
        """Members that are neither in nor refused yet."""
        self._expected: int | None = None
        """The number of users that open the measured window. None: Locust still spawns users."""
        self.phase = Phase.WARMUP
        self.has_begun = Event()
        """Set once the measured window has begun."""

    def add(self, member: int) -> None:
        """Wait for a member."""
        self._arriving.add(member)

    def all_spawned(self, users: int) -> None:
        """Wait for no more than this number of users. Later calls do nothing."""
        if self._expected is None:
            self._expected = users
            self._begin_if_ready()

    def arrived(self, member: int) -> None:
        """Wait for a member no longer: it has joined, left or been refused."""
        self._arriving.discard(member)
        self._begin_if_ready()

    def _begin_if_ready(self) -> None:
        is_ready = self._expected is not None and self._members.users >= self._expected and not self._arriving
        if is_ready and self.phase is Phase.WARMUP and not self._recorder.end_ns:
            self.phase = Phase.MEASURED
            self.has_begun.set()
            self._recorder.start_ns = monotonic_ns()
            self._begin()
