"""Checks leave notices: the server announces each departure once, and after it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from wsproof.checks.check import channel_finding
from wsproof.checks.describe import Describer, shortened
from wsproof.checks.same_name import namesakes, shared_names
from wsproof.model.contract import Contract
from wsproof.model.expected import Flags, rows_of_pairs, stayed_through
from wsproof.model.finding import Anomaly, Finding
from wsproof.model.history import Departure, History, Kind, Member, PresenceNotice
from wsproof.model.partition import rows_where, slices


@dataclass(frozen=True)
class _NoticeCount:
    """The leave notices about one name that one member received, and the departures they may be about."""

    witness: Member
    name: str
    notices: tuple[PresenceNotice, ...]
    due: tuple[Member, ...]
    """Departures while the witness was connected, of members that were in the room: a notice is expected for each."""
    possible: tuple[Member, ...]
    """Every departure under that name of which the witness may receive a notice."""


def missing_leave(history: History, contract: Contract) -> list[Finding]:
    """When a member leaves, in any way, the server tells all remaining members."""
    silent = [t for t in _notice_counts(history, contract) if len(t.notices) < len(t.due)]
    if not silent:
        return []
    describer, first = Describer(history), silent[0]
    gone = first.due[0]
    return [
        channel_finding(
            Anomaly.MISSING_LEAVE,
            contract,
            f"{describer.who(first.witness.number)} was never told that {describer.who(gone.number)} had left"
            f"{f', by {gone.left_by}' if gone.left_by else ''}"
            f"{f' ({len(silent)} such notices are missing in all)' if len(silent) > 1 else ''}.",
            [
                describer.arrival(first.witness.number),
                *(describer.arrival(member.number) for member in first.due),
                f"        notices about {shortened(first.name, 40)}: "
                f"{len(first.due)} expected, {len(first.notices)} received",
            ],
            occurrences=len(silent),
        )
    ]


def duplicate_leave(history: History, contract: Contract) -> list[Finding]:
    """The server tells each member of a departure once."""
    often = [
        t
        for t in _notice_counts(history, contract)
        if len(t.notices) > len(t.possible) > 0 and not _false_notice(history, t)
    ]
    if not often:
        return []
    describer, first = Describer(history), often[0]
    return [
        channel_finding(
            Anomaly.DUPLICATE_LEAVE,
            contract,
            f"{describer.who(first.witness.number)} was told {len(first.notices)} times that "
            f"{shortened(first.name, 40)} had left, after {len(first.possible)} departure(s).",
            [
                *(describer.arrival(m.number) for m in first.possible),
                *(_line(describer, notice) for notice in first.notices),
            ],
            occurrences=len(often),
        )
    ]


def false_leave(history: History, contract: Contract) -> list[Finding]:
    """The server never says that a member has left while it is still connected."""
    wrong = [
        (t, notice) for t in _notice_counts(history, contract) if (notice := _false_notice(history, t)) is not None
    ]
    if not wrong:
        return []
    describer, (first, notice) = Describer(history), wrong[0]
    named = [m for m in history.members if m.name == first.name]
    return [
        channel_finding(
            Anomaly.PHANTOM,
            contract,
            f"{describer.who(first.witness.number)} was told that {shortened(first.name, 40)} had left, and "
            f"{'it had not' if named else 'nobody of that name had ever joined'}.",
            [*(describer.arrival(m.number) for m in named), _line(describer, notice)],
            occurrences=len(wrong),
        )
    ]


def misrouted_leave(history: History, contract: Contract) -> list[Finding]:
    """The server tells of a departure only in the room of the member that left."""
    rooms = {member.name: member.room for member in history.members}
    if not contract.leaves or not any(rooms.values()):
        return []
    leaked = [n for n in history.notices if n.left and _is_elsewhere(history.members[n.subscriber], n.about, rooms)]
    if not leaked:
        return []
    describer, first = Describer(history), leaked[0]
    return [
        channel_finding(
            Anomaly.MISROUTED,
            contract,
            f"{describer.who(first.subscriber)}, in room {history.members[first.subscriber].room}, was told that "
            f"{shortened(first.about, 40)} had left, which was in room {rooms[first.about]}"
            f"{f' ({len(leaked)} such notices in all)' if len(leaked) > 1 else ''}.",
            [describer.arrival(first.subscriber), _line(describer, first)],
            occurrences=len(leaked),
        )
    ]


def _is_elsewhere(witness: Member, about: str, rooms: Mapping[str, int]) -> bool:
    """Whether a name belongs to a member of another room."""
    return rooms.get(about, witness.room) != witness.room


def message_after_leave(history: History, contract: Contract) -> list[Finding]:
    """No message of a member arrives after the notice that it has left."""
    if not contract.leaves:
        return []
    connections: dict[str, list[int]] = defaultdict(list)
    for member in history.members:
        if member.departure is not Departure.REFUSED:
            connections[member.name].append(member.connected_ns)
    gone_for: dict[tuple[int, str], PresenceNotice] = {}
    received: dict[tuple[int, str], int] = defaultdict(int)
    for notice in history.notices:
        if not notice.left:
            continue
        received[notice.subscriber, notice.about] += 1
        before = sum(connected < notice.received_ns for connected in connections[notice.about])
        if received[notice.subscriber, notice.about] == before:
            gone_for[notice.subscriber, notice.about] = notice
    named: dict[str, list[Member]] = defaultdict(list)
    for member in history.members:
        if member.left_ns and member.departure is not Departure.REFUSED:
            named[member.name].append(member)
    gone = {
        (notice.subscriber, member.number): notice
        for notice in gone_for.values()
        for member in named[notice.about]
        if max(member.connected_ns, member.left_ns) < notice.received_ns
    }
    row = _received_afterwards(history, gone)
    if row is None:
        return []
    describer, number = Describer(history), int(history.receipts.publisher[row])
    notice = gone[int(history.receipts.subscriber[row]), number]
    return [
        channel_finding(
            Anomaly.MESSAGE_AFTER_LEAVE,
            contract,
            f"{describer.who(notice.subscriber)} was told that {describer.who(number)} had left, and after "
            "that received a message of it.",
            [describer.arrival(number), _line(describer, notice), describer.receipt(row)],
        )
    ]


def _received_afterwards(history: History, gone: Mapping[tuple[int, int], PresenceNotice]) -> int | None:
    """The row of a delivery whose publisher had left, according to a notice that its subscriber had received.

    None if there is none. Of several, the one with the first publisher.
    """
    if not gone:
        return None
    receipts = history.receipts
    readers, publishers = np.array([*gone], np.int64).T
    notice_ns = np.array([notice.received_ns for notice in gone.values()], np.int64)

    def late(part: slice) -> Flags:
        at = rows_of_pairs(readers, publishers, receipts.subscriber[part], receipts.publisher[part])
        is_late: Flags = (
            (at >= 0) & (receipts.kind[part] == Kind.DELIVERY) & (receipts.received_ns[part] > notice_ns[at])
        )
        return is_late

    rows = rows_where(receipts, late)
    return int(rows[np.argmin(receipts.publisher[rows])]) if len(rows) else None


def _notice_counts(history: History, contract: Contract) -> list[_NoticeCount]:
    """The notices per witness and name, for witnesses that stayed and did not misbehave."""
    if not contract.leaves:
        return []
    notices: dict[tuple[int, str], list[PresenceNotice]] = defaultdict(list)
    rooms = {member.name: member.room for member in history.members}
    for notice in history.notices:
        if notice.left and not _is_elsewhere(history.members[notice.subscriber], notice.about, rooms):
            notices[notice.subscriber, notice.about].append(notice)
    named: dict[int, set[str]] = defaultdict(set)
    for number, name in notices:
        named[number].add(name)
    last_receipts = _last_receipts(history)
    gone: dict[str, list[Member]] = defaultdict(list)
    for member in history.members:
        # The server may have disconnected a member that stalled or misbehaved, without the member seeing it.
        went = member.departure not in (Departure.STAYED, Departure.REFUSED) or not member.is_well_behaved
        if went and not _after_the_drain(member, history):
            gone[member.name].append(member)
    connected_until = {member.number: _certainly_connected_until(member, last_receipts) for member in history.members}
    shared = shared_names(history)
    followed = {m.number for name in gone.keys() & shared for m in gone[name] if _has_another(m, history)}
    counts = []
    for witness in history.members:
        if not (witness.in_ns and witness.is_well_behaved and stayed_through(witness, history)):
            continue
        for name in sorted(gone.keys() | named[witness.number]):
            possible = tuple(m for m in gone[name] if m.number != witness.number and m.room == witness.room)
            due = tuple(
                m
                for m in possible
                if m.in_ns and witness.in_ns <= connected_until[m.number] and m.number not in followed
            )
            counts.append(_NoticeCount(witness, name, tuple(notices[witness.number, name]), due, possible))
    return counts


def _has_another(member: Member, history: History) -> bool:
    """Whether another connection of the name was open when this one ended: then the user may still be connected."""
    return any(not other.left_ns or other.left_ns > member.left_ns for other in namesakes(member, history))


def _false_notice(history: History, count: _NoticeCount) -> PresenceNotice | None:
    """A notice that came before any departure it could be about."""
    # We record our own departures beforehand, but notice a drop by the server only afterwards: its time is unknown.
    is_late = (m.departure is Departure.DROPPED or not m.is_well_behaved for m in count.possible)
    left = sorted(0 if late else m.left_ns for late, m in zip(is_late, count.possible, strict=True))
    connected = [m for m in history.members if m.name == count.name and not m.left_ns and m.is_well_behaved]
    for at, notice in enumerate(count.notices):
        if at < len(left) and notice.received_ns < left[at]:
            return notice
        if at >= len(left) and (not left or any(m.connected_ns < notice.received_ns for m in connected)):
            return notice
    return None


def _last_receipts(history: History) -> list[int]:
    """Time of each member's last receipt; 0 if there is none.

    All 0 if no member was dropped, because the times are not needed then.
    """
    receipts = history.receipts
    last = np.zeros(len(history.members), np.int64)
    dropped = any(member.departure is Departure.DROPPED for member in history.members)
    for part in slices(0, len(receipts) if dropped else 0):
        np.maximum.at(last, receipts.subscriber[part], receipts.received_ns[part])
    return last.tolist()


def _certainly_connected_until(member: Member, last_receipts: list[int]) -> int:
    """The last time at which the member was certainly connected.

    We notice late that the server has dropped a member, perhaps after others have joined.
    """
    if member.departure is Departure.DROPPED:
        return last_receipts[member.number] or member.in_ns
    return member.left_ns


def _after_the_drain(member: Member, history: History) -> bool:
    """Whether the member left after the drain."""
    return 0 < history.drained_ns <= member.left_ns


def _line(describer: Describer, notice: PresenceNotice) -> str:
    return (
        f"{describer.when(notice.received_ns)}  {describer.who(notice.subscriber)} is told that "
        f"{shortened(notice.about, 40)} has left"
    )
