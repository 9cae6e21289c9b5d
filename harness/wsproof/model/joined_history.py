"""Joins the histories of several processes, so that messages between them are checked.

Members are numbered per process in the parts, and across all processes in the result. Envelopes carry ids, which are
unique: the id of a process's member 0, plus the member's number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from wsproof.model.expected import publications_with_unknown_outcome
from wsproof.model.history import (
    Damage,
    Departure,
    History,
    Member,
    Outcome,
    PresenceNotice,
    Publications,
    Receipts,
    Refusal,
    UnexpectedMessage,
)
from wsproof.model.plan import Phase

Ints = NDArray[np.int64]
UNKNOWN = -1
"""The number of a publisher that is a member of no part."""
Carrier = TypeVar("Carrier", Damage, UnexpectedMessage)


@dataclass(frozen=True)
class HistoryPart:
    """The history of one process. `first` is the id of its member 0.

    The publishers of its receipts are counted from `first`, too. Those of other processes are negative, or larger than
    its own. `complete_until_ns`: every message that was sent before this time, and arrived at all, is in the history.
    """

    first: int
    history: History
    complete_until_ns: int


def join_histories(parts: Sequence[HistoryPart]) -> History:
    """Join the histories of processes whose clocks are the same.

    - The measured window begins when it has begun in all processes. Earlier publications belong to the warm-up.
    - Intact messages whose publisher is in no part are left out: they belong to other runs, or to a process that ended.
    - After `complete_until_ns` of a process, it is unknown what its members would have received. A publication that was
      sent later has an unknown outcome. A later departure is left out, with the notices about it.
    """
    numbers, histories = _Numbers(parts), [part.history for part in parts]
    complete_until_ns = min(part.complete_until_ns for part in parts)
    members = tuple(_members(parts, numbers, complete_until_ns))
    start_ns = max(history.start_ns for history in histories)
    receipts = _receipts(parts, numbers)
    publications = _publications(parts, numbers, start_ns, complete_until_ns)
    is_unknown = publications_with_unknown_outcome(publications.publisher, publications.sequence, receipts, members)
    publications.outcome[is_unknown & (publications.outcome == Outcome.OK)] = Outcome.INFO
    return History(
        publications=publications,
        receipts=receipts,
        members=members,
        notices=tuple(_notices(parts, numbers, members, complete_until_ns)),
        ticks=tuple(
            replace(tick, subscriber=numbers.offsets[at] + tick.subscriber)
            for at, history in enumerate(histories)
            for tick in history.ticks
        ),
        unexpected=tuple(_unexpected(parts, numbers)),
        protocol=tuple(
            replace(note, subscriber=numbers.offsets[at] + note.subscriber)
            for at, history in enumerate(histories)
            for note in history.protocol
        ),
        start_ns=start_ns,
        end_ns=max(history.end_ns for history in histories),
        drained_ns=max(history.drained_ns for history in histories),
        damage=tuple(numbers.renumbered(at, damage) for at, part in enumerate(parts) for damage in part.history.damage),
        ignored=sum(history.ignored for history in histories),
        ignored_text=next((history.ignored_text for history in histories if history.ignored_text), ""),
        shortest_ignored_text=min(
            (history.shortest_ignored_text for history in histories if history.shortest_ignored_text),
            key=len,
            default="",
        ),
        keeps_alive=any(history.keeps_alive for history in histories),
        refusals=tuple(_refusals(parts, numbers)),
    )


class _Numbers:
    """The numbers of members in the joined history."""

    def __init__(self, parts: Sequence[HistoryPart]) -> None:
        counts = [len(part.history.members) for part in parts]
        self.offsets = [0, *np.cumsum(counts).tolist()]
        """The number of each part's first member."""
        self._firsts = [part.first for part in parts]
        ids = [part.first + np.arange(count) for part, count in zip(parts, counts, strict=True)]
        joined = np.concatenate([np.zeros(0, np.int64), *ids])
        self._order = np.argsort(joined)
        self._ids = joined[self._order]

    def of_publishers(self, part: int, publishers: Ints) -> Ints:
        """The numbers of publishers that a part has counted from its first id."""
        if not len(self._ids):
            return np.full(len(publishers), UNKNOWN, np.int64)
        ids = publishers + self._firsts[part]
        at = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        numbers: Ints = np.where(self._ids[at] == ids, self._order[at], UNKNOWN)
        return numbers

    def of_publisher(self, part: int, publisher: int) -> int:
        """The number of one publisher."""
        return int(self.of_publishers(part, np.array([publisher], np.int64))[0])

    def renumbered(self, part: int, entry: Carrier) -> Carrier:
        """The entry with the number of its publisher."""
        return replace(entry, publisher=self.of_publisher(part, entry.publisher))


