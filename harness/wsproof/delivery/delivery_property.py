"""The type of a delivery property, and the conditions on contracts under which one applies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis.strategies import SearchStrategy

from wsproof.delivery.schedule import Schedule
from wsproof.delivery.standing_presence import StandingPresence
from wsproof.model.contract import Audience, Contract
from wsproof.model.finding import UNDECIDED, Anomaly, Finding
from wsproof.net.endpoint import Endpoint
from wsproof.workloads import Workload

STOPPED_WORKING = "stopped-working"
"""The check for a server that served its members before, and no longer serves anybody."""


@dataclass(frozen=True)
class DeliveryProperty:
    """A promise of a channel, and the schedules that test it.

    `edges` run every time, `schedules` are drawn. `looks_at` names the checks whose findings belong to this property.
    `headline` opens the explanation of a finding that another member's misbehaviour causes; {channel} is filled in.
    """

    name: str
    promise: str
    applies: Callable[[Contract], bool]
    looks_at: tuple[str, ...]
    edges: tuple[Schedule, ...] = ()
    schedules: Callable[[], SearchStrategy[Schedule]] | None = None
    share: float = 1.0
    """Fraction of the requested examples to draw: less than 1 for slow schedules."""
    headline: str = ""
    beside: tuple[str, ...] = ()
    """The checks among `looks_at` whose promise is another property's."""
    needs: Callable[[Workload, Endpoint | None], bool] = lambda workload, endpoint: True
    """A further requirement on the workload or its endpoint, such as a greeting or a token."""
    standing: StandingPresence = StandingPresence.JUDGED
    """How standing members of the channel take part. They are away if it is about the first or the last member."""
    fresh: bool = False
    """Whether the server must be fresh. It is restarted for that, if we started it."""

    def applies_to(self, workload: Workload, endpoint: Endpoint | None = None) -> bool:
        """Whether the property can be tested on the channel of this workload at this endpoint."""
        return self.applies(workload.contract) and self.needs(workload, endpoint)

    def mine(self, findings: list[Finding]) -> list[Finding]:
        """The findings that belong to this property, or to every property."""
        return [f for f in findings if self._looks_at(f) or self._is_general(f)]

    def _looks_at(self, finding: Finding) -> bool:
        """Whether the finding is one of the checks of this property.

        A split audience is a loss of messages. A refused request explains a missing message.
        """
        return finding.check in self.looks_at or (
            finding.check in ("split-audience", "publish-refused") and "lost" in self.looks_at
        )

    def _is_general(self, finding: Finding) -> bool:
        """Whether the finding belongs to every property: it is undecided, or the server has stopped working."""
        return finding.anomaly in UNDECIDED or finding.check == STOPPED_WORKING or self._protocol(finding)

    def _protocol(self, finding: Finding) -> bool:
        return finding.anomaly is Anomaly.PROTOCOL and "protocol" in self.looks_at


def is_spoken(contract: Contract) -> bool:
    """Whether members publish on the channel and somebody receives what they publish."""
    return contract.feed is None and contract.audience is not Audience.NOBODY


def is_shared(contract: Contract) -> bool:
    """Whether members receive each other's messages."""
    return is_spoken(contract) and contract.audience is not Audience.PUBLISHER


def delivers_last_messages(contract: Contract) -> bool:
    """Whether members receive what another member sends right before it leaves."""
    return is_shared(contract) and contract.last_messages


def greets(workload: Workload, endpoint: Endpoint | None) -> bool:
    """Whether the members of this workload send a greeting."""
    return workload.greeting(0) is not None


def asks_to_join(workload: Workload, endpoint: Endpoint | None) -> bool:
    """Whether the members of this workload send something to join. False if they must be prepared."""
    return not workload.has_prepare and next(iter(workload.join(0)), None) is not None


def is_fed(contract: Contract) -> bool:
    """Whether the server publishes a feed."""
    return contract.feed is not None
