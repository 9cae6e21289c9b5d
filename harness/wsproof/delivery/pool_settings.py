"""Settings of a client pool: endpoint, workload and timeouts."""

from __future__ import annotations

from dataclasses import dataclass, field

from wsproof.model.contract import RateLimit
from wsproof.model.finding import Anomaly
from wsproof.net.budget import Budget
from wsproof.net.endpoint import Endpoint
from wsproof.net.handshake_retries import HandshakeRetries
from wsproof.workloads import Workload

GIVEN_UP_S = 0.1
"""Timeout in seconds of a wait for messages that are known not to arrive."""
SHORT_TIMEOUT_S = 1.5
"""Timeout in seconds on a channel that is known to lose messages."""


@dataclass(frozen=True)
class PoolSettings:
    """The endpoint, workload and timeouts of a client pool.

    Members are numbered from `first` on, so that two pools on one server never use the same name.
    """

    endpoint: Endpoint
    workload: Workload
    first: int
    deadline_s: float
    seed: int
    alone: bool = True
    """Whether no other client uses the server. Only then is a message with an unknown name a finding."""
    known: frozenset[Anomaly] = frozenset()
    """Anomalies found on this channel before. They are checked again, with a shorter timeout."""
    budget: Budget = field(default_factory=lambda: Budget(None))
    """The time left in the run. No wait exceeds it."""
    retries: HandshakeRetries = field(default_factory=HandshakeRetries)
    """The retries of handshakes that a full server refuses."""
    pace: RateLimit | None = None
    """The rate that the server has enforced, if the contract names no limit."""

    keeps_messages: bool = False
    """Whether each member keeps all that it receives."""
    has_shapes: bool = False
    """Whether some members have names of unusual shapes."""

    @property
    def timeout_s(self) -> float:
        """Timeout in seconds for an expected message: shorter once the channel has lost one."""
        return min(self.deadline_s, SHORT_TIMEOUT_S) if Anomaly.LOST in self.known else self.deadline_s
