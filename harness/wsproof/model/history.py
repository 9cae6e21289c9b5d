"""History of a run: publications, receipts, and members that came and left.

`Recorder` is on the hot path: plain arrays, one append per column. `History` is frozen: numpy columns that checks and
metrics read. Members are numbered from 0; a publisher is a member. All times are ns of one CLOCK_MONOTONIC; 0 means
"never".
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsproof.model.plan import Phase


class Kind(IntEnum):
    """The kind of a receipt, as the workload classified it."""

    DELIVERY = 0
    """A publication reached a member of its audience."""
    REPLY = 1
    """The answer to the publisher alone."""
    TICK = 2
    """A message that a feed sent by itself."""


class Outcome(IntEnum):
    """The outcome of a publication, with the terms of Jepsen's histories."""

    INVOKED = 0
    OK = 1
    FAILED = 2
    """Certainly not published: the connection had ended before the write."""
    INFO = 3
    """Unknown: the connection ended right after the write, or an HTTP request was not answered."""
    REFUSED = 4
    """The server refused the HTTP request that should publish."""


class Departure(IntEnum):
    """The end of a member's connection."""

    STAYED = 0
    CLOSED = 1
    """We sent a close frame."""
    FIN = 2
    RESET = 3
    DROPPED = 4
    """The server ended the connection."""
    REFUSED = 5
    """The connection never opened."""

    @property
    def is_own(self) -> bool:
        """Whether the member itself ended the connection."""
        return self in (Departure.CLOSED, Departure.FIN, Departure.RESET)


class Columns:
    """Growable columns of int64, one append per value: the hot path of a recorder."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.data: dict[str, array[int]] = {name: array("q") for name in names}

    def append(self, *values: int) -> None:
        for name, value in zip(self.names, values, strict=True):
            self.data[name].append(value)

    def freeze(self, name: str) -> NDArray[np.int64]:
        return np.array(self.data[name], dtype=np.int64)


@dataclass(frozen=True)
class Publications:
    """One row per publication. (publisher, sequence) is the key; `sent_ns` 0 means never sent."""

    publisher: NDArray[np.int64]
    sequence: NDArray[np.int64]
    intended_ns: NDArray[np.int64]
    sent_ns: NDArray[np.int64]
    phase: NDArray[np.int64]
    outcome: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.publisher)


@dataclass(frozen=True)
class Receipts:
    """One row per receipt, in the order in which each subscriber read them.

    `intact` is 1 if the checksum matches, else 0.
    """

    subscriber: NDArray[np.int64]
    publisher: NDArray[np.int64]
    sequence: NDArray[np.int64]
    intended_ns: NDArray[np.int64]
    received_ns: NDArray[np.int64]
    kind: NDArray[np.int64]
    intact: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.subscriber)


SILENCE = "nothing after its handshake"
"""The misbehaviour of a client that connects and sends nothing."""
OTHER_ROOM = "with the credentials of a member of another room"
"""The intrusion of a client into a room that its credentials do not open."""


@dataclass(frozen=True)
class Member:
    """One connection.

    `in_ns` is the time of its first receipt: from then on, publications are expected to reach it.
    """

    number: int
    name: str
    connect_ns: int = 0
    """Duration from TCP connect to the 101, in ns."""
    connected_ns: int = 0
    in_ns: int = 0
    left_ns: int = 0
    departure: Departure = Departure.STAYED
    close_code: int | None = None
    stalled: bool = False
    """The member stopped reading on purpose: no delivery is expected, and no other member may be affected."""
    misbehaviour: str = ""
    """The member's deliberate message outside of any promise ("a binary frame"): no delivery is expected."""
    room: int = 0
    """The member's room. A publication in a room is meant for the members of that room only."""
    left_by: str = ""
    """How it left, if `departure` is not precise enough ("a close frame with code 1002")."""
    join_fault: str = ""
    """The reason why the member could not join after its handshake: a clause about the server. Empty if it could."""
    greeted_again_ns: int = 0
    """The time by which the server had certainly processed a second greeting of this member.

    Older messages may arrive again. 0 without a second greeting, and far in the future if nothing shows that the server
    has processed it.
    """

    shape: str = ""
    """The unusual property of the member's name, such as "with slashes and dots". A server may refuse or change it."""
    intrusion: str = ""
    """The way in which an intruder joined, such as "without its credentials". Empty for all others."""
    has_wrong_origin: bool = False
    """Whether only the origin of the intruder was wrong."""

    resumes: int = -1
    """The number of the earlier connection that this one resumes; -1 if it resumes none."""
    replaces: int = -1
    """The number of the earlier connection of the same user, which had ended; -1 if there is none.

    The user only connects again. Unlike a member that `resumes`, it does not ask for the messages that it missed.
    """
    others_ns: int = 0
    """The time of its last receipt of another client's message; 0 without one."""
    close_reason: str = ""
    """The reason in the server's close frame."""
    was_reset: bool = False
    """Whether TCP was reset: a close frame that the server had sent may be lost."""
    joined_at_once: bool = False
    """Whether it joined at the same moment as others, on purpose."""
    paused_ns: int = 0
    """The time at which it stopped reading for a while; 0 if it never did.

    The server may disconnect it, and must otherwise deliver everything to it.
    """
    resumed_ns: int = 0
    """The time at which it continued to read; 0 if it never stopped."""

    @property
    def is_well_behaved(self) -> bool:
        """Whether the member reads and behaves well: only then is a delivery to it expected."""
        return not self.stalled and not self.misbehaviour


