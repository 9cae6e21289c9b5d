"""Checks that each publication reaches its whole audience once and unchanged, and nobody else."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from wsproof.checks.behind import is_late
from wsproof.checks.check import channel_finding
from wsproof.checks.departure_causes import cut_after_departure
from wsproof.checks.describe import Describer, shortened
from wsproof.checks.duplicates import cause_of_repeats, repeats
from wsproof.checks.loss_causes import cause_of_loss, joined_at_once_in_words, names_in_words
from wsproof.checks.same_name import namesakes, shared_names
from wsproof.checks.silence import time_limit
from wsproof.checks.space_time import events_of
from wsproof.checks.split_audience import delivery_groups, groups_in_words, split_audience
from wsproof.checks.text_changes import TextChange, text_change
from wsproof.model.contract import Audience, Contract
from wsproof.model.envelope import MARK
from wsproof.model.expected import Flags, Ints, expected_deliveries, publication_rows, stayed_through
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import Damage, Departure, History, Kind, Outcome, Part, UnexpectedMessage
from wsproof.model.partition import rows_where

FEWEST_LAST = 5
"""Fewest members without any message that prove a limit if they joined last: fewer may do so by chance."""
GOOD_REASONS = {1001: "going away", 1012: "service restart", 1013: "try again later"}
"""Close codes that do not blame the client (RFC 6455 7.4.1 and the IANA registry)."""


def lost(history: History, contract: Contract, *, excused: bool = True) -> list[Finding]:
    """Each publication reaches every member of its audience; each reply reaches its publisher."""
    # With `excused`, losses that a misbehaving member may have caused are left to stalled_by_other_member.
    findings = []
    for kind, noun in ((Kind.DELIVERY, ""), (Kind.REPLY, "the reply to ")):
        due = expected_deliveries(history, contract, kind)
        mine = np.ones(len(due.missing_row), dtype=bool)
        elsewhere = publication_rows(history.publications, *_keys_of(history, _misrouted_rows(history, contract)))
        mine &= ~np.isin(due.missing_row, elsewhere)
        if history.unexpected:
            mine &= ~_arrived_in_unknown_format(history, kind, due.missing_member, due.missing_row)
        mine &= ~is_late(history, contract, kind, due.missing_member, due.missing_row)
        if excused and is_disturbed(history):
            # Silence to the end may be caused by the member that stalled or misbehaved: not reported here.
            mine &= ~silent_after(history, kind, due.missing_member, due.missing_row)
        if not mine.any():
            continue
        members, rows = due.missing_member[mine], due.missing_row[mine]
        if kind is Kind.DELIVERY and split_audience(history, contract):
            continue  # that check reports it, with the groups
        first = int(np.argmin(history.publications.sent_ns[rows]))
        findings.append(_lost_finding(history, contract, kind, noun, members, rows, first))
    return findings


def _lost_finding(
    history: History, contract: Contract, kind: Kind, noun: str, members: Ints, rows: Ints, first: int
) -> Finding:
    describer, sent = Describer(history), history.publications
    member, row = int(members[first]), int(rows[first])
    publication = describer.what(int(sent.publisher[row]), int(sent.sequence[row]))
    others = f" ({len(rows)} such pairs in all)" if len(rows) > 1 else ""
    later = _later_receipt(history, kind, member, row)
    waited_s = (history.drained_ns - int(sent.sent_ns[row])) / 1e9
    if later is not None:
        proof = "it received a newer one of the same publisher"
    else:
        proof = f"it stayed, and {waited_s:.1f} s later it had not arrived" if waited_s > 0 else "it stayed to the end"
    key = (int(sent.publisher[row]), int(sent.sequence[row]))
    newer = [] if later is None else [(int(history.receipts.publisher[later]), int(history.receipts.sequence[later]))]
    groups = delivery_groups(history, members, rows) if kind is Kind.DELIVERY else []
    cause = groups_in_words(groups) or cause_of_loss(history, members, rows, contract.rate_limit)
    return channel_finding(
        Anomaly.LOST,
        contract,
        f"{describer.who(member)} never received {noun}{publication}, which the server had to send to it: "
        f"{proof}{others}.{cause}",
        [
            describer.arrival(member),
            describer.publication(row),
            *([describer.receipt(later)] if later is not None else []),
            f"        {describer.who(member)} never receives {noun}{publication}",
        ],
        occurrences=len(rows),
        events=events_of(history, [key, *newer], [member], kind=kind, missing=[(member, key)]),
    )


def _arrived_in_unknown_format(history: History, kind: Kind, members: Ints, rows: Ints) -> Flags:
    """For missing pairs (member, publication row): whether the message may have arrived in an unknown format.

    An unexpected message without an envelope may be the reply to any earlier publication. Each one excuses one
    publication.
    """
    found_keys = {
        (unexpected.subscriber, unexpected.publisher, unexpected.sequence) for unexpected in history.unexpected
    }
    nameless: dict[int, list[int]] = defaultdict(list)
    for unexpected in history.unexpected:
        if kind is Kind.REPLY and not unexpected.has_envelope:
            nameless[unexpected.subscriber].append(unexpected.received_ns)
    sent, excused = history.publications, np.zeros(len(rows), dtype=bool)
    for at in np.argsort(sent.sent_ns[rows], kind="stable").tolist():
        member, row = int(members[at]), int(rows[at])
        if (member, int(sent.publisher[row]), int(sent.sequence[row])) in found_keys:
            excused[at] = True
        elif fits := [each for each in nameless.get(member, ()) if each > sent.sent_ns[row]]:
            nameless[member].remove(fits[0])
            excused[at] = True
    return excused


def _later_receipt(history: History, kind: Kind, member: int, row: int) -> int | None:
    """A receipt of a newer message of the same publisher, which proves that this publication is lost."""
    sent, receipts = history.publications, history.receipts
    newer = (
        (receipts.subscriber == member)
        & (receipts.kind == kind)
        & (receipts.publisher == sent.publisher[row])
        & (receipts.sequence > sent.sequence[row])
    )
    return int(np.argmax(newer)) if newer.any() else None


def silent_after(history: History, kind: Kind, members: Ints, rows: Ints) -> NDArray[np.bool_]:
    """For missing pairs (member, publication row): whether the member also received nothing that was sent later."""
    sent, receipts = history.publications, history.receipts
    sent_rows = publication_rows(sent, receipts.publisher, receipts.sequence)
    useful = (sent_rows >= 0) & (receipts.kind == kind)
    newest = np.zeros(1 + max([m.number for m in history.members], default=0), np.int64)
    np.maximum.at(newest, receipts.subscriber[useful], sent.sent_ns[sent_rows[useful]])
    silent: NDArray[np.bool_] = newest[members] < sent.sent_ns[rows]
    return silent


def is_disturbed(history: History) -> bool:
    """Whether a member stopped reading or misbehaved on purpose. Others may then receive nothing because of it."""
    return any(not member.is_well_behaved for member in history.members)


def nothing_received(history: History, contract: Contract) -> list[Finding]:
    """Every member that stays connected receives at least one of the messages published meanwhile."""
    sent = history.publications
    accepted = (sent.sent_ns > 0) & (sent.outcome == Outcome.OK)
    unserved = []
    for member in history.members:
        if (
            member.in_ns
            or member.shape
            or not member.is_well_behaved
            or not member.connected_ns
            or not stayed_through(member, history)
        ):
            continue
        due = accepted & (sent.sent_ns > member.connected_ns)
        if contract.audience is Audience.PUBLISHER:
            due &= sent.publisher == member.number
        elif contract.audience is Audience.OTHERS:
            due &= sent.publisher != member.number
        due &= history.rooms_of(sent.publisher) == member.room
        if contract.audience is not Audience.NOBODY and due.any():
            unserved.append((member.number, int(np.argmax(due)), int(due.sum())))
    if not unserved:
        return []
    describer = Describer(history)
    number, row, missed = unserved[0]
    are_at_once = all(history.members[each].joined_at_once for each, _, _ in unserved)
    cause = joined_at_once_in_words(history) if are_at_once else ""
    cause = cause or _last_to_join(history, [each for each, _, _ in unserved])
    return [
        channel_finding(
            Anomaly.NOTHING_RECEIVED,
            contract,
            f"{len(unserved)} of {len(history.members)} members were accepted, stayed, and never received anything: "
            f"{describer.who(number)}, for example, although {missed} message(s) were published meanwhile."
            f"{cause}",
            [describer.arrival(number), describer.publication(row)],
            occurrences=len(unserved),
        )
    ]


def _last_to_join(history: History, unserved: list[int]) -> str:
    """A sentence on members that receive nothing if they are those that joined last; empty for others."""
    served = [member.connected_ns for member in history.members if member.in_ns]
    is_cut = served and min(history.members[number].connected_ns for number in unserved) > max(served)
    if not is_cut or len(unserved) < FEWEST_LAST:
        return ""
    return (
        f" They are the {len(unserved)} that joined last, after {len(served)} that were served. So the server seems to "
        "send to a limited number of members, such as one page of a list, and does not refuse the others."
    )


def disconnected(history: History, contract: Contract, *, excused: bool = True) -> list[Finding]:
    """The server never disconnects a member that keeps the protocol and reads."""
    cut = [
        m
        for m in history.members
        if m.departure is Departure.DROPPED
        and m.is_well_behaved
        and not (m.greeted_again_ns or m.join_fault or m.shape)
    ]
    # A server may allow one connection per name, and end the other.
    shared = shared_names(history)
    cut = [m for m in cut if m.name not in shared or not any(namesakes(m, history))]
    if not cut or (excused and is_disturbed(history)):
        return []
    describer = Describer(history)
    limit = time_limit(history, cut)
    if limit is not None:
        explanation = (
            f"The server ended {len(cut)} of {len(history.members)} connections by a rule of its own: "
            f"{limit.in_words(history)}. That breaks no promise of the channel, but nothing is known about the time "
            "after it. Let the workload answer (answer) or send heartbeats (timers)."
        )
        return [
            channel_finding(
                Anomaly.UNKNOWN,
                contract,
                explanation,
                [describer.arrival(cut[0].number)],
                level=Level.INFORMATIONAL,
                occurrences=len(cut),
            )
        ]
    worst = next((m for m in cut if m.close_code not in GOOD_REASONS), cut[0])
    reason = GOOD_REASONS.get(worst.close_code or 0)
    how = f"close code {worst.close_code}" if worst.close_code is not None else "no close frame"
    return [
        channel_finding(
            Anomaly.LOST,
            contract,
            f"The server ended {len(cut)} of {len(history.members)} connections of members that kept the rules: "
            f"{describer.who(worst.number)}, for example, with {how}{f' ({reason})' if reason else ''}."
            f"{names_in_words(history) or cut_after_departure(history, cut)}",
            [describer.arrival(worst.number)],
            level=Level.NON_STRICT if reason else Level.VIOLATION,
            occurrences=len(cut),
        )
    ]


def duplicated(history: History, contract: Contract) -> list[Finding]:
    """No member receives the same publication, or the reply to it, twice."""
    receipts = history.receipts
    before, again = _without_second_greeting(history, *repeats(receipts))
    if not len(again):
        return []
    describer = Describer(history)
    first = np.argmin(receipts.received_ns[again])
    earlier, later = int(before[first]), int(again[first])
    publication = describer.what(int(receipts.publisher[earlier]), int(receipts.sequence[earlier]))
    return [
        channel_finding(
            Anomaly.DUPLICATED,
            contract,
            f"{describer.who(int(receipts.subscriber[earlier]))} received {publication} more than once"
            f"{f' ({len(again)} receipts too many in all)' if len(again) > 1 else ''}."
            f"{cause_of_repeats(history, again)}",
            [describer.receipt(earlier), describer.receipt(later)],
            occurrences=len(again),
            events=events_of(
                history,
                [(int(receipts.publisher[earlier]), int(receipts.sequence[earlier]))],
                [int(receipts.subscriber[earlier])],
                kind=Kind(int(receipts.kind[earlier])),
            ),
        )
    ]


def _without_second_greeting(history: History, before: Ints, again: Ints) -> tuple[Ints, Ints]:
    """The repeats, except those that a member may receive because it sent its greeting again, such as a history."""
    since = np.array([member.greeted_again_ns for member in history.members], np.int64)
    if not since.any():
        return before, again
    receipts, sent = history.receipts, history.publications
    rows = publication_rows(sent, receipts.publisher[again], receipts.sequence[again])
    counts = (rows < 0) | (sent.sent_ns[rows] >= since[receipts.subscriber[again]])
    return before[counts], again[counts]


def phantom(history: History, contract: Contract) -> list[Finding]:
    """No member receives a message that no member published."""
    describer = Describer(history)
    unsent = _unsent_rows(history)
    unexpected = [
        unexpected
        for unexpected in history.unexpected
        if MARK.decode() not in unexpected.text and not history.members[unexpected.subscriber].misbehaviour
    ]
    occurrences = len(unsent) + len(unexpected)
    if not occurrences:
        return []
    if len(unsent):
        row, receipts = int(unsent[0]), history.receipts
        publication = describer.what(int(receipts.publisher[row]), int(receipts.sequence[row]))
        reader = describer.who(int(receipts.subscriber[row]))
        explanation = f"{reader} received {publication}, which no client of this run has sent"
        witness = f"{describer.receipt(row)}, which was never sent"
    else:
        explanation = (
            f"{describer.who(unexpected[0].subscriber)} received {shortened(unexpected[0].text)}, which no client of "
            f"this run published, and which is in no format of the channel {contract.channel}"
        )
        witness = describer.unexpected(unexpected[0])
    often = f" ({occurrences} such messages)" if occurrences > 1 else ""
    return [channel_finding(Anomaly.PHANTOM, contract, f"{explanation}{often}.", [witness], occurrences=occurrences)]


def _unsent_rows(history: History) -> Ints:
    """Receipts of messages that were never published."""
    sent, receipts = history.publications, history.receipts

    def is_unsent(part: slice) -> Flags:
        rows = publication_rows(sent, receipts.publisher[part], receipts.sequence[part])
        unknown: Flags = (rows < 0) & (receipts.intact[part] == 1)
        if len(sent):
            unknown |= (rows >= 0) & (sent.outcome[rows] == Outcome.FAILED)
        return unknown

    return rows_where(receipts, is_unsent)


def misrouted(history: History, contract: Contract) -> list[Finding]:
    """A publication reaches only its audience, and a reply reaches only its publisher."""
    wrong = _misrouted_rows(history, contract)
    if not len(wrong):
        return []
    receipts, describer, row = history.receipts, Describer(history), int(wrong[0])
    publication = describer.what(int(receipts.publisher[row]), int(receipts.sequence[row]))
    noun = "the reply to " if receipts.kind[row] == Kind.REPLY else ""
    audience = Audience.PUBLISHER if noun else contract.audience
    rooms = {
        number: history.members[number].room for number in (int(receipts.subscriber[row]), int(receipts.publisher[row]))
    }
    leaked = len(set(rooms.values())) > 1 and not noun
    meant = f"room {rooms[int(receipts.publisher[row])]}" if leaked else audience.value
    excluded = f" and not for room {rooms[int(receipts.subscriber[row])]}" if leaked else ""
    return [
        channel_finding(
            Anomaly.MISROUTED,
            contract,
            f"{describer.who(int(receipts.subscriber[row]))} received {noun}{publication}, which is meant for {meant} "
            f"only{excluded}{f' ({len(wrong)} such receipts in all)' if len(wrong) > 1 else ''}.",
            [describer.receipt(row)],
            occurrences=len(wrong),
            events=events_of(
                history,
                [(int(receipts.publisher[row]), int(receipts.sequence[row]))],
                [int(receipts.subscriber[row])],
                kind=Kind(int(receipts.kind[row])),
            ),
        )
    ]


def _keys_of(history: History, rows: Ints) -> tuple[Ints, Ints]:
    """The (publisher, sequence) keys of some receipts."""
    return history.receipts.publisher[rows], history.receipts.sequence[rows]


def _misrouted_rows(history: History, contract: Contract) -> Ints:
    """Receipts of a publication by a member outside its audience."""
    receipts = history.receipts
    rooms = any(member.room for member in history.members)

    def is_misrouted(part: slice) -> Flags:
        subscriber, publisher, kind = receipts.subscriber[part], receipts.publisher[part], receipts.kind[part]
        own = subscriber == publisher
        wrong: Flags = (kind == Kind.REPLY) & ~own
        if contract.audience is Audience.OTHERS:
            wrong |= (kind == Kind.DELIVERY) & own
        elif contract.audience is Audience.PUBLISHER:
            wrong |= (kind == Kind.DELIVERY) & ~own
        elif contract.audience is Audience.NOBODY:
            wrong |= kind == Kind.DELIVERY
        if rooms:
            elsewhere = history.rooms_of(subscriber) != history.rooms_of(publisher)
            wrong |= (kind == Kind.DELIVERY) & elsewhere
        wrong &= receipts.intact[part] == 1
        return wrong

    rows = rows_where(receipts, is_misrouted)
    return rows[publication_rows(history.publications, *_keys_of(history, rows)) >= 0]


def corrupt(history: History, contract: Contract) -> list[Finding]:
    """Every message arrives byte for byte as it was published.

    A server that strips white space or normalizes texts does so on purpose, and readers see the same text: that is
    non-strict, except in an echo, which promises the very bytes.
    """
    describer = Describer(history)
    damaged = np.flatnonzero(history.receipts.intact == 0)
    unexpected = [unexpected for unexpected in history.unexpected if MARK.decode() in unexpected.text]
    occurrences = len(damaged) + len(unexpected)
    if not occurrences:
        return []
    changed = ""
    if len(damaged):
        change = _text_change(_damage(history, int(damaged[0])))
        changed = change.in_words if change else ""
        explanation, witness = (
            _damage_in_words(history, int(damaged[0])),
            describer.receipt(int(damaged[0])) + ", damaged",
        )
    else:
        explanation, witness = (
            _unknown_format_in_words(history, contract, unexpected[0]),
            describer.unexpected(unexpected[0]),
        )
    often = f" ({occurrences} times)" if occurrences > 1 else ""
    explanation = f"{explanation}{often}.{changed}{names_in_words(history)}"
    is_harmless = contract.audience is not Audience.PUBLISHER and not unexpected and _keeps_meaning(history, damaged)
    level = Level.NON_STRICT if is_harmless else Level.VIOLATION
    return [channel_finding(Anomaly.CORRUPT, contract, explanation, [witness], level=level, occurrences=occurrences)]


def _keeps_meaning(history: History, damaged: Ints) -> bool:
    """Whether a usual change explains each damaged receipt, and readers see the same text in all of them."""
    changes = [_text_change(_damage(history, row)) for row in damaged.tolist()]
    return all(change is not None and change.keeps_meaning for change in changes)


def _damage_in_words(history: History, row: int) -> str:
    """Describe how a damaged receipt differs from its publication, with both values if they are known."""
    describer, receipts = Describer(history), history.receipts
    key = (int(receipts.publisher[row]), int(receipts.sequence[row]))
    received = f"{describer.who(int(receipts.subscriber[row]))} received {describer.what(*key)}"
    damage = _damage(history, row)
    if damage is None:
        return f"{received} changed: its checksum, or the server's own text in front of it, does not match"
    if damage.part is Part.SPEAKER:
        return (
            f"{received} under a wrong name: the server named {shortened(damage.got)} as its publisher, which is "
            f"{shortened(damage.expected)}"
        )
    if not damage.expected:
        return f"{received} with a changed text: its checksum does not match what arrived, {shortened(damage.got)}"
    place = f" from character {damage.at} on" if damage.at else ""
    return f"{received} with a changed text:{place} it was sent as {damage.expected!a} and arrived as {damage.got!a}"


def _damage(history: History, row: int) -> Damage | None:
    """The damage of the publication that this row received; None if it is not known."""
    key = (int(history.receipts.publisher[row]), int(history.receipts.sequence[row]))
    return next((damage for damage in history.damage if (damage.publisher, damage.sequence) == key), None)


def _text_change(damage: Damage | None) -> TextChange | None:
    """The usual change that explains this damage; None if none does, or if both texts are not known."""
    if damage is None or damage.part is not Part.TEXT or not damage.expected:
        return None
    return text_change(damage.expected, damage.got, damage.at)


def _unknown_format_in_words(history: History, contract: Contract, unexpected: UnexpectedMessage) -> str:
    """A message in an unknown format that contains a publication."""
    describer, text = Describer(history), shortened(unexpected.text)
    message = "a damaged message"
    if 0 <= unexpected.publisher < len(history.members):
        message = describer.what(unexpected.publisher, unexpected.sequence)
    return (
        f"{describer.who(unexpected.subscriber)} received {message} as {text}, which is in no format of "
        f"the channel {contract.channel}"
    )
