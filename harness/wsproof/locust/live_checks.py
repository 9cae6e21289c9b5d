"""Checks of receipts while the test runs. They report only what the final verdict will report, too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from wsproof.locust.drain import stream_of
from wsproof.model.finding import Anomaly
from wsproof.model.history import Kind, UnexpectedMessage

WAIT_NS = 2_000_000_000
"""Nanoseconds after which a missing message counts as lost, if a newer one of its publisher has arrived.

A message that arrives within this time is reordered, not lost.
"""


@dataclass(slots=True)
class _Stream:
    """The messages that one member has received from one publisher."""

    first: int
    newest: int


@dataclass(frozen=True)
class Overdue:
    """A publication that some members still wait for, and the time since it was sent."""

    kind: Kind
    publisher: int
    sequence: int
    members: Collection[int]
    age_ns: int


class LiveChecks:
    """Counts violations as receipts arrive. `is_ordered`: the order per publisher is promised.

    What arrives before the first receipt of a stream may be a history that the server replays to a new member. Only
    the final checks judge it.
    """

    def __init__(self, *, is_ordered: bool) -> None:
        self.counts: Counter[Anomaly] = Counter()
        self.examples: dict[Anomaly, str] = {}
        """A sentence about the first violation of each kind."""
        self._is_ordered = is_ordered
        self._streams: dict[int, _Stream] = {}
        self._holes: dict[int, set[int]] = {}
        """Sequence numbers between a stream's first and newest message that have not arrived. Few streams have any."""
        self._settled: set[tuple[int, int]] = set()
        """Messages, by stream and sequence number, that arrived in another form, or were counted as lost."""
        self._suspects: set[tuple[int, int]] = set()
        """Messages that seemed lost in the last search. They are counted if they still do in the next."""

    def take(self, receipts: Iterable[Sequence[int]]) -> None:
        """Take receipts in the order of reading: member, publisher, sequence, kind, and whether it is intact."""
        streams = self._streams
        for member, publisher, sequence, kind, intact in receipts:
            if not intact:
                self._count(Anomaly.CORRUPT, f"a message arrived changed at member {member}")
                self._settled.add((stream_of(member, publisher, kind), sequence))
                continue
            key = stream_of(member, publisher, kind)
            stream = streams.get(key)
            if stream is None:
                streams[key] = _Stream(sequence, sequence)
            elif sequence == stream.newest + 1:
                stream.newest = sequence
            else:
                self._take_odd(stream, self._holes.setdefault(key, set()), member, publisher, sequence)

    def take_unplaced(self, messages: Iterable[UnexpectedMessage]) -> None:
        """Take messages of an unknown format. The publications in them count as arrived."""
        for message in messages:
            for kind in (Kind.DELIVERY, Kind.REPLY) if message.has_envelope else ():
                self._settled.add((stream_of(message.subscriber, message.publisher, kind), message.sequence))

    def _take_odd(self, stream: _Stream, holes: set[int], member: int, publisher: int, sequence: int) -> None:
        """Take a receipt that does not follow the one before."""
        message = f"message {sequence} of member {publisher}"
        if sequence > stream.newest:
            holes.update(range(stream.newest + 1, sequence))
            stream.newest = sequence
        elif sequence in holes:
            holes.discard(sequence)
            if self._is_ordered:
                self._count(Anomaly.REORDERED, f"member {member} received {message} after message {stream.newest}")
        elif sequence >= stream.first:
            self._count(Anomaly.DUPLICATED, f"member {member} received {message} twice")

    def look_for_lost(self, overdue: Iterable[Overdue]) -> None:
        """Count the messages that are lost for certain: the order is promised, and a newer one has long arrived."""
        if not self._is_ordered or not self._holes:
            return
        before, self._suspects = self._suspects, set()
        for publication in overdue:
            if publication.age_ns < WAIT_NS:
                continue
            for member in publication.members:
                key = stream_of(member, publication.publisher, publication.kind)
                if publication.sequence not in self._holes.get(key, ()) or (key, publication.sequence) in self._settled:
                    continue
                if (key, publication.sequence) not in before:
                    self._suspects.add((key, publication.sequence))
                    continue
                self._settled.add((key, publication.sequence))
                self._count(
                    Anomaly.LOST,
                    f"member {member} never received message {publication.sequence} of member "
                    f"{publication.publisher}, but a newer one",
                )

    def violations(self) -> Mapping[Anomaly, tuple[int, str]]:
        """The number of violations so far, and the first one in words, by kind."""
        return {anomaly: (count, self.examples[anomaly]) for anomaly, count in self.counts.items()}

    def _count(self, anomaly: Anomaly, sentence: str) -> None:
        self.counts[anomaly] += 1
        self.examples.setdefault(anomaly, sentence)
