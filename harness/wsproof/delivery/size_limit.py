"""A limit on the size of messages that the server enforces (close code 1009) and the workload does not name."""

from __future__ import annotations

from dataclasses import dataclass

from wsproof.delivery.execute import ScheduleExecution
from wsproof.delivery.schedule import Action, Schedule, Step
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import Departure
from wsproof.wire.codes import CloseCode
from wsproof.workloads import Workload

SHORTEST_BYTES = 125
"""Texts of this size are no longer shortened: a server that refuses them serves no channel."""


@dataclass(frozen=True)
class SizeLimit:
    """The longest text that the server accepted, and the shortest one after which it closed the connection."""

    accepted_bytes: int
    refused_bytes: int

    def finding(self, workload: Workload) -> Finding:
        """What the user should know: it is a rule of the server, and breaks no promise."""
        explanation = (
            f"The server closes the connection with 1009 (message too big) of a member that sends a text of "
            f"{self.refused_bytes:,} bytes. The other schedules send texts of at most {self.accepted_bytes:,} bytes. "
            f"Name the limit in the workload: longest_bytes = {self.accepted_bytes}."
        )
        return Finding("message-size-limit", workload.name, Anomaly.DISCONNECTED, Level.INFORMATIONAL, explanation)


def declares_longest(workload: Workload) -> bool:
    """Whether the workload names its longest text itself. To refuse such a text then breaks a promise."""
    return any("longest_bytes" in vars(kind) for kind in type(workload).__mro__ if kind is not Workload)


def refused_bytes(schedule: Schedule, execution: ScheduleExecution) -> int:
    """The size of the longest text of a schedule after which the server closed with 1009; 0 if it did not."""
    has_refused = any(
        member.departure is Departure.DROPPED and member.close_code == CloseCode.MESSAGE_TOO_BIG
        for member in execution.history.members
    )
    longest = max((_size_bytes(step) for step in schedule if step.action is not Action.BREAK), default=0)
    return longest if has_refused and longest > SHORTEST_BYTES else 0


def _size_bytes(step: Step) -> int:
    return max(len(step.body.encode(errors="surrogatepass")), step.size_bytes)
