"""Checks that a member without the right credentials receives nothing of a channel, and cannot publish to it."""

from __future__ import annotations

import numpy as np

from wsproof.checks.check import channel_finding
from wsproof.checks.describe import Describer, shortened
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import OTHER_ROOM, History, Member


def unauthorized_access(history: History, contract: Contract) -> list[Finding]:
    """A client without the right credentials receives no message of the channel, and its messages reach no member."""
    intruders = [member for member in history.members if member.intrusion]
    findings = []
    for kind in dict.fromkeys(member.intrusion for member in intruders):
        evidence = [line for member in intruders if member.intrusion == kind for line in _evidence(member, history)]
        if evidence:
            findings.append(_finding(kind, evidence, intruders, history, contract))
    return findings


def _finding(
    kind: str, evidence: list[tuple[str, str]], intruders: list[Member], history: History, contract: Contract
) -> Finding:
    describer = Describer(history)
    first = next(member for member in intruders if member.intrusion == kind)
    action, _ = evidence[0]
    if first.has_wrong_origin:
        level = Level.VIOLATION if contract.origins else Level.INFORMATIONAL
        advice = (
            f"The channel allows {', '.join(contract.origins)} only."
            if contract.origins
            else "A browser sends the user's cookies with it, so any page that the user visits can act for the user. "
            "Name the allowed ones in the contract (origins) to have others refused."
        )
    elif kind == OTHER_ROOM:
        level = Level.VIOLATION
        advice = "The contract says that credentials open one room only (private_rooms)."
    else:
        level = Level.VIOLATION
        advice = "If anybody may listen to this channel, say so in its contract (public)."
    return channel_finding(
        Anomaly.MISROUTED,
        contract,
        f"{describer.who(first.number)} joined {kind}, and {action}. {advice}",
        [describer.arrival(first.number), *(line for _, line in evidence[:3])],
        level=level,
        occurrences=len(evidence),
    )


def _evidence(member: Member, history: History) -> list[tuple[str, str]]:
    """An intruder's receipts, and receipts of its publications: each as a clause and as a line of a witness."""
    describer, receipts = Describer(history), history.receipts
    lines = []
    received = (receipts.subscriber == member.number) & (receipts.publisher != member.number)
    for row in np.flatnonzero(received).tolist():
        publication = describer.what(int(receipts.publisher[row]), int(receipts.sequence[row]))
        lines.append((f"received {publication}", describer.receipt(row)))
    for notice in history.notices:
        if notice.subscriber == member.number and notice.about != member.name:
            action = f"was told that {shortened(notice.about, 40)} had {'left' if notice.left else 'joined'}"
            lines.append((action, f"{describer.when(notice.received_ns)}  {describer.who(member.number)} {action}"))
    for tick in history.ticks:
        if tick.subscriber == member.number:
            action = f"received {shortened(tick.text or str(tick.value), 60)}"
            lines.append((action, f"{describer.when(tick.received_ns)}  {describer.who(member.number)} {action}"))
    for row in np.flatnonzero((receipts.publisher == member.number) & (receipts.subscriber != member.number)).tolist():
        lines.append(("others received what it published", describer.receipt(row)))
    return lines
