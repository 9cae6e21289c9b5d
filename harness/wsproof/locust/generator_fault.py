"""Faults of the load generator itself, above all a frozen event loop. They cause no finding about the server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil

from wsproof.errors import TargetError
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import Departure, Member

FROZEN_NS = 1_000_000_000
"""Nanoseconds without an event-loop iteration that count as a freeze.

A server may cut off a client that reads nothing and answers no ping, or skip messages for it. The shortest such limits
that we know of are about a second.
"""
SHADOW_NS = 2_000_000_000
"""Nanoseconds after a freeze in which the end of a connection may be its consequence.

The server decides during the freeze, but may first have to send the messages in its buffer.
"""
STEP_SECONDS = 0.1
"""Default length of a step in seconds. One wait counts as one step at most."""
EXPLAINED_BY_A_FREEZE = frozenset(
    {
        Anomaly.LOST,
        Anomaly.NOTHING_RECEIVED,
        Anomaly.MISSING_LEAVE,
        Anomaly.STALLED_BY_OTHER_MEMBER,
        Anomaly.WRONG_PERIOD,
        Anomaly.LEAKED_PRODUCER,
        Anomaly.DISCONNECTED,
        Anomaly.NOT_FREED,
    }
)
"""Anomalies that a client may cause by reading and answering nothing for a while."""
CHECKS_OF_PRESENCE = frozenset({"false-leave", "duplicate-leave", "message-after-leave"})
"""Checks of leave notices. A server may rightly send one about a client that did not answer."""


class GeneratorFrozen(Exception):
    """The failure that Locust shows for a finding that a frozen event loop may explain."""


class HandshakeAbandoned(TargetError):
    """The server did not answer the handshake in time. It may still answer later, and count the member as present."""


class HandshakeBroken(TargetError):
    """The server ended the connection during the handshake. It may have counted the member as present."""


def freeze_sentence(frozen_ns: int) -> str:
    """A sentence about a freeze."""
    return (
        f"wsproof's event loop stood still for {frozen_ns / 1e9:.1f} s, so that it neither read nor answered. "
        "Code of this Locust process blocked it, or the machine was too busy"
    )


@dataclass(frozen=True)
class Freeze:
    """A time in which the event loop stood still."""

    start_ns: int
    end_ns: int

    @property
    def length_ns(self) -> int:
        """The length of the freeze."""
        return self.end_ns - self.start_ns

    def explains(self, ended_ns: int) -> bool:
        """Whether the end of a connection at this time may be a consequence."""
        return self.start_ns <= ended_ns <= self.end_ns + SHADOW_NS


def excused(findings: Iterable[Finding], freezes: Sequence[Freeze], members: Sequence[Member] = ()) -> list[Finding]:
    """Return the findings. Those that a freeze may explain become undecided."""
    longest_ns = max((freeze.length_ns for freeze in freezes), default=0)
    return [
        _undecided(finding, longest_ns) if freezes and _may_be_ours(finding, freezes, members) else finding
        for finding in findings
    ]


def _may_be_ours(finding: Finding, freezes: Sequence[Freeze], members: Sequence[Member]) -> bool:
    if not finding.level.counts:
        return False
    if finding.check == "disconnected":
        cut = [member.left_ns for member in members if member.departure is Departure.DROPPED]
        return all(any(freeze.explains(ended_ns) for freeze in freezes) for ended_ns in cut)
    return finding.anomaly in EXPLAINED_BY_A_FREEZE or finding.check in CHECKS_OF_PRESENCE


def _undecided(finding: Finding, frozen_ns: int) -> Finding:
    explanation = f"{finding.explanation} But {freeze_sentence(frozen_ns)}: a server may skip or end such a client."
    return replace(finding, anomaly=Anomaly.UNKNOWN, level=Level.INFORMATIONAL, explanation=explanation)


class LoopTimeout:
    """A time limit that counts only the time in which the event loop ran. Wait one step, then call `spend`.

    Other code of the process may freeze the event loop. A wall-clock limit would then end before the messages in the
    receive buffer are read, and wsproof would blame the server for its own freeze. A frozen step counts as one step.
    """

    def __init__(self, limit_s: float, step_s: float = STEP_SECONDS) -> None:
        self.step_s = step_s
        self._left = max(ceil(limit_s / step_s), 1)

    def spend(self) -> bool:
        """Count one step. False if the limit is reached."""
        self._left -= 1
        return self._left > 0