@dataclass(frozen=True)
class PresenceNotice:
    """The server told a member that `about` (a member's name) joined or left."""

    subscriber: int
    about: str
    left: bool
    received_ns: int


@dataclass(frozen=True)
class Tick:
    """A viewer received one message of a feed. `value` is None if the message was not a JSON object."""

    subscriber: int
    received_ns: int
    value: dict[str, Any] | None
    text: str = ""


@dataclass(frozen=True)
class UnexpectedMessage:
    """A member received a message that the workload cannot classify.

    It may be a phantom, a damaged message, or a message of unknown format. `publisher` and `sequence` name the
    publication whose envelope was found in it (-1: none).
    """

    subscriber: int
    received_ns: int
    text: str
    publisher: int = -1
    sequence: int = -1

    @property
    def has_envelope(self) -> bool:
        """Whether an envelope was found in the message."""
        return self.sequence >= 0


class Part(StrEnum):
    """The part of a delivered publication that differs from what was published."""

    TEXT = "text"
    SPEAKER = "speaker"
    """The publisher's name, as the server sends it."""


@dataclass(frozen=True)
class Damage:
    """The difference in a damaged publication. `expected` is empty if the original is no longer known.

    For a text, both values are shown from `at`, shortly before the first character that differs.
    """

    publisher: int
    sequence: int
    part: Part
    expected: str
    got: str
    at: int = 0


def outcome_of_refusal(status: int) -> Outcome:
    """The outcome of a publication by the HTTP status of its response; 0: no response.

    A server that fails (5xx), or does not answer, may have published before.
    """
    return Outcome.REFUSED if 300 <= status < 500 else Outcome.INFO


@dataclass(frozen=True)
class Refusal:
    """HTTP requests of publications that the server refused in the same way.

    `publisher` and `sequence` name the first of them. `reason` is the status line with the beginning of the body, or
    why there was no answer.
    """

    status: int
    """0 without an answer."""
    reason: str
    count: int
    publisher: int
    sequence: int

    @property
    def outcome(self) -> Outcome:
        """The outcome of the publication."""
        return outcome_of_refusal(self.status)


@dataclass(frozen=True)
class ProtocolNote:
    """A frame of the server broke the protocol, as the auditor of `wire` reported it on this connection."""

    subscriber: int
    rule: str
    section: str
    level: str
    sentence: str
    evidence: str


