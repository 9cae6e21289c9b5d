"""Findings of checks: their level, and the verdict on the server that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from wsproof.model.chapter import Chapter, Harm, RuleKind, SuiteName
from wsproof.model.finding_event import FindingEvent
from wsproof.model.former_names import FORMER_ANOMALIES, current_check
from wsproof.model.old_findings import chapter_of_section, kind_of


class Level(StrEnum):
    """The weight of a finding. `--strict` counts NON_STRICT as a violation.

    An OBSERVATION was seen, but no retry reproduced it, or there was no time for one. It is shown separately, and
    never fails a run.
    """

    VIOLATION = "violation"
    NON_STRICT = "non-strict"
    INFORMATIONAL = "informational"
    OBSERVATION = "observation"

    @property
    def counts(self) -> bool:
        """Whether a finding of this level may fail a run, at least with `--strict`."""
        return self in (Level.VIOLATION, Level.NON_STRICT)


class Verdict(StrEnum):
    """The verdict on a server.

    "We received nothing" and "the check crashed" are UNKNOWN, never VALID.
    """

    VALID = "valid"
    UNKNOWN = "unknown"
    INVALID = "invalid"

    @classmethod
    def worst(cls, verdicts: Iterable[Verdict]) -> Verdict:
        """Return the worst of several verdicts; VALID without any."""
        order = list(cls)
        return max(verdicts, key=order.index, default=cls.VALID)


class Anomaly(StrEnum):
    """Names of anomalies between a publisher and its subscribers, and on the wire."""

    LOST = "lost"
    NOTHING_RECEIVED = "nothing-received"
    DUPLICATED = "duplicated"
    REORDERED = "reordered"
    PHANTOM = "phantom"
    MISROUTED = "misrouted"
    CORRUPT = "corrupt"
    DIVERGED = "diverged"
    """Members of a room know different states of it, although nothing changes any more."""
    MESSAGE_AFTER_LEAVE = "message-after-leave"
    MISSING_LEAVE = "missing-leave"
    DUPLICATE_LEAVE = "duplicate-leave"
    STALLED_BY_OTHER_MEMBER = "stalled-by-other-member"
    WRONG_PERIOD = "wrong-period"
    OUT_OF_RANGE = "out-of-range"
    LEAKED_PRODUCER = "leaked-producer"
    SECRET_LOGGED = "secret-logged"
    UNCLEAN_CLOSE = "unclean-close"
    """A server that ends closes its connections without a suitable close frame."""
    SLOW_SHUTDOWN = "slow-shutdown"
    """A server does not end when it is asked to."""
    PROTOCOL = "protocol"
    DISCONNECTED = "disconnected"
    """The server ended the connection of a member that kept the rules."""
    REFUSED = "refused"
    """The server refused requests or calls that should publish. No message is lost, because none was accepted."""
    NOT_FREED = "not-freed"
    """The server keeps resources of members that have left."""
    BEHIND = "behind"
    """Not lost: the member was still receiving in order when the drain ended.

    Whether the rest would have arrived is unknown.
    """
    UNKNOWN = "unknown"
    """Not a fault of the server: the check crashed or saw nothing."""

    @classmethod
    def _missing_(cls, value: object) -> Anomaly | None:
        """Return the anomaly that had this name in old documents."""
        return cls(FORMER_ANOMALIES[value]) if isinstance(value, str) and value in FORMER_ANOMALIES else None


_HARM_OF_ANOMALY = {
    **dict.fromkeys(
        (
            Anomaly.LOST,
            Anomaly.NOTHING_RECEIVED,
            Anomaly.DUPLICATED,
            Anomaly.REORDERED,
            Anomaly.PHANTOM,
            Anomaly.MISROUTED,
            Anomaly.CORRUPT,
            Anomaly.DIVERGED,
        ),
        Harm.DATA,
    ),
    Anomaly.STALLED_BY_OTHER_MEMBER: Harm.OTHERS_NOT_SERVED,
}
_HARM_OF_LEVEL = {
    Level.NON_STRICT: Harm.SHOULD,
    Level.INFORMATIONAL: Harm.INFORMATION,
    Level.OBSERVATION: Harm.INFORMATION,
}

PROVEN_BY_RECEIVED_DATA = frozenset(
    {
        Anomaly.DUPLICATED,
        Anomaly.REORDERED,
        Anomaly.PHANTOM,
        Anomaly.MISROUTED,
        Anomaly.CORRUPT,
        Anomaly.OUT_OF_RANGE,
        Anomaly.SECRET_LOGGED,
        Anomaly.PROTOCOL,
    }
)
"""Anomalies that the received data proves by itself. A busy machine cannot cause them."""
UNDECIDED = frozenset({Anomaly.BEHIND, Anomaly.UNKNOWN})
"""Anomalies that are neither a violation nor a pass."""


@dataclass(frozen=True)
class Finding:
    """One fault, with its smallest evidence.

    `check` names the rule, `section` its source ("5.5.1" of RFC 6455, or a channel's name). `explanation` is a sentence
    that a user can verify by hand. `witness` is the smallest transcript or history that shows the fault, one line each.
    `recipe` is what `wsproof replay` needs to reproduce it, and `replay` is the command line to type. `reproduced` is
    "n of m" if the finding was retried. `accepted` is the reason of a known deviation: the finding is still shown, but
    no longer counts. `library` names the server library whose known deviation it is; None if it comes from the user's
    own file.
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
    """The sentence of the RFC or of the contract that was broken."""
    library: str | None = field(default=None, kw_only=True)
    server_output: tuple[str, ...] = field(default=(), kw_only=True)
    """The server's output during the check: its last exception, redacted and bounded."""
    events: tuple[FindingEvent, ...] = field(default=(), kw_only=True)
    """The events that contradict each other, in order of time: a page draws them."""
    rule_harm: Harm | None = field(default=None, kw_only=True)
    """The harm of breaking the rule, if the rule defines it."""
    chapter: Chapter = field(default=Chapter.CHANNELS, kw_only=True)
    """The topic of the rule."""
    kind: RuleKind = field(default=RuleKind.DELIVERY, kw_only=True)
    """The kind of the rule."""

    @property
    def suite(self) -> SuiteName:
        """The suite whose promise was broken."""
        return SuiteName.PROTOCOL if self.anomaly is Anomaly.PROTOCOL else self.chapter.suite

    @property
    def harm(self) -> Harm:
        """The harm of the fault. For levels other than a violation, the level decides."""
        if self.level is not Level.VIOLATION:
            return _HARM_OF_LEVEL[self.level]
        return self.rule_harm or _HARM_OF_ANOMALY.get(self.anomaly, Harm.MUST)

    def to_json(self) -> dict[str, Any]:
        """Return the finding as stored in `wsproof.check/1`, `wsproof.run/1` and FINDING.json."""
        return {
            "check": self.check,
            "section": self.section,
            "suite": self.suite.value,
            "chapter": self.chapter.value,
            "kind": self.kind.value,
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
            "events": [event.to_json() for event in self.events],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        """The inverse of `to_json`.

        Raises:
            KeyError, ValueError: `data` is not a finding.
        """
        finding = cls(
            check=current_check(data["check"]),
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
            events=tuple(FindingEvent.from_json(event) for event in data.get("events", ())),
            chapter=Chapter(data["chapter"]) if "chapter" in data else _old_chapter(data["section"]),
            kind=RuleKind(data["kind"]) if "kind" in data else kind_of(data["check"], data["section"]),
        )
        harm = Harm(data.get("harm", finding.harm))  # the oldest documents have no harm
        return finding if harm is finding.harm else replace(finding, rule_harm=harm)

    def verdict(self, *, strict: bool = False) -> Verdict:
        """Return what this finding alone says about the server."""
        if self.anomaly in UNDECIDED:
            return Verdict.UNKNOWN
        if self.accepted is not None or not self.level.counts:
            return Verdict.VALID
        return Verdict.INVALID if strict or self.level is Level.VIOLATION else Verdict.VALID


def _old_chapter(section: str) -> Chapter:
    return chapter_of_section(section) or Chapter.CHANNELS


def observed(finding: Finding) -> Finding:
    """Return the finding as an observation if no retry reproduced it, else unchanged."""
    times, _, retries = (finding.reproduced or "").partition(" of ")
    if not (finding.level.counts and times == "0" and retries):
        return finding
    settle = (
        f"It was seen, and {retries} retries did not reproduce it, so it does not count. To settle it: replay it "
        f"several times on a quiet machine, or search longer with --only {finding.check} --examples 200"
    )
    return replace(finding, level=Level.OBSERVATION, explanation=f"{finding.explanation} {settle}.")


def not_retried(finding: Finding) -> Finding:
    """Return the finding as an observation, since it could not be retried: the budget was spent, or wsproof crashed."""
    if not finding.level.counts:
        return finding
    settle = (
        "It was seen, and could not be retried, so it does not count. To settle it: "
        f"`wsproof replay` with this finding's file, or a larger --budget (with --only {finding.check})"
    )
    return replace(finding, level=Level.OBSERVATION, explanation=f"{finding.explanation} {settle}.")


def seen_only(finding: Finding) -> str:
    """Return why an observation does not count, as a reason for its check; empty for any other finding."""
    if finding.level is not Level.OBSERVATION:
        return ""
    return f"seen, and not reproduced ({finding.reproduced})" if finding.reproduced else "seen, and not retried"


def severity(finding: Finding) -> tuple[int, int, str, str]:
    """Return the sort key, worst first: by harm, then section and check. Undecided findings follow violations."""
    unsure = finding.anomaly in UNDECIDED
    rank = Harm.MUST if unsure else finding.harm
    return list(Harm).index(rank), int(unsure), finding.section, finding.check


def verdict_of(findings: Iterable[Finding], *, strict: bool = False) -> Verdict:
    """Return what all findings together say about the server: the worst of them."""
    return Verdict.worst(finding.verdict(strict=strict) for finding in findings)
