"""A limit on the size of messages that the server enforces and the workload does not name.

The server closes the connection of who sends a longer one (close code 1009), or answers instead of delivering it. A
server that does neither loses the message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wsproof.delivery.execute import ScheduleExecution
from wsproof.delivery.schedule import Action, Schedule, Step
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import Departure, History
from wsproof.wire.codes import CloseCode
from wsproof.workloads import Workload

SHORTEST_BYTES = 125
"""Texts of this size are no longer shortened: a server that refuses them serves no channel."""


@dataclass(frozen=True)
class SizeLimit:
    """The longest text that the server accepted, the shortest one that it refused, and how it refuses."""

    accepted_bytes: int
    refused_bytes: int
    is_answered: bool = False
    """Whether the server answers the text. Else it closes the connection."""

    def finding(self, workload: Workload) -> Finding:
        """What the user should know: it is a rule of the server, and breaks no promise."""
        refusal = (
            "answers, and delivers the text to nobody"
            if self.is_answered
            else "closes the connection with 1009 (message too big)"
        )
        explanation = (
            f"The server refuses a text of {self.refused_bytes:,} bytes: it {refusal}. "
            f"The other schedules send texts of at most {self.accepted_bytes:,} bytes. "
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
    longest = longest_text_bytes(schedule)
    return longest if has_refused and longest > SHORTEST_BYTES else 0


def longest_text_bytes(schedule: Schedule) -> int:
    """The size of the longest text that the schedule publishes."""
    return max((_size_bytes(step) for step in schedule if step.action is not Action.BREAK), default=0)


def answered_limit(longest_bytes: int, publish: Callable[[int], History]) -> SizeLimit | None:
    """The limit of a server that answers a longer text instead of delivering it; None if it does not do so.

    `publish` publishes one text of some size, last of all, and returns what was received.
    """
    refused = publish(longest_bytes)
    if _is_last_delivered(refused):
        return None
    size = longest_bytes
    while size > SHORTEST_BYTES:
        too_long, size = size, max(size // 4, SHORTEST_BYTES)
        delivered = publish(size)
        if _is_last_delivered(delivered):
            has_answered = refused.ignored > delivered.ignored
            return SizeLimit(size, too_long, is_answered=True) if has_answered else None
    return None


def _is_last_delivered(history: History) -> bool:
    """Whether a member received the last publication. Members may have published before, to join."""
    sent, receipts = history.publications, history.receipts
    last = int(np.argmax(sent.sent_ns))
    return bool(((receipts.publisher == sent.publisher[last]) & (receipts.sequence == sent.sequence[last])).any())


def _size_bytes(step: Step) -> int:
    return max(len(step.body.encode(errors="surrogatepass")), step.size_bytes)
