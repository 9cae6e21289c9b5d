"""A trial: an experiment on a whole server, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from wsproof.conformance.robustness.context import RobustnessContext
from wsproof.conformance.rules import Rule, rule
from wsproof.conformance.verify.violations import Violation
from wsproof.model.suite import Figure

__all__ = ["RobustnessOutcome", "RobustnessTest"]


@dataclass
class RobustnessOutcome:
    """What a trial showed: broken rules, figures, and the story in lines. `lacking` says why it could not tell."""

    charges: list[Violation] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    connections: int = 0
    lacking: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    """Of the experiment: with them it can be repeated as it was."""
    cause: str = ""
    """The rule whose fault explains the charges of this trial: they are no finding of their own."""

    server_output: tuple[str, ...] = ()
    """The last exception that the server wrote meanwhile."""

    def charge(self, name: str, expected: str, got: str) -> None:
        """Accuse the server of breaking rule `name`, once."""
        if all(charge.rule != name for charge in self.charges):
            self.charges.append(Violation(name, expected, got))

    def note(self, sentence: str) -> None:
        """Write the story on."""
        self.lines.append(f"   ({sentence})")


@dataclass(frozen=True)
class RobustnessTest:
    """`name` is the id of the rule it is about. `needs_process`: it can only be judged where the server is ours."""

    name: str
    perform: Callable[[RobustnessContext], RobustnessOutcome]
    needs_process: bool = False

    @property
    def rule(self) -> Rule:
        """The rule it is about."""
        return rule(self.name)
