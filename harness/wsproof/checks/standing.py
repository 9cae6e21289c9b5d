"""Judges what standing members saw: who only listens gets all of it, and nothing else, to the last second."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from wsproof.checks.check import found
from wsproof.checks.delivery import GOOD_REASONS, corrupt, duplicated, lost, misrouted
from wsproof.checks.describe import shortened
from wsproof.checks.feed import out_of_range
from wsproof.checks.feed_over_time import feed_over_time
from wsproof.checks.order import reordered
from wsproof.checks.standing_history import history_of, known_keys
from wsproof.model.contract import Audience, Contract
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import History
from wsproof.model.standing import PoolPublication, StandingRecord, StandingRole, StandingSession

INTERNAL_ERROR = 1011
"""Close code of a server that failed (RFC 6455 7.4.1)."""
FEWEST_UNHEARD = 5
"""Fewest publications that a member must have missed before "it hears nothing" is told."""


def judge_standing(record: StandingRecord, contract: Contract) -> list[Finding]:
    """All findings about the standing members of one channel, each kind once."""
    return [
        *_worst_of_each(record, contract),
        *heard_nothing(record, contract),
        *leaked_from_elsewhere(record, contract),
        *said_to_have_left(record, contract),
        *cut_off(record, contract),
    ]


def _lost(history: History, contract: Contract) -> list[Finding]:
    return lost(history, contract, excused=False)


_Check: TypeAlias = Callable[[History, Contract], list[Finding]]

_OF_A_SESSION: tuple[tuple[str, _Check], ...] = (
    ("lost", _lost),
    ("duplicated", duplicated),
    ("misrouted", misrouted),
    ("corrupt", corrupt),
    ("reordered", reordered),
    ("out-of-range", out_of_range),
)
"""Anomalies that are checked per connection, each with the name of the check that reports it elsewhere."""


def _worst_of_each(record: StandingRecord, contract: Contract) -> list[Finding]:
    """The first finding of each check, with the occurrences of all sessions."""
    kept: dict[tuple[str, Anomaly], Finding] = {}
    for session in record.sessions:
        if session.refusal:
            continue
        history = history_of(session, record)
        of_the_feed: _Check = partial(feed_over_time, floods=record.floods)
        for name, check in (*_OF_A_SESSION, ("wrong-period", of_the_feed)):
            for finding in check(history, contract):
                key = (name, finding.anomaly)
                told = _introduced(session, finding)
                before = kept.get(key)
                kept[key] = (
                    replace(told, check=name)
                    if before is None
                    else replace(before, occurrences=before.occurrences + told.occurrences)
                )
    return list(kept.values())


def _introduced(session: StandingSession, finding: Finding) -> Finding:
    """The finding with a first sentence about the standing member that saw it."""
    introduction = f"Member 0 {session.role} for {session.seconds:.1f} s."
    return replace(finding, explanation=f"{introduction} {finding.explanation}")


def heard_nothing(record: StandingRecord, contract: Contract) -> list[Finding]:
    """A member that only listens receives messages. Some servers subscribe a member only once it has published."""
    if contract.audience not in (Audience.EVERYONE, Audience.OTHERS):
        return []
    for session in record.sessions:
        missed = [
            said
            for schedule in record.schedules
            for said in schedule.publications
            if said.was_heard and said.room == session.room and _is_in(session, said)
        ]
        if session.refusal or session.heard or session.was_cut_off or len(missed) < FEWEST_UNHEARD:
            continue
        return [
            replace(
                found(
                    Anomaly.NOTHING_RECEIVED,
                    contract,
                    f"A member that {session.role} for {session.seconds:.1f} s heard none of the {len(missed)} "
                    "messages that others said and heard meanwhile. Members that had said something heard them.",
                    (),
                    level=Level.INFORMATIONAL,
                ),
                check="nothing-received",
            )
        ]
    return []


def _is_in(session: StandingSession, said: PoolPublication) -> bool:
    """Whether the member had joined when this was said, and was still there."""
    return max(session.connected_ns, session.joined_ns) < said.sent_ns < session.until_ns


def leaked_from_elsewhere(record: StandingRecord, contract: Contract) -> list[Finding]:
    """What is said on one channel is not heard on another."""
    own = known_keys(record)
    for session in record.sessions:
        for one in session.heard:
            key = (one.publisher, one.sequence, one.intended_ns)
            if key in record.elsewhere and key not in own:
                told = (
                    f"A member that {session.role} received a message that was published on the channel "
                    f"{record.elsewhere[key]}, and not on {contract.channel}."
                )
                return [replace(found(Anomaly.MISROUTED, contract, told, ()), check="misrouted")]
    return []


def said_to_have_left(record: StandingRecord, contract: Contract) -> list[Finding]:
    """The server never says that a member has left while it is still connected."""
    here = defaultdict(list)
    for session in record.sessions:
        here[session.name].append(session)
    for witness in record.sessions:
        for name, at_ns in witness.told_gone:
            if any(one.connected_ns < at_ns < one.until_ns and not one.was_cut_off for one in here.get(name, ())):
                told = (
                    f"A member that {witness.role} was told that {shortened(name, 40)} had left, which stayed "
                    "connected and read everything."
                )
                return [replace(found(Anomaly.PHANTOM, contract, told, ()), check="false-leave")]
    return []


def cut_off(record: StandingRecord, contract: Contract) -> list[Finding]:
    """Return how long the server keeps a member that sends nothing.

    A server may disconnect it, unless the contract promises to keep it.
    """
    cut = [one for one in record.sessions if one.was_cut_off and one.role is not StandingRole.UNRESPONSIVE]
    if not cut:
        return []
    first = min(cut, key=lambda one: one.seconds)
    often = f", {len(cut)} times in all" if len(cut) > 1 else ""
    told = f"A member that {first.role} was cut off {first.seconds:.1f} s after it had connected, {_how(first)}{often}."
    level = _level_of_cut(first, contract)
    told_more = (
        f" The contract promises to keep it for {contract.keeps_idle_s:g} s."
        if level is Level.VIOLATION
        else " No contract forbids that: clients must be ready to connect again."
    )
    one = found(Anomaly.DISCONNECTED, contract, told + told_more, (), level=level, occurrences=len(cut))
    return [replace(one, check="disconnected")]


def _level_of_cut(session: StandingSession, contract: Contract) -> Level:
    keeps_s = contract.keeps_idle_s
    if keeps_s is not None and session.seconds < keeps_s:
        return Level.VIOLATION
    return Level.NON_STRICT if session.close_code == INTERNAL_ERROR else Level.INFORMATIONAL


def _how(session: StandingSession) -> str:
    if not session.closed:
        return "without a close frame"
    if session.close_code is None:
        return "by a close frame without a code"
    reason = GOOD_REASONS.get(session.close_code)
    return f"with close code {session.close_code}{f' ({reason})' if reason else ''}"


def pings_in_words(record: StandingRecord) -> str:
    """A clause on how often the server pings, and how it treats members that do not answer.

    Empty if no member stayed.
    """
    sessions = [one for one in record.sessions if one.role is StandingRole.IDLE and not one.refusal]
    if not sessions:
        return ""
    longest = max(sessions, key=lambda one: one.seconds)
    count = len(longest.pings_ns)
    many = f"{count} ping{'s' if count > 1 else ''}" if count else "no ping"
    told = f"the server sent {many} in {longest.seconds:.0f} s"
    cut = [one for one in record.sessions if one.role is StandingRole.UNRESPONSIVE and one.was_cut_off and one.pings_ns]
    if not cut or longest.was_cut_off:
        return told
    return f"{told}, and cut off who answered none after {cut[0].seconds:.0f} s, {_how(cut[0])}"


def has_evidence(record: StandingRecord, contract: Contract) -> bool:
    """Whether standing members were connected while something happened that they should or should not have heard."""
    stayed = [one for one in record.sessions if not one.refusal]
    if contract.feed is not None:
        return any(one.ticks for one in stayed)
    said = any(schedule.publications for schedule in record.schedules)
    hears = contract.audience in (Audience.EVERYONE, Audience.OTHERS)
    return bool(stayed) and said and (not hears or any(one.heard for one in stayed))
