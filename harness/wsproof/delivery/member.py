"""One client of the pool: its connection, the messages it still expects, and how it left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from wsproof.delivery.credentials import Access
from wsproof.delivery.names import NameShape
from wsproof.model.history import Departure, Kind, Member
from wsproof.net.client import Client
from wsproof.net.http_connection import HttpConnection
from wsproof.wire import State
from wsproof.workloads import Conversation


@dataclass(eq=False)
class PoolMember:
    """One member of a client pool.

    `alias` is the number its name is derived from. A member that takes over an id has the alias of the earlier member.
    """

    number: int
    alias: int
    name: str
    client: Client
    connect_ns: int = 0
    connected_ns: int = 0
    in_ns: int = 0
    left_ns: int = 0
    departure: Departure = Departure.STAYED
    close_code: int | None = None
    close_reason: str = ""
    stalled: bool = False
    misbehaviour: str = ""
    room: int = 0
    left_by: str = ""
    """The way in which it left, in words, if it left by one of many ways."""
    is_abrupt: bool = False
    """Whether it left in the middle of a message, or with a TCP reset after its close frame."""
    http: HttpConnection | None = None
    """The HTTP connection that the member publishes on; None before its first publication."""
    resumes: int = -1
    """The number of the earlier connection that it came back for; -1 without one."""
    last_delivery: str | bytes | None = None
    """The last delivery, as received; None before the first."""
    received: list[str | bytes] = field(default_factory=list)
    """All messages that it has received, if the pool keeps them."""
    conversation: Conversation | None = None
    """The conversation by which the member joins and answers; None until its connection is open."""
    is_mid_frame: bool = False
    """Whether a part of a frame has been sent, so that no other message may be sent now."""
    held_answers: list[str | bytes] = field(default_factory=list)
    """Answers that wait for the end of that frame."""
    join_fault: str = ""
    """The reason why the member could not join after its handshake; empty if it could."""
    greeted_again_ns: int = 0
    """The time by which the server had processed its second greeting; 0 without one."""
    shape: NameShape | None = None
    """The unusual form of the member's name; None for a usual name."""
    is_fuzzing: bool = False
    """Whether it sent a malformed message. Messages that result from it are not judged."""
    access: Access | None = None
    """The way in which it tries to join without the right credentials; None for all other members."""
    credentials: tuple[str, ...] = ()
    """The member's credentials; only known for a member that joins without them."""
    others_credentials: Mapping[str, str] = field(default_factory=dict)
    """The credentials of a member of another room that it shows, by the own credentials that each replaces."""
    refusal: str = ""
    """The server's refusal of the handshake; empty if it accepted."""
    other_messages: set[str] = field(default_factory=set)
    """The messages it received that are no publications, with all numbers left out."""
    joined_at_once: bool = False
    """Whether it joined in the same moment as others."""
    paused_ns: int = 0
    """The time at which it stopped reading for a while; 0 if it never did."""
    resumed_ns: int = 0
    """The time at which it read again; 0 before that."""
    heard_ns: int = 0
    """Time of the latest receipt. Until then the server knew this member."""
    others_ns: int = 0
    """Time of the latest message that another client of the server, or an earlier pool, published."""
    ticks: int = 0
    sequence: int = 0
    sent: int = 0
    """Number of messages that it has sent: publications, answers and heartbeats."""
    closed: bool = False
    """Whether the socket is gone, so that nothing more can be read."""
    outstanding: set[tuple[int, int, Kind]] = field(default_factory=set)
    """Expected messages that have not arrived yet, as (publisher, sequence, kind)."""
    outstanding_notices: Counter[str] = field(default_factory=Counter)
    """Expected leave notices minus received ones, by name. Negative if a notice came before we saw the departure."""

    @property
    def is_connected(self) -> bool:
        """Whether the member is connected and neither side has begun to end the connection."""
        return not self.left_ns and self.departure is Departure.STAYED

    @property
    def can_send(self) -> bool:
        """Whether the member can still send. After `Client.abort`, the peer is still OPEN: `closed` tells."""
        return self.is_connected and not self.closed and self.client.peer.state is State.OPEN

    @property
    def counts(self) -> bool:
        """Whether messages are expected to reach this member."""
        return self.is_connected and bool(self.in_ns) and not self.stalled and not self.misbehaviour

    @property
    def may_be_unread(self) -> bool:
        """Whether it left in a way that lets a server discard what it had not read yet."""
        return self.departure is Departure.RESET or self.is_abrupt

    @property
    def is_paused(self) -> bool:
        """Whether it does not read now, and will read again."""
        return self.paused_ns > self.resumed_ns

    @property
    def lacks_messages(self) -> bool:
        """Whether an expected message has not arrived."""
        return self.counts and not self.is_paused and bool(self.outstanding)

    @property
    def waits(self) -> bool:
        """Whether an expected message or leave notice has not arrived."""
        return self.lacks_messages or self._lacks_notices

    @property
    def _lacks_notices(self) -> bool:
        return self.counts and not self.is_paused and any(count > 0 for count in self.outstanding_notices.values())

    def to_member(self) -> Member:
        """The member as the history records it."""
        return Member(
            self.number,
            self.name,
            self.connect_ns,
            self.connected_ns,
            self.in_ns,
            self.left_ns,
            self.departure,
            self.close_code,
            self.stalled,
            self.misbehaviour,
            self.room,
            self.left_by,
            self.join_fault,
            greeted_again_ns=self.greeted_again_ns,
            shape=self.shape.value if self.shape is not None else "",
            intrusion=self.access.value if self.access is not None else "",
            has_wrong_origin=self.access is Access.STRANGER,
            resumes=self.resumes,
            others_ns=self.others_ns,
            close_reason=self.close_reason,
            was_reset=self.departure is Departure.DROPPED and self.client.was_reset,
            joined_at_once=self.joined_at_once,
            paused_ns=self.paused_ns,
            resumed_ns=self.resumed_ns,
        )
