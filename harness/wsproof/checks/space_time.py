"""The events of a finding: who sent the messages that it is about, who received them, and who did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np

from wsproof.checks.describe import Describer
from wsproof.model.expected import Ints, publication_rows
from wsproof.model.finding_event import EventKind, FindingEvent
from wsproof.model.history import History, Kind

Key: TypeAlias = tuple[int, int]
"""A publication, as (publisher, sequence)."""
SHOWN_RECEIPTS = 2
"""Receipts of one message by one member that are shown."""


def events_of(
    history: History,
    keys: Sequence[Key],
    members: Sequence[int],
    *,
    kind: Kind = Kind.DELIVERY,
    missing: Iterable[tuple[int, Key]] = (),
) -> tuple[FindingEvent, ...]:
    """The events of these publications at their publishers, at `members`, and at one more member that received them.

    `missing` are the members that never received one of them. The events are in order of time.
    """
    keys = list(dict.fromkeys(keys))
    receipts = _receipts(history, keys, kind)
    receivers = [int(number) for number in history.receipts.subscriber[receipts].tolist()]
    known = [*members, *(publisher for publisher, _ in keys if 0 <= publisher < len(history.members))]
    another = next((number for number in receivers if number not in known), None)
    shown = set(known) | ({another} if another is not None else set())
    events = [*_sent(history, keys), *_received(history, receipts, shown), *_left(history, shown)]
    lacking = [(number, key) for number, key in missing if number in shown]
    end_ms = max((event.at_ms for event in events), default=0.0)
    if history.drained_ns:
        end_ms = max(end_ms, _at_ms(history, history.drained_ns))
    events += [FindingEvent(end_ms, _who(history, number), EventKind.MISSING, _what(key)) for number, key in lacking]
    return tuple(sorted(events, key=lambda event: event.at_ms))


def _receipts(history: History, keys: Sequence[Key], kind: Kind) -> Ints:
    """The rows of all receipts of these publications, in order of time."""
    receipts = history.receipts
    is_one = np.zeros(len(receipts), dtype=bool)
    for publisher, sequence in keys:
        is_one |= (receipts.publisher == publisher) & (receipts.sequence == sequence)
    rows: Ints = np.flatnonzero(is_one & (receipts.kind == kind))
    return rows[np.argsort(receipts.received_ns[rows], kind="stable")]


def _sent(history: History, keys: Sequence[Key]) -> list[FindingEvent]:
    publishers, sequences = (np.array([key[at] for key in keys], np.int64) for at in (0, 1))
    rows = publication_rows(history.publications, publishers, sequences).tolist()
    return [
        FindingEvent(
            _at_ms(history, int(history.publications.sent_ns[row])), _who(history, key[0]), EventKind.SENT, _what(key)
        )
        for key, row in zip(keys, rows, strict=True)
        if row >= 0
    ]


def _received(history: History, rows: Ints, shown: set[int]) -> list[FindingEvent]:
    receipts, events = history.receipts, list[FindingEvent]()
    counts: Counter[tuple[int, Key]] = Counter()
    for row in rows.tolist():
        number, key = int(receipts.subscriber[row]), (int(receipts.publisher[row]), int(receipts.sequence[row]))
        counts[number, key] += 1
        if number in shown and counts[number, key] <= SHOWN_RECEIPTS:
            at_ms = _at_ms(history, int(receipts.received_ns[row]))
            events.append(FindingEvent(at_ms, _who(history, number), EventKind.RECEIVED, _what(key)))
    return events


def _left(history: History, shown: set[int]) -> list[FindingEvent]:
    members = (history.members[number] for number in shown)
    return [
        FindingEvent(_at_ms(history, member.left_ns), _who(history, member.number), EventKind.LEFT)
        for member in members
        if member.left_ns and (not history.drained_ns or member.left_ns < history.drained_ns)
    ]


def _at_ms(history: History, at_ns: int) -> float:
    return (at_ns - Describer(history).start_ns) / 1e6


def _who(history: History, number: int) -> str:
    return Describer(history).who(number)


def _what(key: Key) -> str:
    return f"message {key[1]} of member {key[0]}"
