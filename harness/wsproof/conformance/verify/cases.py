"""The violations so far, grouped by root cause, each with its smallest script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.exchange.transcript import Transcript
from wsproof.conformance.rules import Binding, rule
from wsproof.conformance.script import Script
from wsproof.conformance.verify.findings import finding_of
from wsproof.conformance.verify.violations import RuleViolation
from wsproof.model.chapter import RuleKind
from wsproof.model.finding import Finding, not_retried
from wsproof.model.server_end import PROCESS_ENDED

__all__ = ["Case", "Cases"]

_BINDINGS = list(Binding)
_MOST_RETRIES = 9
"""Retries after which an intermittent case gets no more."""


@dataclass(slots=True)
class Case:
    """One violated rule. `first` ran with full timeouts; `smallest` may come from shrinking.

    A missing answer is evidence only after the full timeout. So `violation` and `witness` come from `first` until a
    retry of `smallest` shows the same violation. `violated_with` holds the rules that were violated
    together with this one every time.
    """

    violation: RuleViolation
    first: Script
    smallest: Script
    witness: list[str]
    violated_with: frozenset[str]
    occurrences: int = 1
    hits: int = 0
    retries: int = 0
    server_output: tuple[str, ...] = ()
    """The last exception that the server wrote during this violation."""
    first_seen: tuple[RuleViolation, list[str]] | None = None
    """Violation and witness of `first`, if `smallest` is another script."""
    is_settled: bool = False
    """The case was retried and its root cause sought."""
    counts_unretried: bool = False
    """The case counts without a retry. The server's process ended, it no longer serves anybody, or it sent what no
    server may send. Or an error of wsproof prevented the retries."""

    @property
    def reproduced(self) -> str | None:
        """Number of retries that showed the violation again; None if there were none."""
        return f"{self.hits} of {self.retries}" if self.retries else None

    @property
    def is_observation(self) -> bool:
        """Whether the case was retried and no retry showed the violation again."""
        return bool(self.retries) and not self.hits

    @property
    def is_unconfirmed(self) -> bool:
        """Whether nothing has confirmed the case: no retry showed it, or none was possible."""
        return not (self.hits or (self.counts_unretried and not self.retries))

    def show(self, script: Script, violation: RuleViolation, transcript: Transcript) -> None:
        """Make this the case's smallest script, with its violation and witness."""
        if self.first_seen is None:
            self.first_seen = self.violation, self.witness
        self.smallest, self.violation, self.witness = script, violation, list(transcript.lines)
        self.keep_output(transcript)

    def fall_back(self) -> None:
        """Return to the first script, since no retry of `smallest` showed the violation; reset the counts."""
        self.smallest, self.hits, self.retries = self.first, 0, 0
        self.violation, self.witness = self.first_seen or (self.violation, self.witness)

    def keep_output(self, transcript: Transcript) -> None:
        """Keep the server's output, unless it wrote nothing during this script."""
        self.server_output = transcript.server_output or self.server_output