def _members(parts: Sequence[HistoryPart], numbers: _Numbers, complete_until_ns: int) -> Iterable[Member]:
    for at, part in enumerate(parts):
        offset = numbers.offsets[at]
        for member in part.history.members:
            resumes = member.resumes if member.resumes < 0 else member.resumes + offset
            replaces = member.replaces if member.replaces < 0 else member.replaces + offset
            joined = replace(member, number=member.number + offset, resumes=resumes, replaces=replaces)
            if joined.left_ns > complete_until_ns:
                joined = replace(joined, left_ns=0, departure=Departure.STAYED, close_code=None)
            yield joined


def _publications(
    parts: Sequence[HistoryPart], numbers: _Numbers, start_ns: int, complete_until_ns: int
) -> Publications:
    tables = [part.history.publications for part in parts]
    publisher, sequence, intended_ns, sent_ns, phase, outcome = (
        np.concatenate([np.zeros(0, np.int64), *(getattr(table, name) for table in tables)])
        for name in ("publisher", "sequence", "intended_ns", "sent_ns", "phase", "outcome")
    )
    publisher = publisher + np.repeat(numbers.offsets[:-1], [len(table) for table in tables]).astype(np.int64)
    was_early = np.where(sent_ns > 0, sent_ns, intended_ns) < start_ns
    phase[(phase == Phase.MEASURED) & was_early] = Phase.WARMUP
    outcome[(outcome == Outcome.OK) & (sent_ns > complete_until_ns)] = Outcome.INFO
    return Publications(publisher, sequence, intended_ns, sent_ns, phase, outcome)


def _receipts(parts: Sequence[HistoryPart], numbers: _Numbers) -> Receipts:
    renumbered: list[Receipts] = []
    for at, part in enumerate(parts):
        receipts = part.history.receipts
        publisher = numbers.of_publishers(at, receipts.publisher)
        ours = (publisher != UNKNOWN) | (receipts.intact != 1)
        renumbered.append(
            Receipts(
                receipts.subscriber[ours] + numbers.offsets[at],
                publisher[ours],
                receipts.sequence[ours],
                receipts.intended_ns[ours],
                receipts.received_ns[ours],
                receipts.kind[ours],
                receipts.intact[ours],
            )
        )
    names = ("subscriber", "publisher", "sequence", "intended_ns", "received_ns", "kind", "intact")
    return Receipts(
        *(np.concatenate([np.zeros(0, np.int64), *(getattr(each, name) for each in renumbered)]) for name in names)
    )


def _notices(
    parts: Sequence[HistoryPart], numbers: _Numbers, members: tuple[Member, ...], complete_until_ns: int
) -> Iterable[PresenceNotice]:
    """The notices about our members. One that stays may have left only after its process has ended its drain."""
    known_until_ns: dict[str, float] = {member.name: inf if member.left_ns else complete_until_ns for member in members}
    for at, part in enumerate(parts):
        for notice in part.history.notices:
            if notice.received_ns <= known_until_ns.get(notice.about, -1):
                yield replace(notice, subscriber=notice.subscriber + numbers.offsets[at])


def _unexpected(parts: Sequence[HistoryPart], numbers: _Numbers) -> Iterable[UnexpectedMessage]:
    """The unexpected messages, without those that carry a publication of somebody else."""
    for at, part in enumerate(parts):
        for message in part.history.unexpected:
            joined = replace(message, subscriber=message.subscriber + numbers.offsets[at])
            if joined.has_envelope:
                joined = numbers.renumbered(at, joined)
            if not joined.has_envelope or joined.publisher != UNKNOWN:
                yield joined


def _refusals(parts: Sequence[HistoryPart], numbers: _Numbers) -> Iterable[Refusal]:
    joined: dict[tuple[int, str], Refusal] = {}
    for at, part in enumerate(parts):
        for refusal in part.history.refusals:
            key = refusal.status, refusal.reason
            earlier = joined.get(key)
            joined[key] = (
                replace(refusal, publisher=refusal.publisher + numbers.offsets[at])
                if earlier is None
                else replace(earlier, count=earlier.count + refusal.count)
            )
    return joined.values()
