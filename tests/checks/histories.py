"""Builders of correct histories, and functions that plant faults in them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from wsproof import Audience, Contract, Feed, Order, Range
from wsproof.model.history import Departure, History, Kind, Member, Outcome, PresenceNotice, Recorder, Tick

MS = 1_000_000
CHAT = Contract("chat", Audience.EVERYONE, Order.PER_PUBLISHER, agreed_order=True, replies=True, leaves=True)
QUIET_CHAT = replace(CHAT, replies=False)
ECHO = Contract("echo", Audience.PUBLISHER)
FEED = Contract("dashboard", Audience.NOBODY, Order.NONE, feed=Feed(1.0, (("load", Range(0, 100)),)))


@dataclass
class Room:
    """A clock, a recorder and a correct server: one order for all members, no loss, one notice per departure."""

    contract: Contract = CHAT
    now: int = 1_000 * MS
    recorder: Recorder = field(default_factory=Recorder)
    present: list[int] = field(default_factory=list)
    sequences: dict[int, int] = field(default_factory=dict)

    def tick(self) -> int:
        self.now += MS
        return self.now

    def join(self, name: str | None = None, room: int = 0) -> int:
        """Add a member. It has joined as soon as it receives its own message."""
        number = len(self.recorder.members)
        self.recorder.members.append(Member(number, name or str(number + 1), connected_ns=self.tick(), room=room))
        self.present.append(number)
        self.publish(number)
        return number

    def publish(self, publisher: int, outcome: Outcome = Outcome.OK) -> int:
        sequence = self.sequences.get(publisher, 0)
        self.sequences[publisher] = sequence + 1
        sent = self.tick()
        self.recorder.published(publisher, sequence, sent, sent, outcome=outcome)
        if self.contract.replies:
            self.receive(publisher, publisher, sequence, Kind.REPLY)
        for member in self.members_in_room_of(publisher):
            own = member == publisher
            if self.contract.audience is Audience.EVERYONE or own is (self.contract.audience is Audience.PUBLISHER):
                self.receive(member, publisher, sequence)
        return sequence

    def receive(self, member: int, publisher: int, sequence: int, kind: Kind = Kind.DELIVERY) -> None:
        received = self.tick()
        self.recorder.received(member, publisher, sequence, received, received, kind)
        self.change(member, in_ns=self.recorder.members[member].in_ns or received)

    def leave(self, member: int, departure: Departure = Departure.CLOSED) -> None:
        self.change(member, left_ns=self.tick(), departure=departure)
        self.present.remove(member)
        for recipient in self.members_in_room_of(member) if self.contract.leaves else []:
            self.recorder.notices.append(
                PresenceNotice(recipient, self.recorder.members[member].name, True, self.tick())
            )

    def members_in_room_of(self, member: int) -> list[int]:
        """Return the members that are present in this member's room."""
        members = self.recorder.members
        return [present for present in self.present if members[present].room == members[member].room]

    def stall(self, member: int) -> None:
        """Stop a member from reading, while the server continues without it."""
        self.change(member, stalled=True)
        self.present.remove(member)

    def change(self, member: int, **changes: object) -> None:
        self.recorder.members[member] = replace(self.recorder.members[member], **changes)  # type: ignore[arg-type]

    def history(self) -> History:
        self.recorder.drained_ns = self.tick()
        return self.recorder.freeze()


def a_room(members: int = 3, messages: int = 4, contract: Contract = CHAT) -> Room:
    """Return a room whose members have all joined and have published in turn."""
    room = Room(contract)
    for _ in range(members):
        room.join()
    for turn in range(messages):
        room.publish(turn % members)
    return room


def two_rooms(contract: Contract = CHAT) -> Room:
    """Return four members, two in each room, each of which has published."""
    room = Room(contract)
    for number in range(4):
        room.join(room=number % 2)
    for number in range(4):
        room.publish(number)
    return room


def a_room_with_a_late_joiner(
    history_from: int, live_from: int, *, until: int = 8, refused: tuple[int, ...] = ()
) -> Room:
    """Let member 0 publish eight messages to member 1. Then member 2 receives a history and the live messages.

    The history holds messages `history_from` to 3, and the live messages begin with `live_from`. No member receives
    the messages in `refused`.
    """
    room = a_room(2, 0, QUIET_CHAT)
    before = room.sequences[0]
    for number in range(until):
        sent = room.tick()
        room.recorder.published(0, before + number, sent, sent)
        for member in () if number in refused else (0, 1):
            room.receive(member, 0, before + number)
    room.sequences[0] = before + until
    room.recorder.members.append(Member(2, "3", connected_ns=room.tick()))
    for number in (*range(history_from, 4), *range(live_from, until)):
        if number not in refused:
            room.receive(2, 0, before + number)
    return room


def without_receipt(history: History, row: int) -> History:
    """Return the history without the receipt in this row."""
    keep = [at for at in range(len(history.receipts)) if at != row]
    return _with_receipts(history, keep)


def with_duplicated_receipt(history: History, row: int) -> History:
    """Return the history with the receipt in this row duplicated."""
    return _with_receipts(history, [*range(len(history.receipts)), row])


def with_receipts_swapped(history: History, first: int, second: int) -> History:
    """Return the history with two receipts in swapped order."""
    rows = list(range(len(history.receipts)))
    rows[first], rows[second] = rows[second], rows[first]
    return _with_receipts(history, rows)


def with_value(history: History, row: int, column: str, value: int) -> History:
    """Return the history with another value in one cell of the receipts."""
    changed = getattr(history.receipts, column).copy()
    changed[row] = value
    return replace(history, receipts=replace(history.receipts, **{column: changed}))


def _with_receipts(history: History, rows: list[int]) -> History:
    receipts = history.receipts
    columns = {name: getattr(receipts, name)[rows] for name in vars(receipts)}
    return replace(history, receipts=type(receipts)(**columns))


@dataclass
class FeedRoom:
    """A feed and its viewers. `value` counts ticks, so each object differs from all others."""

    period_ms: float = 1_000
    now: int = 1_000 * MS
    recorder: Recorder = field(default_factory=Recorder)
    present: list[int] = field(default_factory=list)
    value: int = 0

    def join(self) -> int:
        number = len(self.recorder.members)
        self.recorder.members.append(Member(number, str(number), connected_ns=self.now))
        self.present.append(number)
        return number

    def join_with_snapshot(self, value: dict[str, object] | None = None, *, after_ms: int = 0) -> int:
        """Add a viewer that gets a snapshot at once: `value`, or the latest object by default."""
        self.now += after_ms * MS
        number = self.join()
        self.receive(number, self.now + 1, value or {"load": self.value})
        self.now -= after_ms * MS  # The later ticks keep their times.
        return number

    def ticks(self, count: int, wobble_ms: tuple[int, ...] = (0,)) -> None:
        for index in range(count):
            self.now += int(self.period_ms * MS)
            self.value = (self.value + 1) % 100
            for place, member in enumerate(self.present):
                at = self.now + wobble_ms[index % len(wobble_ms)] * MS + place
                self.receive(member, at, {"load": self.value})

    def receive(self, member: int, at: int, value: dict[str, object] | None) -> None:
        self.recorder.ticks.append(Tick(member, at, value))
        member_entry = self.recorder.members[member]
        self.recorder.members[member] = replace(member_entry, in_ns=member_entry.in_ns or at)

    def history(self, silence_ms: float = 100) -> History:
        self.recorder.drained_ns = self.now + int(silence_ms * MS)
        return self.recorder.freeze()
