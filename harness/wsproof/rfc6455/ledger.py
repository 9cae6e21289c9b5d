"""What has been found so far: for each broken rule its smallest conversation."""

from __future__ import annotations

from dataclasses import dataclass, field

from wsproof.model.finding import Anomaly, Finding
from wsproof.rfc6455.conversation import Conversation
from wsproof.rfc6455.facts import Facts
from wsproof.rfc6455.judge import Charge
from wsproof.rfc6455.rules import rule
from wsproof.rfc6455.transcript import Transcript

__all__ = ["Case", "Ledger"]

_MOST_LINES = 60


@dataclass(slots=True)
class Case:
    """One broken rule. `first` was seen with full patience; `smallest` may come from shrinking."""

    charge: Charge
    first: Conversation
    smallest: Conversation
    witness: list[str]
    occurrences: int = 1
    reproduced: str | None = None


@dataclass
class Ledger:
    """One case per rule: the rule is the root cause."""

    facts: Facts
    cases: dict[str, Case] = field(default_factory=dict)

    def note(self, conversation: Conversation, charge: Charge, transcript: Transcript) -> None:
        """Count a charge, and keep its conversation if it is the smallest so far."""
        case = self.cases.get(charge.rule)
        if case is None:
            self.cases[charge.rule] = Case(charge, conversation, conversation, list(transcript.lines))
            return
        case.occurrences += 1
        if conversation.size < case.smallest.size:
            case.charge, case.smallest, case.witness = charge, conversation, list(transcript.lines)

    def move(self, name: str, conversation: Conversation, charge: Charge, transcript: Transcript) -> None:
        """Case `name` turned out to be another rule's: this simpler conversation shows it."""
        moved = self.cases.pop(name)
        self.note(conversation, charge, transcript)
        self.cases[charge.rule].occurrences += moved.occurrences

    def findings(self) -> list[Finding]:
        """One finding per rule, in the order in which they were found."""
        return [self._finding(name, case) for name, case in self.cases.items()]

    def _finding(self, name: str, case: Case) -> Finding:
        broken = rule(name)
        return Finding(
            check=name,
            section=broken.section,
            anomaly=Anomaly.PROTOCOL,
            level=broken.level.level,
            explanation=f"Expected {case.charge.expected}; got {case.charge.got}.",
            witness=(*_shortened(case.witness), f"expected: {case.charge.expected}", f"got: {case.charge.got}"),
            recipe={
                "suite": "rfc6455",
                "rule": name,
                "conversation": case.smallest.to_json(),
                "facts": self.facts.to_json(),
            },
            occurrences=case.occurrences,
            reproduced=case.reproduced,
            source=f"{broken.level} {_where(broken.section)}: {broken.sentence}",
        )


def _where(section: str) -> str:
    return f"RFC 6455 {section}" if section[0].isdigit() else section


def _shortened(lines: list[str]) -> list[str]:
    if len(lines) <= _MOST_LINES:
        return lines
    half = _MOST_LINES // 2
    return [*lines[:half], f"   ({len(lines) - 2 * half} lines left out)", *lines[-half:]]
