"""Judges whether the places of members that have left come back, on a server that has only so many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wsproof.checks.check import found
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level

CHECK = "places"
"""The name of the check, and of the probe that fills the server."""

FEWEST_FILLINGS = 4
"""Fillings without which nothing is known: two that end politely, one that ends abruptly, and one after it."""


@dataclass(frozen=True, slots=True)
class Filling:
    """Members that joined one after the other until the server refused one, and how all of them left afterwards.

    `refusal` is how the server refused the next one; empty if it let all members in that the probe had. `lost` says
    what a member lacked while all were connected, or how it was cut off; empty if all were served.
    """

    members: int
    refusal: str
    left_by: str
    lost: str = ""


def judge_places(fillings: Sequence[Filling], contract: Contract) -> list[Finding]:
    """The findings about a server that was filled several times, each time by members of new names.

    The first two fillings end politely, and show how many places there are. A server that takes fewer members the
    second time has no fixed number of places: it limits how often clients connect, for example. The third one ends
    abruptly, and the later ones show how many places have come back.
    """
    findings = [*_too_few(fillings, contract), *_harmed(fillings, contract)]
    if len(fillings) < FEWEST_FILLINGS or not all(one.refusal for one in fillings):
        return findings
    first, second, abrupt, *later = fillings
    if not first.members == second.members == abrupt.members or any(one.members >= first.members for one in later):
        return findings
    back = max(one.members for one in later)
    told = (
        f"The server took {first.members} members and refused the next one: {first.refusal}. When all had left by "
        f"{first.left_by}, it took as many again. After {abrupt.members} members had left by {abrupt.left_by} it took "
        f"only {back}, also some seconds later. So a place comes back only if its member leaves politely."
    )
    lines = [f"{one.members} members joined, and left by {one.left_by}" for one in fillings]
    finding = found(Anomaly.NOT_FREED, contract, told, lines, occurrences=first.members - back)
    return [*findings, replace(finding, check=CHECK)]


def _too_few(fillings: Sequence[Filling], contract: Contract) -> list[Finding]:
    """The finding that the server takes fewer members than the contract promises."""
    promised = contract.connections
    short = [one for one in fillings[:2] if promised is not None and one.members < promised and one.refusal]
    if promised is None or len(short) < 2:
        return []
    told = (
        f"The contract promises {promised} connections at once. The server refused a member when only "
        f"{short[0].members} were connected, and again when {short[1].members} were: {short[0].refusal}."
    )
    return [replace(found(Anomaly.NOTHING_RECEIVED, contract, told, ()), check=CHECK)]


def _harmed(fillings: Sequence[Filling], contract: Contract) -> list[Finding]:
    """The finding that members within the promised number are not served once one more has tried to join."""
    promised = contract.connections
    harmed = [one for one in fillings if promised is not None and one.lost and one.members <= promised]
    if promised is None or not harmed:
        return []
    told = (
        f"The contract promises {promised} connections at once. With {harmed[0].members} members connected, and one "
        f"more that the server {'refused' if harmed[0].refusal else 'let in'}: {harmed[0].lost}."
    )
    level = Level.VIOLATION if len(harmed) > 1 else Level.OBSERVATION
    return [replace(found(Anomaly.LOST, contract, told, (), level=level, occurrences=len(harmed)), check=CHECK)]
