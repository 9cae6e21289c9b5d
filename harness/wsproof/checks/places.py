"""Judges whether a server with a limited number of places frees the places of members that have left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wsproof.checks.check import channel_finding
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level

CHECK = "places"
"""The name of the check, and of the probe that fills the server."""

FEWEST_FILLINGS = 4
"""Fillings that a verdict needs: two that end politely, one that ends abruptly, and one after it."""


@dataclass(frozen=True, slots=True)
class Filling:
    """Members that joined one after the other until the server refused one, and how all of them left afterwards.

    `refusal` is how the server refused the next one; empty if it accepted all members of the probe. `lost` says what a
    member did not receive while all were connected, or how it was disconnected; empty if all were served.
    """

    members: int
    refusal: str
    left_by: str
    lost: str = ""


def judge_places(fillings: Sequence[Filling], contract: Contract) -> list[Finding]:
    """The findings about a server that was filled several times, each time by members of new names.

    The first two fillings end politely, and show how many places there are. A server that accepts fewer members the
    second time has no fixed number of places: it limits how often clients connect, for example. The third one ends
    abruptly, and the later ones show how many places the server has freed.
    """
    findings = [*_too_few(fillings, contract), *_harmed(fillings, contract)]
    if len(fillings) < FEWEST_FILLINGS or not all(filling.refusal for filling in fillings):
        return findings
    first, second, abrupt, *later = fillings
    if not first.members == second.members == abrupt.members or any(
        filling.members >= first.members for filling in later
    ):
        return findings
    freed = max(filling.members for filling in later)
    explanation = (
        f"The server accepted {first.members} members and refused the next one: {first.refusal}. When all had left by "
        f"{first.left_by}, it accepted as many again. After {abrupt.members} members had left by {abrupt.left_by} it "
        f"accepted only {freed}, also some seconds later. So it frees a place only if its member leaves politely."
    )
    lines = [f"{filling.members} members joined, and left by {filling.left_by}" for filling in fillings]
    finding = channel_finding(Anomaly.NOT_FREED, contract, explanation, lines, occurrences=first.members - freed)
    return [*findings, replace(finding, check=CHECK)]


def _too_few(fillings: Sequence[Filling], contract: Contract) -> list[Finding]:
    """The finding that the server takes fewer members than the contract promises."""
    promised = contract.connections
    short = [
        filling for filling in fillings[:2] if promised is not None and filling.members < promised and filling.refusal
    ]
    if promised is None or len(short) < 2:
        return []
    explanation = (
        f"The contract promises {promised} connections at once. The server refused a member when only "
        f"{short[0].members} were connected, and again when {short[1].members} were: {short[0].refusal}."
    )
    return [replace(channel_finding(Anomaly.NOTHING_RECEIVED, contract, explanation, ()), check=CHECK)]


def _harmed(fillings: Sequence[Filling], contract: Contract) -> list[Finding]:
    """The finding that members within the promised number are not served once one more has tried to join."""
    promised = contract.connections
    harmed = [filling for filling in fillings if promised is not None and filling.lost and filling.members <= promised]
    if promised is None or not harmed:
        return []
    explanation = (
        f"The contract promises {promised} connections at once. With {harmed[0].members} members connected, and one "
        f"more that the server {'refused' if harmed[0].refusal else 'accepted'}: {harmed[0].lost}."
    )
    level = Level.VIOLATION if len(harmed) > 1 else Level.OBSERVATION
    return [
        replace(
            channel_finding(Anomaly.LOST, contract, explanation, (), level=level, occurrences=len(harmed)), check=CHECK
        )
    ]
