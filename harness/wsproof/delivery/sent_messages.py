"""The publications of one schedule, and which members are expected to receive them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from wsproof.delivery.member import PoolMember
from wsproof.model.contract import Audience, Contract, Resume
from wsproof.model.history import Departure, History, Kind, Outcome, Recorder, Refusal
from wsproof.model.outside_call import PublishAnswer


@dataclass(eq=False)
class SentMessage:
    """A publication. Its outcome is decided at the end of the schedule.

    `plain` is the text of a publication without an envelope. `forms` holds the body with its envelope and, for a text
    message, the whole message.
    """

    publisher: int
    sequence: int
    sent_ns: int
    plain: str | None = None
    forms: tuple[str, ...] = ()
    heard_by: set[tuple[int, Kind]] = field(default_factory=set)
    heard_ns: int = 0
    """The time of its first receipt; 0 if nobody has received it."""
    refusal: Refusal | None = None
    """The refusal of the request or call that publishes it; None if it was accepted."""
    is_unread: bool = False
    """Whether its publisher left at once and nobody received it in time. The server has probably never read it."""


class SentMessages:
    """All publications of one schedule, by publisher and sequence number.

    `members` is the pool's own list, which grows.
    """

    def __init__(self, contract: Contract, members: Sequence[PoolMember], recorder: Recorder) -> None:
        self._contract = contract
        self._members = members
        self._recorder = recorder
        self._by_key: dict[tuple[int, int], SentMessage] = {}

    def __getitem__(self, key: tuple[int, int]) -> SentMessage:
        return self._by_key[key]

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    def __iter__(self) -> Iterator[SentMessage]:
        """All publications, the oldest first."""
        return iter(self._by_key.values())

    def get(self, key: tuple[int, int]) -> SentMessage | None:
        """The publication with this key; None if this schedule has none."""
        return self._by_key.get(key)

    @property
    def last_ns(self) -> int:
        """The time of the last publication; 0 without one."""
        return max((publication.sent_ns for publication in self), default=0)

    def add(self, publication: SentMessage, publisher: PoolMember) -> None:
        """Add a publication, and expect the receipts that the contract promises."""
        key = (publication.publisher, publication.sequence)
        self._by_key[key] = publication
        for other in self._members:
            if other.counts and self.is_for(other, publisher):
                other.outstanding.add((*key, Kind.DELIVERY))
        if self._contract.replies and publisher.counts:
            publisher.outstanding.add((*key, Kind.REPLY))

    def has_other(self, text: str, publisher: PoolMember) -> bool:
        """Whether another member has published this text without an envelope."""
        return any(publication.plain == text and publication.publisher != publisher.number for publication in self)

    def is_for(self, other: PoolMember, publisher: PoolMember) -> bool:
        """Whether `other` should receive what `publisher` publishes: in the same room, and in the audience."""
        audience = self._contract.audience
        own = other is publisher
        if other.room != publisher.room:
            return False
        return audience is Audience.EVERYONE or audience is (Audience.PUBLISHER if own else Audience.OTHERS)

    def missed_by(self, member: PoolMember) -> set[tuple[int, int, Kind]]:
        """Publications since the last message that a member received."""
        if self._contract.resume is Resume.NONE:
            return set()
        return {
            (*key, Kind.DELIVERY)
            for key, publication in self._by_key.items()
            if publication.sent_ns > member.heard_ns
            and publication.refusal is None
            and publication.publisher != member.number
            and self.is_for(member, self._members[publication.publisher])
        }

    def refuse(self, member: PoolMember, answer: PublishAnswer) -> None:
        """Record that the last request or call of a member failed, so that nobody is expected to receive it."""
        sequence = member.sequence - 1
        publication = self._by_key[member.number, sequence]
        publication.refusal = self._recorder.refused(member.number, sequence, answer.status, answer.reason)
        for other in self._members:
            other.outstanding -= {(member.number, sequence, kind) for kind in Kind}

    def expect_nothing_unread(self) -> None:
        """After a timeout, stop expecting messages that the server need not have read before their publisher left."""
        for key, publication in self._by_key.items():
            if self._members[publication.publisher].may_be_unread and not publication.heard_by:
                publication.is_unread = True
                for other in self._members:
                    other.outstanding.discard((*key, Kind.DELIVERY))

    def history(self) -> History:
        """The history of this schedule.

        The last messages of a member that was disconnected, or that left abruptly, may be lost with its connection. So
        their outcome is uncertain unless another member received them.
        """
        for publication in self:
            publisher = self._members[publication.publisher]
            unsure = publisher.may_be_unread or publisher.departure is Departure.DROPPED or bool(publisher.misbehaviour)
            unsure = unsure or publisher.shape is not None  # the server may ignore a member with such a name
            outcome = Outcome.INFO if publication.is_unread or (unsure and not publication.heard_by) else Outcome.OK
            if publication.refusal is not None:
                outcome = publication.refusal.outcome
            self._recorder.published(
                publication.publisher, publication.sequence, publication.sent_ns, publication.sent_ns, outcome=outcome
            )
        return self._recorder.freeze()
