"""Timeouts: how long to wait for each kind of answer, and which silences are evidence.

A silence is evidence only after the *full* timeout. Where a silence is known already, where a conversation is being
shrunk, or where many silences were waited out, waits have the *measured* timeout instead: many times what this server
has needed for the same kind of answer. A silence of that length shows nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from wsproof.net.budget import Budget

__all__ = ["AnswerKind", "Timeout", "Timeouts"]

_TIMES_SLOWEST = 20
"""The measured timeout in slowest answers: a busy machine makes an answer late, and not so late."""
_LEAST_S = 0.25
"""The least measured timeout."""
_FULL_TIMES_SLOWEST = 4
"""The full timeout in slowest answers, for a server that needs about as long as the deadline."""
_MOST_SILENCES = 8
"""Full timeouts of one run, retries apart. A server that is silent again and again must not cost minutes."""
_MOMENT_S = 1.0
_BRIEF_MOMENT_S = 0.05
_BYSTANDER_AGAIN_S = 1.0


class AnswerKind(StrEnum):
    """Kinds of answers: each takes a server a time of its own."""

    HANDSHAKE = "handshake"
    MESSAGE = "message"
    PONG = "pong"
    CLOSE = "close"
    FAILURE = "failure"
    """The end of a connection over an illegal frame."""
    END = "end of TCP"


@dataclass(frozen=True, slots=True)
class Timeout:
    """Seconds to wait, and whether silence for so long is evidence."""

    seconds: float
    is_evidence: bool


@dataclass
class Timeouts:
    """The timeouts of one run.

    `hurry`: a conversation is being shrunk, so silences need not be evidence. What comes of it is tried again with the
    full timeout.
    """

    deadline_s: float
    budget: Budget = field(default_factory=lambda: Budget(None))
    hurry: bool = False
    slowest_s: dict[AnswerKind, float] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)
    _silences: int = 0
    _retried: str = ""

    def full_s(self, answer: AnswerKind) -> float:
        """Seconds of silence that are evidence."""
        return max(self.deadline_s, _FULL_TIMES_SLOWEST * self.slowest_s.get(answer, 0.0))

    def measured_s(self, answer: AnswerKind) -> float:
        """Seconds in which this server would have given such an answer, by what it has needed before."""
        if not self.slowest_s:
            return self.full_s(answer)
        slowest = self.slowest_s.get(answer, max(self.slowest_s.values()))
        return min(self.full_s(answer), max(_LEAST_S, _TIMES_SLOWEST * slowest))

    def wait_for(self, answer: AnswerKind, *rules: str) -> Timeout:
        """How long to wait for an answer that one of these rules asks for."""
        if self._retried in rules:
            return self._cut(self.full_s(answer))
        if self.hurry or self._silences >= _MOST_SILENCES or self.is_known_silence(*rules):
            return Timeout(self.budget.at_most(self.measured_s(answer)), is_evidence=False)
        return self._cut(self.full_s(answer))

    def is_known_silence(self, *rules: str) -> bool:
        """Whether it is known that the server leaves one of these rules unanswered."""
        return any(rule in self._known for rule in rules if rule != self._retried)

    def moment_for(self, rule: str) -> Timeout:
        """How long a failure may come after what overtook it, where no message can prove that none will come."""
        if self._retried != rule and (self.hurry or rule in self._known):
            return Timeout(self.budget.at_most(_BRIEF_MOMENT_S), is_evidence=False)
        measured = _TIMES_SLOWEST * self.slowest_s.get(AnswerKind.FAILURE, 0.0)
        return self._cut(min(self.deadline_s, max(_MOMENT_S, measured)))

    @property
    def bystander_s(self) -> float:
        """Seconds that another client may have to wait: less, once a server is known to forget others."""
        known = "neighbour-served" in self._known
        measured = max(_BYSTANDER_AGAIN_S, _TIMES_SLOWEST * self.slowest_s.get(AnswerKind.PONG, 0.0))
        return self.budget.at_most(min(self.deadline_s, measured) if known else self.full_s(AnswerKind.PONG))

    @property
    def longest_s(self) -> float:
        """Seconds for what is not owed by a rule, such as TCP that takes what is sent."""
        return self.budget.at_most(self.deadline_s)

    @property
    def is_exhausted(self) -> bool:
        """Whether so many silences were waited out that no further one is."""
        return self._silences >= _MOST_SILENCES

    @property
    def said(self) -> str:
        """The silences that are known, for a sentence."""
        most = f"{self._silences} in all" if self.is_exhausted else ""
        return "; ".join(
            words for words in (f"see {', '.join(sorted(self._known))}" if self._known else "", most) if words
        )

    def know_silence(self, rule: str) -> None:
        """The server is known to leave rule `rule` unanswered: the same silence is not waited out again."""
        self._known.add(rule)

    def note_silence(self, timeout: Timeout) -> None:
        """Nothing came within a timeout."""
        if timeout.is_evidence and not self._retried:
            self._silences += 1

    def note_answer(self, answer: AnswerKind, waited_s: float) -> None:
        """An answer came after so long."""
        self.slowest_s[answer] = max(self.slowest_s.get(answer, 0.0), waited_s)

    @contextmanager
    def retrying(self, rule: str) -> Iterator[None]:
        """In this block the silence of rule `rule` is waited out in full, and nothing is hurried."""
        before, self.hurry, self._retried = self.hurry, False, rule
        try:
            yield
        finally:
            self.hurry, self._retried = before, ""

    def _cut(self, seconds: float) -> Timeout:
        """A full timeout, or what the budget leaves of it: that is no evidence."""
        left_s = self.budget.at_most(seconds)
        return Timeout(left_s, is_evidence=left_s >= seconds)
