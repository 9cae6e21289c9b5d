"""Checks that one member's misbehaviour does not harm bystanders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from wsproof.checks.behind import is_late
from wsproof.checks.check import channel_finding
from wsproof.checks.delivery import disconnected, is_disturbed, lost, silent_after
from wsproof.checks.describe import DEPARTURES, Describer
from wsproof.checks.feed import feed_stopped
from wsproof.checks.refused import join_failed
from wsproof.model.contract import Contract
from wsproof.model.expected import expected_deliveries
from wsproof.model.finding import Anomaly, Finding
from wsproof.model.history import SILENCE, Departure, History, Kind, Member


def stalled_by_other_member(history: History, contract: Contract) -> list[Finding]:
    """A member that stops reading, breaks the protocol or is reset does not affect the others."""
    if not is_disturbed(history):
        return []
    describer = Describer(history)
    cut = [m for m in history.members if m.is_well_behaved and m.departure is Departure.DROPPED]
    refused = _refused(history)
    silent, rows = _silenced(history, contract)
    if not cut and not len(silent) and not refused:
        return []
    misbehaving = [m for m in history.members if not m.is_well_behaved]
    witness = [describer.arrival(m.number) for m in misbehaving[:3]]
    harm = []
    if len(silent):
        first, row = int(silent[0]), int(rows[0])
        publication = describer.what(int(history.publications.publisher[row]), int(history.publications.sequence[row]))
        number = len(set(silent.tolist()))
        harm.append(
            f"{number} other member(s) received nothing any more: {describer.who(first)} never received {publication}"
        )
        witness += [
            describer.arrival(first),
            describer.publication(row),
            f"        {describer.who(first)} never receives it",
        ]
    if refused:
        first = refused[0].number
        harm.append(f"{len(refused)} other member(s) could not join: the server {refused[0].join_fault}")
        witness.append(describer.arrival(first))
    if cut:
        harm.append(
            f"{len(cut)} other member(s) were disconnected by the server: {describer.who(cut[0].number)}, for example"
        )
        witness.append(describer.arrival(cut[0].number))
    return [
        channel_finding(
            Anomaly.STALLED_BY_OTHER_MEMBER,
            contract,
            f"After {_misbehaviour(describer, misbehaving)}, {'; and '.join(harm)}.",
            list(dict.fromkeys(witness)),
            occurrences=len(silent) + len(cut) + len(refused),
        )
    ]


def _refused(history: History) -> list[Member]:
    """The members that could not join after a silent client had connected, although one had joined before it."""
    silent_ns = [m.connected_ns for m in history.members if m.misbehaviour == SILENCE and m.connected_ns]
    first_in_ns = min((m.in_ns for m in history.members if m.in_ns), default=0)
    if not silent_ns or not 0 < first_in_ns < min(silent_ns):
        return []
    return [m for m in history.members if m.is_well_behaved and m.join_fault]


def without_cause(history: History, contract: Contract) -> Finding | None:
    """The bystanders' losses, without a cause.

    Used if nothing proves that another member's misbehaviour caused them.
    """
    plain = (
        ("lost", lost(history, contract, excused=False)),
        ("disconnected", disconnected(history, contract, excused=False)),
        ("feed-stopped", feed_stopped(history, contract, names_cause=False)),
        ("join-failed", join_failed(history, contract)),
    )
    return next((replace(finding, check=name) for name, findings in plain for finding in findings), None)


def _silenced(history: History, contract: Contract) -> tuple[np.ndarray, np.ndarray]:
    """Missing pairs (member, publication row) where the member received nothing later either, oldest first."""
    members, rows = [], []
    for kind in (Kind.DELIVERY, Kind.REPLY):
        due = expected_deliveries(history, contract, kind)
        mine = silent_after(history, kind, due.missing_member, due.missing_row)
        mine &= ~is_late(history, contract, kind, due.missing_member, due.missing_row)
        members.append(due.missing_member[mine])
        rows.append(due.missing_row[mine])
    member, row = np.concatenate(members), np.concatenate(rows)
    order = np.argsort(history.publications.sent_ns[row], kind="stable")
    return member[order], row[order]


def _misbehaviour(describer: Describer, misbehaving: list[Member]) -> str:
    """The actions of the misbehaving members, as a phrase."""
    words = []
    for member in misbehaving[:2]:
        action = f"sent {member.misbehaviour}" if member.misbehaviour else "stopped reading"
        departure = "" if member.departure is Departure.STAYED else f" and {DEPARTURES[member.departure]}"
        words.append(f"{describer.who(member.number)} {action}{departure}")
    return ", ".join(words)
