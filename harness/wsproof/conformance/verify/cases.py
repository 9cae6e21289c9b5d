"""What has been found so far: for each broken rule its smallest conversation, and which rules break together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.exchange.transcript import Transcript
from wsproof.conformance.rules import Binding, rule
from wsproof.conformance.script import Script
from wsproof.conformance.verify.findings import finding_of
from wsproof.conformance.verify.violations import Violation
from wsproof.model.finding import Finding
from wsproof.model.server_end import PROCESS_ENDED

__all__ = ["Case", "Cases"]

_HEAVIEST_FIRST = list(Binding)
# What else goes wrong, in conversations of its own, where one of these is broken.
_IMPLIED_BY = {
    "version-draft": ("version-13",),
    "fail-code": ("fragments-joined", "utf8-valid", "deflate-blocks", "deflate-fragments"),
    "server-text-utf8": ("utf8-broken", "fragments-joined", "deflate-utf8-broken"),
    "server-control-after-close": ("server-data-after-close", "close-ends-tcp"),
    "message-inside": ("fragments-joined",),
    "control-no-part": ("fragments-joined", "control-between", "payload-lengths"),
    "close-inside-legal": ("fragments-joined", "control-between"),
    "messages-intact": ("fragments-joined", "deflate-blocks"),
    "server-deflate-data": ("deflate-server-context", "deflate-server-window"),
    "server-deflate-parameters": ("deflate-declined",),
    "deflate-offers": ("deflate-declined", "deflate-blocks", "deflate-context", "deflate-mixed"),
    "deflate-blocks": ("deflate-mixed",),
    "deflate-empty": ("deflate-blocks", "deflate-context", "deflate-mixed"),
    "deflate-final": ("deflate-blocks", "deflate-context", "deflate-mixed"),
    "deflate-context": ("deflate-blocks", "deflate-mixed"),
    "deflate-client-window": ("deflate-blocks", "deflate-context", "deflate-mixed"),
    "deflate-fragments": ("fragments-joined", "deflate-blocks", "deflate-context", "deflate-mixed"),
    "deflate-between": ("control-between", "deflate-fragments", "deflate-blocks", "deflate-mixed"),
    "deflate-segmentation": (
        "segmentation",
        "deflate-fragments",
        "deflate-between",
        "deflate-blocks",
        "deflate-context",
    ),
    "deflate-data": ("deflate-blocks", "deflate-final", "deflate-fragments", "deflate-context", "deflate-mixed"),
    "deflate-bomb": ("deflate-sizes",),
    "deflate-utf8": ("utf8-valid", "deflate-blocks", "deflate-fragments"),
    "deflate-utf8-broken": ("utf8-broken", "deflate-context"),
    "deflate-other-bits": ("rsv-zero",),
    "deflate-not-agreed": ("rsv-zero", "deflate-declined"),
    "deflate-refused": ("deflate-declined",),
    # These would only show again, in thousands of frames, what a few have shown already.
    "many-fragments": ("fragments-joined", "control-between", "payload-lengths"),
    "empty-fragments": ("fragments-joined", "control-between", "payload-lengths"),
}


_MOST_RETRIES = 9


@dataclass(slots=True)
class Case:
    """One broken rule. `first` was seen with full timeouts; `smallest` may come from shrinking.

    Evidence of a silence is only what was waited for in full: `charge` and `witness` are of `first` until a retry of
    `smallest` has shown the same. `company` holds the rules that were broken every time that this one was.
    """

    charge: Violation
    first: Script
    smallest: Script
    witness: list[str]
    company: frozenset[str]
    occurrences: int = 1
    hits: int = 0
    retries: int = 0
    server_output: tuple[str, ...] = ()
    """The last exception that the server wrote while this was seen."""
    first_seen: tuple[Violation, list[str]] | None = None
    """Charge and witness of `first`, where `smallest` is another conversation."""
    is_settled: bool = False
    """It was looked into: retried, and its cause sought."""

    @property
    def reproduced(self) -> str | None:
        """How many of the retries showed it again; None where there were none."""
        return f"{self.hits} of {self.retries}" if self.retries else None

    @property
    def is_observation(self) -> bool:
        """Whether it was retried, and did not come again."""
        return bool(self.retries) and not self.hits

    def show(self, conversation: Script, charge: Violation, transcript: Transcript) -> None:
        """This conversation shows it best, as far as is known."""
        if self.first_seen is None:
            self.first_seen = self.charge, self.witness
        self.smallest, self.charge, self.witness = conversation, charge, list(transcript.lines)
        self.hear(transcript)

    def fall_back(self) -> None:
        """No retry of `smallest` has shown it: go back to how it was first seen, with retries of its own."""
        self.smallest, self.hits, self.retries = self.first, 0, 0
        self.charge, self.witness = self.first_seen or (self.charge, self.witness)

    def hear(self, transcript: Transcript) -> None:
        """Keep what the server wrote; a conversation in which it was silent makes nothing forgotten."""
        self.server_output = transcript.server_output or self.server_output


@dataclass
class Cases:
    """One case per rule. `causes` leads from rules that were broken by another one's fault to that other one."""

    facts: EndpointProfile
    cases: dict[str, Case] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)

    def note(
        self, conversation: Script, charge: Violation, transcript: Transcript, together: Iterable[Violation] = ()
    ) -> None:
        """Count a charge, and keep its conversation if it is the smallest so far. `together`: all charges of it."""
        company = (frozenset(other.rule for other in together) | transcript.skipped) - {charge.rule}
        case = self.cases.get(charge.rule)
        if case is None:
            case = self.cases[charge.rule] = Case(charge, conversation, conversation, list(transcript.lines), company)
            case.hear(transcript)
            return
        case.occurrences += 1
        case.company &= company
        if charge.by_silence and transcript.hurried:
            if not case.retries and conversation.size < case.smallest.size:
                case.smallest = conversation  # a retry will show whether it is one
        elif case.is_observation:
            case.first = conversation  # it has come again after all: it is worth more retries
            case.show(conversation, charge, transcript)
            case.first_seen = case.charge, case.witness
            case.is_settled = case.retries >= _MOST_RETRIES
        elif conversation.size < case.smallest.size:
            case.show(conversation, charge, transcript)

    def unsettled(self) -> list[str]:
        """The cases that nobody has looked into yet."""
        return [name for name, case in self.cases.items() if not case.is_settled]

    def move(self, name: str, conversation: Script, charge: Violation, transcript: Transcript) -> None:
        """Case `name` turned out to be another rule's: this simpler conversation shows it."""
        moved = self.cases.pop(name)
        self.causes[name] = charge.rule
        self.note(conversation, charge, transcript)
        self.cases[charge.rule].occurrences += moved.occurrences

    def symptoms(self) -> dict[str, str]:
        """Rules that never break but together with another one, and that other one: the heavier, or the first, of both.

        Where both are as heavy, what a server itself sends is the symptom of what it did not do, and a message too many
        or too few is one of anything.
        """
        order = sorted(self.cases, key=self._weight)
        found: dict[str, str] = {}
        for name in reversed(order):
            heavier = (other for other in order[: order.index(name)] if other in self.cases[name].company)
            implied = (other for other in self.implying(name) if other not in found)
            cause = next((one for one in (*implied, *heavier) if self._may_cause(one, name)), None)
            if cause is not None and rule(name).level is not Binding.MAY:
                found[name] = cause
        for name in found:
            while found[name] in found:
                found[name] = found[found[name]]
        return found

    def implying(self, name: str) -> Iterator[str]:
        """Broken rules because of which this one goes wrong as well, in conversations of its own."""
        return (other for other in _IMPLIED_BY.get(name, ()) if other in self.cases)

    def _may_cause(self, name: str, other: str) -> bool:
        """Whether case `name` may explain another: what did not come again explains nothing that did."""
        return not self.cases[name].is_observation or self.cases[other].is_observation

    def cause_of(self, name: str) -> str | None:
        """The rule that a finding is about which this rule belongs to; None when nothing broke it."""
        while name in self.causes and name not in self.cases:
            name = self.causes[name]
        return self.symptoms().get(name, name) if name in self.cases else None

    def _weight(self, name: str) -> tuple[int, int, int]:
        # A server that serves nobody any more is silent for that reason.
        general = {"messages-intact": 2, "neighbour-served": -1, PROCESS_ENDED: -2}.get(
            name, int(name.startswith("server-"))
        )
        return _HEAVIEST_FIRST.index(rule(name).level), general, list(self.cases).index(name)

    def findings(self) -> list[Finding]:
        """One finding per root cause, in the order in which they were found."""
        symptoms = self.symptoms()
        return [
            self._finding(name, case, [other for other in symptoms if symptoms[other] == name])
            for name, case in self.cases.items()
            if name not in symptoms
        ]

    def _finding(self, name: str, case: Case, symptoms: list[str]) -> Finding:
        also = "".join(f" It breaks {rule(other).where} ({other}) as well." for other in sorted(symptoms))
        shown = case.smallest if case.retries or not case.charge.by_silence else case.first
        recipe = {"also": sorted(symptoms), "conversation": shown.to_json(), "facts": self.facts.to_json()}
        finding = finding_of(
            case.charge, case.witness, recipe, also=also, occurrences=case.occurrences, reproduced=case.reproduced
        )
        return replace(finding, server_output=case.server_output)
