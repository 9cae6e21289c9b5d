"""What a trial stands on: the endpoint, a meter on its process where that is ours, and clients that behave well."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.exchange.bystander import Bystander, Service
from wsproof.conformance.exchange.login import log_in
from wsproof.conformance.robustness.idle import IdleDetector
from wsproof.errors import TargetError
from wsproof.machine.usage import TreeMeter
from wsproof.net.budget import Budget
from wsproof.net.client import Client
from wsproof.net.clock import Deadline, now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.wire import Event

__all__ = ["NOT_OURS", "HandshakeRefused", "RobustnessContext"]

NOT_OURS = "not measured: the server process is not ours"
_LIST_EVERY_NS = 1_000_000_000
_POLL_S = 0.01
_LOST_S = 0.5
_PATIENT_TIMES = 6
"""A busy server may answer late; it counts as silent after so many deadlines, while another client is served, and
after one in which a server of ours had nothing to do."""
_AT_LAST_S = 120.0
_TURN_S = 0.5
_WORKS_NS = 50_000_000
"""Processor time a turn that says that a server is at work; to answer a neighbour takes a hundredth of it."""


class HandshakeRefused(TargetError):
    """The server answers, and takes no more clients: it may limit them."""


@dataclass
class RobustnessContext:
    """One server on trial. `pid` is the root of its process tree, None where it is not ours."""

    endpoint: Endpoint
    facts: EndpointProfile
    pid: int | None
    deadline_s: float
    budget: Budget
    examples: int = 25
    release_s: float | None = None
    """How long descriptors may take to come back; None for `deadline_s`."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """What an experiment that is repeated had; empty where it is new."""
    known: dict[str, object] = field(default_factory=dict)
    """What trials leave for those that come after them."""

    def __post_init__(self) -> None:
        self.meter = TreeMeter(self.pid, list_every_ns=_LIST_EVERY_NS) if self.pid is not None else None
        self._neighbour = Bystander(self.deadline_s, self.facts.first_messages)
        self._lost = False
        try:
            self.neighbour_served()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the neighbour go."""
        self._neighbour.forget()

    def client(self, **options: int | None) -> Client:
        """A client that is connected, has done its handshake, and is logged in where that is needed.

        Raises:
            HandshakeRefused: the server answers, and refuses.
            TargetError: nobody answers.
        """
        client = Client(self.endpoint, deadline_s=self.budget.at_most(self._patience_s), **options)  # type: ignore[arg-type]
        try:
            response = client.open()
        except TargetError:
            client.abort()
            raise
        if response.status != 101:
            client.abort()
            raise HandshakeRefused(f"expected the handshake to be accepted, got {response.describe()}")
        log_in(client, self.facts, self.budget.at_most(self._patience_s))
        client.take_events()
        return client

    def neighbour_served(self) -> bool:
        """Whether a client that was there before is served. The first time that it is not, all patience is spent.

        Raises:
            HandshakeRefused: the server takes no more clients, beside those of the trial.
        """
        return self._is_served(self._neighbour.ask)

    def newcomer_served(self) -> bool:
        """Whether somebody new can connect, and is served. Raises as `neighbour_served`."""
        return self._is_served(self._neighbour.ask_newcomer)

    def _is_served(self, ask: Callable[[Endpoint, float], Service]) -> bool:
        service = ask(self.endpoint, self.budget.at_most(self._patience_s))
        self.budget.check()
        if service is Service.REFUSED:
            raise HandshakeRefused(self._neighbour.remark)
        self._lost = self._lost or service.is_fault
        return not service.is_fault

    def all_served(self) -> bool:
        """Whether both are served: only then the server lives for everybody."""
        return self.neighbour_served() and self.newcomer_served()

    def wait_busy(self, client: Client, fits: Callable[[Event], bool]) -> bool:
        """Wait for an event on `client` while a neighbour is served: longer than usual, and as long as the server, if
        it is ours, is seen to work; no longer than the deadline once it is seen to have nothing to do."""
        until = Deadline.after(self.deadline_s * _PATIENT_TIMES)
        at_last = Deadline.after(max(_AT_LAST_S, self.deadline_s * _PATIENT_TIMES))
        idleness = IdleDetector(self.meter, self.deadline_s)
        worked_ns = self.cpu_ns() if self.meter is not None else 0
        found = False
        while not (found or client.ended or idleness.lasts or at_last.passed):
            self.budget.check()
            with idleness.wait():
                found = client.wait_event(fits, _TURN_S) is not None
            if not found and not self.neighbour_served():
                break
            now_worked_ns = self.cpu_ns() if self.meter is not None else 0
            if until.passed and now_worked_ns - worked_ns < _WORKS_NS:
                break
            worked_ns = now_worked_ns
        return found

    def cpu_ns(self) -> int:
        """What a cost is counted in: processor time of the server where it is ours, else the time that passes."""
        told = self.meter.cpu_ns() if self.meter is not None else None
        return told if told is not None else now_ns()

    @property
    def _patience_s(self) -> float:
        """Seconds in which a client must be served: once one was not, it is known that they are not."""
        return min(self.deadline_s, _LOST_S) if self._lost else self.deadline_s

    @property
    def releases_s(self) -> float:
        """Seconds in which what has ended is given back."""
        return self.deadline_s if self.release_s is None else self.release_s

    def wait_fds(self, at_most: int, deadline_s: float) -> int | None:
        """Wait until the server has no more open descriptors than that; how many it has in the end.

        Nothing tells when a process closes something, so this asks again and again, until the deadline.
        """
        assert self.meter is not None
        until = Deadline.after(deadline_s)
        while True:
            fds = self.meter.fds()
            if fds is None or fds <= at_most or until.passed:
                return fds
            self.budget.check()
            time.sleep(_POLL_S)