@dataclass(frozen=True)
class History:
    """Everything that was recorded of one run.

    `start_ns` and `end_ns` bound the measured window; `drained_ns` is the end of the drain.
    """

    publications: Publications
    receipts: Receipts
    members: tuple[Member, ...] = ()
    notices: tuple[PresenceNotice, ...] = ()
    ticks: tuple[Tick, ...] = ()
    unexpected: tuple[UnexpectedMessage, ...] = ()
    protocol: tuple[ProtocolNote, ...] = ()
    start_ns: int = 0
    end_ns: int = 0
    drained_ns: int = 0
    damage: tuple[Damage, ...] = ()
    ignored: int = 0
    """Number of messages that the workload classified as IGNORED."""
    ignored_text: str = ""
    """The first ignored message."""
    shortest_ignored_text: str = ""
    """The shortest ignored message, which is the heartbeat if the server sends one."""
    keeps_alive: bool = False
    """Whether the members answer the server, or send heartbeats by themselves."""
    refusals: tuple[Refusal, ...] = ()
    """HTTP requests of publications that did not succeed."""
    silent_ns: int = 0
    """The time at which a long wait ended because nothing more arrived; 0 without one.

    Messages that were published before and were missing then are lost.
    """

    def rooms_of(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the room of each of these members; -1 for a number that is not ours."""
        rooms = np.array([*(member.room for member in self.members), -1], dtype=np.int64)
        is_member = (numbers >= 0) & (numbers < len(self.members))
        result: NDArray[np.int64] = rooms[np.where(is_member, numbers, -1)]
        return result

    def steady_ticks(self) -> Iterator[Tick]:
        """Yield all ticks except the first tick of each viewer, if that tick let the viewer in.

        The first tick may be a snapshot, which the server sends on connect, outside the period and perhaps for one
        viewer only.
        """
        greeted: set[int] = set()
        for tick in self.ticks:
            if tick.subscriber in greeted or tick.received_ns > self.members[tick.subscriber].in_ns:
                yield tick
            greeted.add(tick.subscriber)

    def name_of(self, number: int) -> str:
        """Return the name by which the server knows a member."""
        return self.members[number].name if 0 <= number < len(self.members) else f"?{number}"


@dataclass
class Recorder:
    """Records a history while it happens. One per process; not thread-safe."""

    publications: Columns = field(default_factory=lambda: Columns(*(f.name for f in fields(Publications))))
    receipts: Columns = field(default_factory=lambda: Columns(*(f.name for f in fields(Receipts))))
    members: list[Member] = field(default_factory=list)
    notices: list[PresenceNotice] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)
    unexpected: list[UnexpectedMessage] = field(default_factory=list)
    protocol: list[ProtocolNote] = field(default_factory=list)
    start_ns: int = 0
    end_ns: int = 0
    drained_ns: int = 0
    damage: list[Damage] = field(default_factory=list)
    ignored: int = 0
    ignored_text: str = ""
    shortest_ignored_text: str = ""
    keeps_alive: bool = False
    refusals: dict[tuple[int, str], Refusal] = field(default_factory=dict)
    silent_ns: int = 0

    def refused(self, publisher: int, sequence: int, status: int, reason: str) -> Refusal:
        """Record that the HTTP request of a publication did not succeed."""
        earlier = self.refusals.get((status, reason)) or Refusal(status, reason, 0, publisher, sequence)
        refusal = self.refusals[status, reason] = replace(earlier, count=earlier.count + 1)
        return refusal

    def ignore(self, message: str | bytes) -> None:
        """Record a message that no promise covers."""
        self.ignored += 1
        text = message if isinstance(message, str) else repr(message)
        self.ignored_text = self.ignored_text or text
        self.shortest_ignored_text = min(self.shortest_ignored_text or text, text, key=len)

    def published(
        self,
        publisher: int,
        sequence: int,
        intended_ns: int,
        sent_ns: int,
        phase: Phase = Phase.MEASURED,
        outcome: Outcome = Outcome.OK,
    ) -> None:
        """Record that a publication was handed to its connection, or could not be (`outcome`)."""
        self.publications.append(publisher, sequence, intended_ns, sent_ns, phase, outcome)

    def received(
        self,
        subscriber: int,
        publisher: int,
        sequence: int,
        intended_ns: int,
        received_ns: int,
        kind: Kind = Kind.DELIVERY,
        intact: bool = True,
    ) -> None:
        """Record that a member read a message with an envelope."""
        self.receipts.append(subscriber, publisher, sequence, intended_ns, received_ns, kind, intact)

    def freeze(self) -> History:
        """Return the history so far."""
        return History(
            Publications(*(self.publications.freeze(name) for name in self.publications.names)),
            Receipts(*(self.receipts.freeze(name) for name in self.receipts.names)),
            tuple(self.members),
            tuple(self.notices),
            tuple(self.ticks),
            tuple(self.unexpected),
            tuple(self.protocol),
            self.start_ns,
            self.end_ns,
            self.drained_ns,
            tuple(self.damage),
            self.ignored,
            self.ignored_text,
            self.shortest_ignored_text,
            self.keeps_alive,
            tuple(self.refusals.values()),
            self.silent_ns,
        )
