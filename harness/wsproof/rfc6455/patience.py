"""How long to wait for what a server owes: long enough to convict it of silence, and not again and again."""

from __future__ import annotations

from dataclasses import dataclass, field

from wsproof.net.budget import Budget

__all__ = ["Patience"]

_SOON_S = 1.0
_CONVICTED_S = 0.1
_AFTERWARDS_S = 0.01
_MOMENT_S = 0.05
_SILENCES = 2
_BRIEF_S = 0.5
_TIMES_SLOWEST = 20
_NEIGHBOURS_AGAIN_S = 1.0
# What comes after all else in a conversation: once convicted, nothing is learned by waiting for it.
_AFTERWARDS = frozenset({"ping-answered", "close-answered", "close-ends-tcp", "fail-ends-tcp"})


@dataclass
class Patience:
    """Waits are `deadline_s` long, until silence was waited out in full twice. From then on a wait lasts 20 times the
    slowest answer of this server, half a second at least: one that is often silent must not cost minutes.

    Once a rule is known to be broken its silence is not waited out again: `tire` makes the next waits for it short.
    """

    deadline_s: float
    budget: Budget = field(default_factory=lambda: Budget(None))
    hurry: bool = False
    slowest_s: float = 0.0
    _silences: int = 0
    _tired: set[str] = field(default_factory=set)

    @property
    def full_s(self) -> float:
        """Seconds of silence that convict."""
        if self._silences < _SILENCES:
            return self.deadline_s
        return min(self.deadline_s, max(_BRIEF_S, _TIMES_SLOWEST * self.slowest_s))

    def wait_for(self, name: str) -> float:
        """Seconds to wait for what rule `name` owes."""
        return self.budget.at_most(self._wait_for(name))

    def _wait_for(self, name: str) -> float:
        if name in self._tired:
            return min(self.deadline_s, _AFTERWARDS_S if name in _AFTERWARDS else _CONVICTED_S)
        return min(self.deadline_s, _CONVICTED_S) if self.hurry else self.full_s

    @property
    def neighbours_s(self) -> float:
        """Seconds that another client may have to wait: less, once a server is known to forget others."""
        tired = "neighbour-served" in self._tired
        return self.budget.at_most(min(self.deadline_s, _NEIGHBOURS_AGAIN_S) if tired else self.deadline_s)

    @property
    def longest_s(self) -> float:
        """Seconds for what is not owed by a rule, such as TCP that takes what is sent."""
        return self.budget.at_most(self.deadline_s)

    def moment_for(self, name: str) -> float:
        """Seconds that a failure may come after what overtook it, where no text can prove that none will come."""
        return self.budget.at_most(_MOMENT_S if name in self._tired else min(self.deadline_s, _SOON_S))

    def tire(self, name: str) -> None:
        """Rule `name` is convicted."""
        self._tired.add(name)

    def note_silence(self, waited_s: float) -> None:
        """Nothing came for so long."""
        self._silences += waited_s >= self.full_s

    def note_answer(self, waited_s: float) -> None:
        """An answer came after so long."""
        self.slowest_s = max(self.slowest_s, waited_s)
