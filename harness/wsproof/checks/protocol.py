"""Reports protocol violations on any connection. `wire` audits every frame; this check collects the breaches."""

from __future__ import annotations

from collections import defaultdict

from wsproof.checks.describe import Describer
from wsproof.model.chapter import Chapter, RuleKind
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import History, ProtocolNote
from wsproof.wire import RULES

WEIGHTS = {"MUST": Level.VIOLATION, "SHOULD": Level.NON_STRICT, "MAY": Level.INFORMATIONAL}
"""Level of a violation, by the requirement word of the rule (RFC 2119), which `wire` records."""


def protocol(history: History, contract: Contract) -> list[Finding]:
    """Every frame that the server sends keeps RFC 6455 (and RFC 7692 where it was agreed on)."""
    rules: dict[str, list[ProtocolNote]] = defaultdict(list)
    for note in history.protocol:
        rules[note.rule].append(note)
    describer = Describer(history)
    return [
        Finding(
            f"server-{rule}",  # the conformance suite's name, so that its known deviations apply here as well
            notes[0].section,
            Anomaly.PROTOCOL,
            _weight(notes[0].level),
            f"{notes[0].sentence} Seen on the channel {contract.channel}.",
            (f"{describer.who(notes[0].subscriber)} receives {notes[0].evidence}",),
            occurrences=len(notes),
            chapter=Chapter(RULES[rule].chapter),
            kind=RuleKind.SERVER_FRAMES,
        )
        for rule, notes in rules.items()
    ]


def _weight(level: str) -> Level:
    """The level of a note, whose `level` is a requirement word or already a level."""
    return WEIGHTS[level] if level in WEIGHTS else Level(level)
