"""The context of a robustness test: the endpoint, a process meter, and well-behaved clients."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.exchange.bystander import Bystander, Service
from wsproof.conformance.exchange.login import join_of, log_in
from wsproof.conformance.robustness.idle import IdleDetector
from wsproof.errors import TargetError
from wsproof.machine.usage import TreeMeter
from wsproof.net.budget import Budget
from wsproof.net.client import Client
from wsproof.net.clock import Deadline, now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.wire import Event

__all__ = ["NOT_OURS", "HandshakeRefused", "RobustnessContext"]

NOT_OURS = "not measured: wsproof did not start the server"
_LIST_EVERY_NS = 1_000_000_000
"""Time in ns after which the meter lists the process tree again."""
_POLL_S = 0.01
"""Seconds between two counts of the open descriptors."""
_LOST_S = 0.5
"""Longest timeout in seconds of a client, once a client was not served."""
_BUSY_TIMES = 6
"""Deadlines after which a busy server counts as silent: it may answer late because it serves another client. A server
of ours that is idle counts as silent after one deadline."""
_AT_LAST_S = 120.0
"""Longest wait in seconds for a server of ours that uses the CPU."""
_TURN_S = 0.5
"""Seconds of one wait for an event between two checks of the bystander."""
_WORKS_NS = 50_000_000
"""CPU time in ns per wait that shows a busy server. Answering the bystander takes a hundredth of it."""


class HandshakeRefused(TargetError):
    """The server answers but accepts no more clients, which may be a limit of its own."""


@dataclass
class RobustnessContext:
    """One server under test. `pid` is the root of its process tree; None if wsproof did not start it."""

    endpoint: Endpoint
    profile: EndpointProfile
    pid: int | None
    deadline_s: float
    budget: Budget
    examples: int = 25
    release_s: float | None = None
    """Seconds that the release of descriptors may take; None means `deadline_s`."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """The parameters of a repeated experiment; empty for a new one."""
    header_echo: Callable[[], AbstractContextManager[Endpoint] | None] | None = None
    """Starts the target's server library with an app of ours (`RunningServer.header_echo`)."""
    known: dict[str, object] = field(default_factory=dict)
    """Results that earlier tests leave for later ones."""

    def __post_init__(self) -> None:
        self.meter = TreeMeter(self.pid, list_every_ns=_LIST_EVERY_NS) if self.pid is not None else None
        self._bystander = Bystander(self.deadline_s, self.profile.first_messages, begin=join_of(self.profile))
        self._lost = False
        try:
            self.bystander_served()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Disconnect the bystander."""
        self._bystander.forget()

    def client(self, **options: int | None) -> Client:
        """Return a client that is connected, and logged in if the endpoint needs a login.

        Raises:
            HandshakeRefused: the server answers and refuses.
            TargetError: nobody answers.
        """
        client = Client(self.endpoint, deadline_s=self.budget.at_most(self._timeout_s), **options)  # type: ignore[arg-type]
        try:
            response = client.open()
        except TargetError:
            client.abort()
            raise
        if response.status != 101:
            client.abort()
            raise HandshakeRefused(f"expected the handshake to be accepted, got {response.describe()}")
        log_in(client, self.profile, self.budget.at_most(self._timeout_s))
        client.take_events()
        return client

    def bystander_served(self) -> bool:
        """Whether the server serves an old client. After the first failure, later calls use a short timeout.

        Raises:
            HandshakeRefused: the server accepts no more clients besides those of the test.
        """
        return self._is_served(self._bystander.ask)

    def new_client_served(self) -> bool:
        """Whether the server accepts and serves a new client. Raises as `bystander_served`."""
        return self._is_served(self._bystander.ask_new_client)

    def _is_served(self, ask: Callable[[Endpoint, float], Service]) -> bool:
        service = ask(self.endpoint, self.budget.at_most(self._timeout_s))
        self.budget.check()
        if service is Service.REFUSED:
            raise HandshakeRefused(self._bystander.remark)
        self._lost = self._lost or service.is_fault
        return not service.is_fault

    def all_served(self) -> bool:
        """Whether the server serves both an old and a new client."""
        return self.bystander_served() and self.new_client_served()

    def wait_busy(self, client: Client, fits: Callable[[Event], bool]) -> bool:
        """Wait for an event on `client` while the bystander is served. Returns whether the event came.

        The timeout is six deadlines, and up to 120 s while a server of ours uses the CPU. The wait ends early if a
        server of ours is idle for one deadline, or the bystander is not served.
        """
        until = Deadline.after(self.deadline_s * _BUSY_TIMES)
        at_last = Deadline.after(max(_AT_LAST_S, self.deadline_s * _BUSY_TIMES))
        idleness = IdleDetector(self.meter, self.deadline_s)
        worked_ns = self.cpu_ns() if self.meter is not None else 0
        has_come = False
        while not (has_come or client.ended or idleness.lasts or at_last.passed):
            self.budget.check()
            with idleness.wait():
                has_come = client.wait_event(fits, _TURN_S) is not None
            if not has_come and not self.bystander_served():
                break
            now_worked_ns = self.cpu_ns() if self.meter is not None else 0
            if until.passed and now_worked_ns - worked_ns < _WORKS_NS:
                break
            worked_ns = now_worked_ns
        return has_come

    def cpu_ns(self) -> int:
        """The counter for costs, in ns: the CPU time of a server of ours, else the time of the clock."""
        process_ns = self.meter.cpu_ns() if self.meter is not None else None
        return process_ns if process_ns is not None else now_ns()

    @property
    def _timeout_s(self) -> float:
        """The timeout in seconds for a client to be served; at most 0.5 s once a client was not."""
        return min(self.deadline_s, _LOST_S) if self._lost else self.deadline_s

    @property
    def releases_s(self) -> float:
        """Seconds within which the server must release the resources of ended connections."""
        return self.deadline_s if self.release_s is None else self.release_s

    def wait_fds(self, at_most: int, deadline_s: float) -> int | None:
        """Wait until the server has at most this many open descriptors, and return their number at the end.

        The system does not notify of closed descriptors, so this polls until the deadline.
        """
        assert self.meter is not None
        until = Deadline.after(deadline_s)
        while True:
            fds = self.meter.fds()
            if fds is None or fds <= at_most or until.passed:
                return fds
            self.budget.check()
            time.sleep(_POLL_S)
