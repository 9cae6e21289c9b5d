"""What a check found, how bad it is, and what follows for the server as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from wsproof.model.harm import Harm


class Level(StrEnum):
    """How much a finding weighs. `--strict` counts NON_STRICT as a violation.

    An OBSERVATION was seen and could not be reproduced: it is shown apart, and fails nothing.
    """

    VIOLATION = "violation"
    NON_STRICT = "non-strict"
    INFORMATIONAL = "informational"
    OBSERVATION = "observation"

    @property
    def counts(self) -> bool:
        """Whether a finding of this level may fail a run, with `--strict` at least."""
        return self in (Level.VIOLATION, Level.NON_STRICT)


class Verdict(StrEnum):
    """What the evidence says of a server. "We received nothing" and "the check crashed" are UNKNOWN, never VALID."""

    VALID = "valid"
    UNKNOWN = "unknown"
    INVALID = "invalid"

    @classmethod
    def worst(cls, verdicts: Iterable[Verdict]) -> Verdict:
        """The worst of several verdicts; VALID when there are none."""
        order = list(cls)
        return max(verdicts, key=order.index, default=cls.VALID)


class Anomaly(StrEnum):
    """The names of what can go wrong between a publisher and its subscribers, and on the wire."""

    LOST = "lost"
    NEVER_READ = "never-read"
    DUPLICATED = "duplicated"
    REORDERED = "reordered"
    PHANTOM = "phantom"
    MISROUTED = "misrouted"
    CORRUPT = "corrupt"
    GHOST = "ghost"
    MISSING_LEAVE = "missing-leave"
    DUPLICATE_LEAVE = "duplicate-leave"
    STALLED_BY_NEIGHBOUR = "stalled-by-neighbour"
    WRONG_PERIOD = "wrong-period"
    OUT_OF_RANGE = "out-of-range"
    LEAKED_PRODUCER = "leaked-producer"
    PROTOCOL = "protocol"
    BEHIND = "behind"
    """Not lost: the member was still receiving in order when the drain ended. Whether the rest comes, nobody knows."""
    UNKNOWN = "unknown"
    """Not a fault of the server: the check crashed or saw nothing."""


_HARM_OF_ANOMALY = {
    **dict.fromkeys(
        (
            Anomaly.LOST,
            Anomaly.NEVER_READ,
            Anomaly.DUPLICATED,
            Anomaly.REORDERED,
            Anomaly.PHANTOM,
            Anomaly.MISROUTED,
            Anomaly.CORRUPT,
        ),
        Harm.DATA,
    ),
    Anomaly.STALLED_BY_NEIGHBOUR: Harm.OTHERS_NOT_SERVED,
}
_HARM_OF_LEVEL = {
    Level.NON_STRICT: Harm.SHOULD,
    Level.INFORMATIONAL: Harm.INFORMATION,
    Level.OBSERVATION: Harm.INFORMATION,
}

UNDECIDED = frozenset({Anomaly.BEHIND, Anomaly.UNKNOWN})
"""What accuses nobody, and is no pass either."""


@dataclass(frozen=True)
class Finding:
    """One fault, with its smallest evidence.

    `check` names the rule, `section` its source ("5.5.1" of RFC 6455, or a channel's name), `explanation` is a sentence
    a person can verify by hand, `witness` the smallest conversation or history that shows it, one line each. `recipe`
    is what `wsproof replay` needs to do it again; `replay` is the line to type. `reproduced` is "n of m" where it was
    tried again.
    `accepted` holds the reason where the deviation is known and accepted: it is still shown, and no longer counts.
    `library` names the server library whose known deviation it is; None where the user's own file has it.
    """

    check: str
    section: str
    anomaly: Anomaly
    level: Level
    explanation: str
    witness: tuple[str, ...] = ()
    replay: str | None = None
    recipe: Mapping[str, Any] | None = None
    occurrences: int = 1
    reproduced: str | None = None
    accepted: str | None = None
    source: str | None = field(default=None, kw_only=True)
    """The sentence of the RFC, or of the contract, that was broken."""
    library: str | None = field(default=None, kw_only=True)
    server_output: tuple[str, ...] = field(default=(), kw_only=True)
    """What the server wrote meanwhile: its last exception, redacted and bounded."""
    rule_harm: Harm | None = field(default=None, kw_only=True)
    """What breaking its rule does, where the rule says it."""

    @property
    def harm(self) -> Harm:
        """How much harm it does. Only a violation does more than its level says."""
        if self.level is not Level.VIOLATION:
            return _HARM_OF_LEVEL[self.level]
        return self.rule_harm or _HARM_OF_ANOMALY.get(self.anomaly, Harm.MUST)

    def to_json(self) -> dict[str, Any]:
        """The finding as it stands in `wsproof.check/1`, `wsproof.run/1` and FINDING.json."""
        return {
            "check": self.check,
            "section": self.section,
            "anomaly": self.anomaly.value,
            "level": self.level.value,
            "harm": self.harm.value,
            "explanation": self.explanation,
            "witness": list(self.witness),
            "replay": self.replay,
            "recipe": dict(self.recipe) if self.recipe is not None else None,
            "occurrences": self.occurrences,
            "reproduced": self.reproduced,
            "accepted": self.accepted,
            "library": self.library,
            "server_output": list(self.server_output),
            "source": self.source,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        """The inverse of `to_json`.

        Raises:
            KeyError, ValueError: `data` is not a finding.
        """
        finding = cls(
            check=data["check"],
            section=data["section"],
            anomaly=Anomaly(data["anomaly"]),
            level=Level(data["level"]),
            explanation=data["explanation"],
            witness=tuple(data["witness"]),
            replay=data.get("replay"),
            recipe=data.get("recipe"),
            occurrences=data.get("occurrences", 1),
            reproduced=data.get("reproduced"),
            accepted=data.get("accepted"),
            source=data.get("source"),
            library=data.get("library"),
            server_output=tuple(data.get("server_output", ())),
        )
        harm = Harm(data.get("harm", finding.harm))  # documents of the first days have none
        return finding if harm is finding.harm else replace(finding, rule_harm=harm)

    def verdict(self, *, strict: bool = False) -> Verdict:
        """What this finding alone says of the server."""
        if self.anomaly in UNDECIDED:
            return Verdict.UNKNOWN
        if self.accepted is not None or not self.level.counts:
            return Verdict.VALID
        return Verdict.INVALID if strict or self.level is Level.VIOLATION else Verdict.VALID


def observed(finding: Finding) -> Finding:
    """The finding as an observation where none of its retries showed it again, else as it is."""
    times, _, retries = (finding.reproduced or "").partition(" of ")
    if not (finding.level.counts and times == "0" and retries):
        return finding
    settle = (
        f"It was seen and did not come again in {retries} retries, so it does not count. To settle it: replay it "
        f"several times on a quiet machine, or search longer with --only {finding.check} --examples 200"
    )
    return replace(finding, level=Level.OBSERVATION, explanation=f"{finding.explanation} {settle}.")


def severity(finding: Finding) -> tuple[int, int, str, str]:
    """Sort key, the worst first: by harm, then section and check. What could not be told comes behind violations."""
    unsure = finding.anomaly in UNDECIDED
    rank = Harm.MUST if unsure else finding.harm
    return list(Harm).index(rank), int(unsure), finding.section, finding.check


def verdict_of(findings: Iterable[Finding], *, strict: bool = False) -> Verdict:
    """What all findings together say of the server: the worst of them."""
    return Verdict.worst(finding.verdict(strict=strict) for finding in findings)
