"""A robustness test: an experiment on a whole server, and its outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from wsproof.conformance.robustness.context import RobustnessContext
from wsproof.conformance.rules import Rule, rule
from wsproof.conformance.verify.violations import RuleViolation
from wsproof.model.suite import Figure

__all__ = ["RobustnessOutcome", "RobustnessTest"]


@dataclass
class RobustnessOutcome:
    """The result of a robustness test: violations, figures, and the transcript lines.

    `lacking` says why it was inconclusive.
    """

    violations: list[RuleViolation] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    connections: int = 0
    lacking: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    """Parameters of the experiment, so that it can be repeated as it was."""
    cause: str = ""
    """The rule that is the root cause of the violations here. If set, they get no finding of their own."""

    server_output: tuple[str, ...] = ()
    """The last exception that the server wrote during the test."""

    def report_violation(self, name: str, expected: str, got: str) -> None:
        """Record a violation of rule `name`, once."""
        if all(violation.rule != name for violation in self.violations):
            self.violations.append(RuleViolation(name, expected, got))

    def note(self, sentence: str) -> None:
        """Add a remark to the transcript lines."""
        self.lines.append(f"   ({sentence})")


@dataclass(frozen=True)
class RobustnessTest:
    """One robustness test. `name` is the id of its rule.

    `needs_process`: the test needs the server's process, so wsproof must have started the server. `repeats_itself`: it
    measures several times, so it gets no retry.
    """

    name: str
    run: Callable[[RobustnessContext], RobustnessOutcome]
    needs_process: bool = False
    repeats_itself: bool = False

    @property
    def rule(self) -> Rule:
        """The rule that the test checks."""
        return rule(self.name)