@dataclass
class Cases:
    """One case per violated rule. `causes` maps a rule to the rule that is its root cause."""

    profile: EndpointProfile
    by_rule: dict[str, Case] = field(default_factory=dict)
    causes: dict[str, str] = field(default_factory=dict)

    def note(
        self,
        script: Script,
        violation: RuleViolation,
        transcript: Transcript,
        together: Iterable[RuleViolation] = (),
    ) -> None:
        """Count a violation, and keep its script if it is the smallest so far.

        `together`: all violations of that script.
        """
        violated_with = (frozenset(other.rule for other in together) | transcript.skipped) - {violation.rule}
        case = self.by_rule.get(violation.rule)
        if case is None:
            case = self.by_rule[violation.rule] = Case(violation, script, script, list(transcript.lines), violated_with)
            case.counts_unretried = _is_proven(violation)
            case.keep_output(transcript)
            return
        case.occurrences += 1
        case.violated_with &= violated_with
        if violation.by_silence and transcript.gave_up_early:
            if not case.retries and script.size < case.smallest.size:
                case.smallest = script  # A retry will show whether this script fails.
        elif case.is_observation:
            case.first = script  # The violation occurred again, so retry it once more.
            case.show(script, violation, transcript)
            case.first_seen = case.violation, case.witness
            case.is_settled = case.retries >= _MOST_RETRIES
        elif script.size < case.smallest.size:
            case.show(script, violation, transcript)

    def unsettled(self) -> list[str]:
        """The cases that have not been retried yet."""
        return [name for name, case in self.by_rule.items() if not case.is_settled]

    def count_unretried(self) -> None:
        """Let the cases count that have no retry, since an error of wsproof prevented it."""
        for case in self.by_rule.values():
            case.counts_unretried = case.counts_unretried or not case.retries

    def move(self, name: str, script: Script, violation: RuleViolation, transcript: Transcript) -> None:
        """Move case `name` to the rule that this simpler script violates: that rule is the root cause."""
        moved = self.by_rule.pop(name)
        self.causes[name] = violation.rule
        self.note(script, violation, transcript)
        self.by_rule[violation.rule].occurrences += moved.occurrences

    def symptoms(self) -> dict[str, str]:
        """Rules that are only violated together with another one, mapped to that other rule as the root cause.

        The root cause is the heavier rule of the two, or the one found first. If both are as heavy, a violation in the
        server's own frames is the symptom. Missing or extra messages are the symptom of any other rule.
        """
        order = sorted(self.by_rule, key=self._weight)
        causes: dict[str, str] = {}
        for name in reversed(order):
            heavier = (other for other in order[: order.index(name)] if other in self.by_rule[name].violated_with)
            implied = (other for other in self.implying(name) if other not in causes)
            cause = next((candidate for candidate in (*implied, *heavier) if self._may_cause(candidate, name)), None)
            if cause is not None and rule(name).level is not Binding.MAY:
                causes[name] = cause
        for name in causes:
            while causes[name] in causes:
                causes[name] = causes[causes[name]]
        return causes

    def implying(self, name: str) -> Iterator[str]:
        """Violated rules because of which scripts of this rule fail as well."""
        return (other for other in rule(name).implied_by if other in self.by_rule)

    def _may_cause(self, name: str, other: str) -> bool:
        """Whether case `name` may explain the other. An unconfirmed case cannot explain a confirmed one."""
        return not self.by_rule[name].is_unconfirmed or self.by_rule[other].is_unconfirmed

    def cause_of(self, name: str) -> str | None:
        """The rule whose finding covers this rule; None if this rule was not violated."""
        while name in self.causes and name not in self.by_rule:
            name = self.causes[name]
        return self.symptoms().get(name, name) if name in self.by_rule else None

    def _weight(self, name: str) -> tuple[int, int, int]:
        # A server that serves no client at all sends no replies for that reason.
        general = {"messages-intact": 2, "other-clients-served": -1, PROCESS_ENDED: -2}.get(
            name, int(rule(name).kind is RuleKind.SERVER_FRAMES)
        )
        return _BINDINGS.index(rule(name).level), general, list(self.by_rule).index(name)

    def findings(self) -> list[Finding]:
        """One finding per root cause, in the order in which they were found."""
        symptoms = self.symptoms()
        return [
            self._finding(name, case, [other for other in symptoms if symptoms[other] == name])
            for name, case in self.by_rule.items()
            if name not in symptoms
        ]

    def _finding(self, name: str, case: Case, symptoms: list[str]) -> Finding:
        also = "".join(f" It breaks {rule(other).where} ({other}) as well." for other in sorted(symptoms))
        shown = case.smallest if case.retries or not case.violation.by_silence else case.first
        recipe = {"also": sorted(symptoms), "conversation": shown.to_json(), "facts": self.profile.to_json()}
        finding = finding_of(
            case.violation, case.witness, recipe, also=also, occurrences=case.occurrences, reproduced=case.reproduced
        )
        if not case.retries and not case.counts_unretried:
            finding = not_retried(finding)
        return replace(finding, server_output=case.server_output)


def _is_proven(violation: RuleViolation) -> bool:
    """Whether seeing the violation once is enough."""
    sent = rule(violation.rule).kind is RuleKind.SERVER_FRAMES and not violation.by_silence
    return sent or violation.rule == PROCESS_ENDED
