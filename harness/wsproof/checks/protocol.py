"""Did the server break the protocol on any connection? `wire` audits every frame; this tells what it saw."""

from __future__ import annotations

from collections import defaultdict

from wsproof.checks.story import Story
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import History, ProtocolNote


def protocol(history: History, contract: Contract) -> list[Finding]:
    """Every frame that the server sends keeps RFC 6455 (and RFC 7692 where it was agreed on)."""
    rules: dict[str, list[ProtocolNote]] = defaultdict(list)
    for note in history.protocol:
        rules[note.rule].append(note)
    story = Story(history)
    return [
        Finding(
            rule,
            notes[0].section,
            Anomaly.PROTOCOL,
            Level(notes[0].level),
            f"{notes[0].sentence} Seen {len(notes)} time(s) on the channel {contract.channel}.",
            (f"{story.who(notes[0].subscriber)} receives {notes[0].evidence}",),
            occurrences=len(notes),
        )
        for rule, notes in rules.items()
    ]
