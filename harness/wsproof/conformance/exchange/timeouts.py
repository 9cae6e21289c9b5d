"""Timeouts: how long to wait for each kind of answer, and when a timeout is evidence.

A missing answer is evidence only after the *full* timeout. The *measured* timeout is a multiple of this server's
slowest answer of the same kind, and is no evidence. It is used if the server is known not to answer, while a script is
being shrunk, and after many full timeouts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from wsproof.net.budget import Budget

__all__ = ["AnswerKind", "Timeout", "Timeouts"]

_TIMES_SLOWEST = 20
"""The measured timeout as a multiple of the slowest answer. A busy machine delays answers, but not by this factor."""
_LEAST_S = 0.25
"""Least measured timeout, in seconds."""
_FULL_TIMES_SLOWEST = 4
"""The full timeout as a multiple of the slowest answer, for a server that needs about as long as the deadline."""
_MOST_SILENCES = 8
"""Maximum number of full timeouts in one run, without retries. Otherwise a server that often does not answer would
cost minutes."""
_MOMENT_S = 1.0
"""Least time in seconds for a failure that a pong may have overtaken."""
_BRIEF_MOMENT_S = 0.05
"""The same time while shrinking, or once the server is known not to fail the connection."""
_BYSTANDER_AGAIN_S = 1.0
"""Least timeout of the bystander in seconds, once the server is known to stop serving others."""


class AnswerKind(StrEnum):
    """Kinds of answers. A server needs a different time for each."""

    HANDSHAKE = "handshake"
    MESSAGE = "message"
    PONG = "pong"
    CLOSE = "close"
    FAILURE = "failure"
    """The end of a connection over an illegal frame."""
    END = "end of TCP"


@dataclass(frozen=True, slots=True)
class Timeout:
    """Seconds to wait, and whether no answer within them is evidence."""

    seconds: float
    is_evidence: bool


@dataclass
class Timeouts:
    """The timeouts of one run.

    `is_shrinking`: a script is being shrunk, so timeouts need not be evidence. Each script that shrinking finds is
    retried with the full timeout.
    """

    deadline_s: float
    budget: Budget = field(default_factory=lambda: Budget(None))
    is_shrinking: bool = False
    slowest_s: dict[AnswerKind, float] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)
    _silences: int = 0
    _retried: str = ""

    def full_s(self, answer: AnswerKind) -> float:
        """Seconds after which a missing answer is evidence."""
        return max(self.deadline_s, _FULL_TIMES_SLOWEST * self.slowest_s.get(answer, 0.0))

    def measured_s(self, answer: AnswerKind) -> float:
        """Seconds within which this server should answer, by its slowest answers so far."""
        if not self.slowest_s:
            return self.full_s(answer)
        slowest = self.slowest_s.get(answer, max(self.slowest_s.values()))
        return min(self.full_s(answer), max(_LEAST_S, _TIMES_SLOWEST * slowest))

    def wait_for(self, answer: AnswerKind, *rules: str) -> Timeout:
        """The timeout for an answer that one of these rules asks for."""
        if self._retried in rules:
            return self._cut(self.full_s(answer))
        if self.is_shrinking or self._silences >= _MOST_SILENCES or self.is_known_silence(*rules):
            return Timeout(self.budget.at_most(self.measured_s(answer)), is_evidence=False)
        return self._cut(self.full_s(answer))

    def is_known_silence(self, *rules: str) -> bool:
        """Whether the server is known not to answer for one of these rules."""
        return any(rule in self._known for rule in rules if rule != self._retried)

    def moment_for(self, rule: str) -> Timeout:
        """The timeout for a failure that a pong may have overtaken, on an endpoint whose messages cannot prove its
        absence."""
        if self._retried != rule and (self.is_shrinking or rule in self._known):
            return Timeout(self.budget.at_most(_BRIEF_MOMENT_S), is_evidence=False)
        measured = _TIMES_SLOWEST * self.slowest_s.get(AnswerKind.FAILURE, 0.0)
        return self._cut(min(self.deadline_s, max(_MOMENT_S, measured)))

    @property
    def bystander_s(self) -> float:
        """Seconds that the bystander waits for an answer. Fewer once the server is known to stop serving others."""
        is_violated = "other-clients-served" in self._known
        measured = max(_BYSTANDER_AGAIN_S, _TIMES_SLOWEST * self.slowest_s.get(AnswerKind.PONG, 0.0))
        return self.budget.at_most(min(self.deadline_s, measured) if is_violated else self.full_s(AnswerKind.PONG))

    @property
    def longest_s(self) -> float:
        """Seconds for waits that belong to no rule, such as until TCP accepts the sent bytes."""
        return self.budget.at_most(self.deadline_s)

    @property
    def is_exhausted(self) -> bool:
        """Whether the run has used up its full timeouts."""
        return self._silences >= _MOST_SILENCES

    @property
    def known_silences(self) -> str:
        """The answers that the server is known not to give, as a clause."""
        total = f"{self._silences} full timeouts" if self.is_exhausted else ""
        return "; ".join(
            part for part in (f"see {', '.join(sorted(self._known))}" if self._known else "", total) if part
        )

    def know_silence(self, rule: str) -> None:
        """Record that the server does not answer for this rule, so that later waits are short."""
        self._known.add(rule)

    def note_silence(self, timeout: Timeout) -> None:
        """Count a full timeout without an answer."""
        if timeout.is_evidence and not self._retried:
            self._silences += 1

    def note_answer(self, answer: AnswerKind, waited_s: float) -> None:
        """Record how long an answer took, in seconds."""
        self.slowest_s[answer] = max(self.slowest_s.get(answer, 0.0), waited_s)

    @contextmanager
    def retrying(self, rule: str) -> Iterator[None]:
        """Within this block, use the full timeout for this rule."""
        before, self.is_shrinking, self._retried = self.is_shrinking, False, rule
        try:
            yield
        finally:
            self.is_shrinking, self._retried = before, ""

    def _cut(self, seconds: float) -> Timeout:
        """The full timeout, or what the budget leaves of it, which is no evidence."""
        left_s = self.budget.at_most(seconds)
        return Timeout(left_s, is_evidence=left_s >= seconds)
