"""Checks that a person with two connections is not said to have gone while one of them is open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wsproof.checks.check import found
from wsproof.checks.describe import Describer, shortened
from wsproof.checks.same_name import namesakes
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding
from wsproof.model.history import Departure, History, Member, PresenceNotice

LEFT_BY_ITSELF = (Departure.CLOSED, Departure.FIN, Departure.RESET)
"""Departures that no server caused."""


@dataclass(frozen=True)
class _FalseFarewell:
    """A leave notice about a name of which one connection had ended and another was open."""

    notice: PresenceNotice
    ended: Member
    still_open: Member


def early_user_leave(history: History, contract: Contract) -> list[Finding]:
    """A user with several connections has left when the last of them has ended."""
    # Whether notices are about people or about connections shows in the arrivals: who tells of every connection that it
    # has come may tell of every one that it has gone.
    if not contract.leaves:
        return []
    wrong = [one for notice in history.notices if notice.left for one in _false_farewells(notice, history)]
    if not wrong:
        return []
    describer, first = Describer(history), wrong[0]
    name = shortened(first.ended.name, 40)
    return [
        found(
            Anomaly.PHANTOM,
            contract,
            f"{describer.who(first.notice.subscriber)} was told that {name} had gone when one of its two connections "
            "ended, and the other was open. The server had told of its coming once for both, so it counts people, and "
            "forgets that a person may have more than one connection.",
            [
                describer.arrival(first.ended.number),
                describer.arrival(first.still_open.number),
                f"{describer.when(first.notice.received_ns)}  {describer.who(first.notice.subscriber)} is told that "
                f"{name} has gone",
            ],
            occurrences=len(wrong),
        )
    ]


def _false_farewells(notice: PresenceNotice, history: History) -> Iterator[_FalseFarewell]:
    """The notice with the connection that ended and the one that was open, if the server counts people."""
    witness = history.members[notice.subscriber]
    for ended in history.members:
        if ended.name != notice.about or ended.room != witness.room or ended.departure not in LEFT_BY_ITSELF:
            continue
        if not witness.in_ns or not witness.in_ns < ended.connected_ns or notice.received_ns < ended.left_ns:
            continue
        for other in namesakes(ended, history):
            if _is_open(other, ended, notice) and _came_as_one(witness, ended, other, history):
                yield _FalseFarewell(notice, ended, other)
                return


def _is_open(other: Member, ended: Member, notice: PresenceNotice) -> bool:
    """Whether another connection was open from before the end of the first until after the notice."""
    here = other.in_ns and other.connected_ns < ended.left_ns
    return bool(here) and (not other.left_ns or other.left_ns > notice.received_ns)


def _came_as_one(witness: Member, ended: Member, other: Member, history: History) -> bool:
    """Whether the witness got only one notice that the name had come, for both connections."""
    if not witness.in_ns < other.connected_ns:
        return False
    told = [
        notice
        for notice in history.notices
        if not notice.left and (notice.subscriber, notice.about) == (witness.number, ended.name)
        if notice.received_ns < ended.left_ns
    ]
    return len(told) == 1
