"""A limit on the rate of publications that the server enforces openly, and that the contract does not name.

The server closes the connection of a member that publishes faster, with a code of its own choice, or answers instead of
delivering the message. A server that discards messages without a word loses them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from wsproof.model.contract import RateLimit
from wsproof.model.expected import Ints, reached_anybody
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import Departure, History, Member
from wsproof.model.nanoseconds import NS
from wsproof.wire.codes import CloseCode
from wsproof.workloads import Workload

WINDOW_S = 1.0
"""Seconds in which the publications of a member are counted: servers usually limit messages per second."""
FEWEST = 4
"""Fewest publications of a member in this time for which a refusal may be due to their rate."""
SLOWER = (2, 4)
"""Divisors of the refused rate, each tried once. A server that counts all members together needs the second."""
APPLICATION_CODES = range(3000, 5000)
"""Close codes that RFC 6455 7.4.2 leaves to libraries and applications."""


@dataclass(frozen=True)
class RefusedRate:
    """The publications of one member in WINDOW_S that the server refused, and how it did so."""

    messages: int
    close_code: int | None
    """The code of the close frame; None if the server answered and kept the connection."""
    reason: str
    answers: int
    """The messages that the server sent beside its deliveries."""

    @property
    def paces(self) -> Iterator[RateLimit]:
        """The slower rates to try."""
        return (RateLimit(max(self.messages // divisor, 1), WINDOW_S) for divisor in SLOWER)


@dataclass(frozen=True)
class EnforcedRate:
    """A refused rate, and a slower one that the server accepted."""

    refused: RefusedRate
    accepted: RateLimit

    def finding(self, workload: Workload) -> Finding:
        """What the user should know: it is a rule of the server, and breaks no promise."""
        code, reason = self.refused.close_code, self.refused.reason
        refusal = (
            "answers, and delivers the message to nobody"
            if code is None
            else f"closes the connection with {code}{f' ({reason})' if reason else ''}"
        )
        explanation = (
            f"The server refuses {self.refused.messages} messages of one member within {WINDOW_S:g} s: it {refusal}. "
            f"The same schedule passed at {self.accepted.in_words}, and the other schedules keep to that. "
            f"Name the limit in the contract: rate_limit=RateLimit(messages={self.accepted.messages}, "
            f"window_s={self.accepted.window_s:g})."
        )
        return Finding("rate-limit", workload.name, Anomaly.DISCONNECTED, Level.INFORMATIONAL, explanation)


def refused_rate(findings: Sequence[Finding], history: History) -> RefusedRate | None:
    """The rate of publications that may explain these findings; None if the server has not refused openly."""
    counted = {finding.check for finding in findings if finding.level is Level.VIOLATION}
    if not counted & {"lost", "disconnected"}:
        return None
    answers = _answers(history)
    cut = [(published_before(history, member), member) for member in history.members if _is_cut_openly(member)]
    if cut:
        messages, member = max(cut, key=lambda pair: pair[0])
        refused = RefusedRate(messages, member.close_code, member.close_reason, answers)
    elif answers and not reached_anybody(history).all():
        refused = RefusedRate(max(map(_fastest, _sent_by_member(history)), default=0), None, "", answers)
    else:
        return None
    return refused if refused.messages >= FEWEST else None


def is_slow_enough(refused: RefusedRate, findings: Sequence[Finding], history: History) -> bool:
    """Whether the result of a slower run shows that the rate was the cause of the refusal."""
    if any(finding.check == "lost" and finding.level is Level.VIOLATION for finding in findings):
        return False
    if refused.close_code is None:
        return _answers(history) < refused.answers
    return not any(map(_is_cut_openly, history.members))


def published_before(history: History, member: Member) -> int:
    """The number of messages that a member published in the last WINDOW_S before its connection ended."""
    sent = history.publications
    own = sent.sent_ns[sent.publisher == member.number]
    return int(((own > member.left_ns - WINDOW_S * NS) & (own <= member.left_ns)).sum())


def _is_cut_openly(member: Member) -> bool:
    """Whether the server ended this connection with a close code that names a rule of its own."""
    code = member.close_code or 0
    is_rule = code in (CloseCode.POLICY_VIOLATION, CloseCode.TRY_AGAIN_LATER) or code in APPLICATION_CODES
    return member.is_well_behaved and member.departure is Departure.DROPPED and is_rule


def _answers(history: History) -> int:
    """The number of messages that the server sent beside its deliveries."""
    return history.ignored + sum(not message.has_envelope for message in history.unexpected)


def _sent_by_member(history: History) -> Iterator[Ints]:
    """The sorted times at which each member published."""
    sent = history.publications
    return (np.sort(sent.sent_ns[sent.publisher == number]) for number in np.unique(sent.publisher))


def _fastest(sent_ns: Ints) -> int:
    """The largest number of publications within WINDOW_S."""
    within = np.searchsorted(sent_ns, sent_ns + int(WINDOW_S * NS))
    return int((within - np.arange(len(sent_ns))).max(initial=0))
