"""Judges what standing members received: a member that only listens receives everything meant for it, and no more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from wsproof.checks.check import channel_finding
from wsproof.checks.delivery import GOOD_REASONS, corrupt, duplicated, lost, misrouted
from wsproof.checks.describe import shortened
from wsproof.checks.feed import out_of_range
from wsproof.checks.feed_over_time import feed_over_time
from wsproof.checks.order import reordered
from wsproof.checks.shared_feed import missing_object
from wsproof.checks.standing_history import GRACE_NS, history_of, known_keys, viewers_history
from wsproof.checks.subscription_end import responsive_until_ns, subscription_end, subscription_ended
from wsproof.model.contract import Audience, Contract
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import History
from wsproof.model.standing import StandingRecord, StandingRole, StandingSession

INTERNAL_ERROR = 1011
"""Close code of a server that failed (RFC 6455 7.4.1)."""
FEWEST_UNHEARD = 5
"""Fewest publications that a member must have missed before "it receives nothing" is reported."""


def judge_standing(record: StandingRecord, contract: Contract) -> list[Finding]:
    """All findings about the standing members of one channel, each kind once."""
    return [
        *_worst_of_each(record, contract),
        *missing_objects(record, contract),
        *subscription_ended(record, contract),
        *received_nothing(record, contract),
        *leaked_from_elsewhere(record, contract),
        *false_leaves(record, contract),
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
    worst: dict[tuple[str, Anomaly], Finding] = {}
    for session in record.sessions:
        if session.refusal:
            continue
        history = history_of(_served_part(session, record, contract), record)
        of_the_feed: _Check = partial(feed_over_time, floods=record.disturbed)
        for name, check in (*_OF_A_SESSION, ("wrong-period", of_the_feed)):
            for finding in check(history, contract):
                key = (name, finding.anomaly)
                introduced = _introduced(session, finding)
                before = worst.get(key)
                worst[key] = (
                    replace(introduced, check=name)
                    if before is None
                    else replace(before, occurrences=before.occurrences + introduced.occurrences)
                )
    return list(worst.values())


def _served_part(session: StandingSession, record: StandingRecord, contract: Contract) -> StandingSession:
    """The session until its subscription ended, or until the first ping that the member did not answer.

    `subscription_ended` reports the losses after that.
    """
    session = replace(session, until_ns=responsive_until_ns(session))
    end = subscription_end(session, record, contract)
    return session if end is None else replace(session, until_ns=end.last_ns)


def _introduced(session: StandingSession, finding: Finding) -> Finding:
    """The finding with a first sentence about the standing member that saw it."""
    introduction = f"Member 0 {session.role} for {session.seconds:.1f} s."
    return replace(finding, explanation=f"{introduction} {finding.explanation}")


def missing_objects(record: StandingRecord, contract: Contract) -> list[Finding]:
    """Each viewer of a feed receives every object that other viewers receive meanwhile.

    Objects of a time in which the server is busy with the suite do not count: it may be late for one viewer only.
    """
    sessions = [_served_part(session, record, contract) for session in record.sessions if not session.refusal]
    findings = missing_object(viewers_history(sessions), contract, floods=record.disturbed)
    return [replace(finding, check="missing-object") for finding in findings]


def received_nothing(record: StandingRecord, contract: Contract) -> list[Finding]:
    """A member that only listens receives messages. Some servers subscribe a member only once it has published."""
    if contract.audience not in (Audience.EVERYONE, Audience.OTHERS):
        return []
    for session in record.sessions:
        missed = [
            publication
            for schedule in record.schedules
            for publication in (schedule.publications if schedule.is_judged else ())
            if session.must_receive(publication)
        ]
        if session.refusal or session.received or session.was_cut_off or len(missed) < FEWEST_UNHEARD:
            continue
        return [
            replace(
                channel_finding(
                    Anomaly.NOTHING_RECEIVED,
                    contract,
                    f"A member that {session.role} for {session.seconds:.1f} s received none of the {len(missed)} "
                    "messages that others published and received meanwhile. Members that had published received them.",
                    (),
                    level=Level.INFORMATIONAL,
                ),
                check="nothing-received",
            )
        ]
    return []


def leaked_from_elsewhere(record: StandingRecord, contract: Contract) -> list[Finding]:
    """A publication on one channel is not received on another."""
    own = known_keys(record)
    for session in record.sessions:
        for message in session.received:
            if message.key in record.elsewhere and message.key not in own:
                explanation = (
                    f"A member that {session.role} received a message that was published on the channel "
                    f"{record.elsewhere[message.key]}, and not on {contract.channel}."
                )
                return [replace(channel_finding(Anomaly.MISROUTED, contract, explanation, ()), check="misrouted")]
    return []


def false_leaves(record: StandingRecord, contract: Contract) -> list[Finding]:
    """The server never says that a member has left while it is still connected."""
    sessions = defaultdict(list)
    for session in record.sessions:
        sessions[session.name].append(session)
    for witness in record.sessions:
        for name, at_ns in witness.leave_notices:
            if any(
                session.connected_ns < at_ns < session.until_ns and not session.was_cut_off
                for session in sessions.get(name, ())
            ) and not any(begin <= at_ns < end + GRACE_NS for begin, end in record.unjudged):
                explanation = (
                    f"A member that {witness.role} was told that {shortened(name, 40)} had left, although it "
                    "stayed connected and read everything."
                )
                return [replace(channel_finding(Anomaly.PHANTOM, contract, explanation, ()), check="false-leave")]
    return []


def cut_off(record: StandingRecord, contract: Contract) -> list[Finding]:
    """Return how long the server keeps a member that sends nothing.

    A server may disconnect it, unless the contract promises to keep it.
    """
    cut = [
        session for session in record.sessions if session.was_cut_off and session.role is not StandingRole.UNRESPONSIVE
    ]
    if not cut:
        return []
    first = min(cut, key=lambda session: session.seconds)
    often = f", {len(cut)} times in all" if len(cut) > 1 else ""
    explanation = (
        f"A member that {first.role} was disconnected {first.seconds:.1f} s after it had connected, "
        f"{_how(first)}{often}."
    )
    level = _level_of_cut(first, contract)
    contract_note = (
        f" The contract promises to keep it for {contract.keeps_idle_s:g} s."
        if level is Level.VIOLATION
        else " No contract forbids that: clients must be ready to connect again."
    )
    finding = channel_finding(
        Anomaly.DISCONNECTED, contract, explanation + contract_note, (), level=level, occurrences=len(cut)
    )
    return [replace(finding, check="disconnected")]


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
    sessions = [session for session in record.sessions if session.role is StandingRole.IDLE and not session.refusal]
    if not sessions:
        return ""
    longest = max(sessions, key=lambda session: session.seconds)
    count = len(longest.pings_ns)
    many = f"{count} ping{'s' if count > 1 else ''}" if count else "no ping"
    clause = f"the server sent {many} in {longest.seconds:.0f} s"
    cut = [
        session
        for session in record.sessions
        if session.role is StandingRole.UNRESPONSIVE and session.was_cut_off and session.pings_ns
    ]
    if not cut or longest.was_cut_off:
        return clause
    return f"{clause}, and disconnected members that answered none after {cut[0].seconds:.0f} s, {_how(cut[0])}"


def has_evidence(record: StandingRecord, contract: Contract) -> bool:
    """Whether standing members were connected while messages were sent that they should or should not receive."""
    stayed = [session for session in record.sessions if not session.refusal]
    if contract.feed is not None:
        return any(session.ticks for session in stayed)
    has_publications = any(schedule.publications for schedule in record.schedules)
    is_audience = contract.audience in (Audience.EVERYONE, Audience.OTHERS)
    return bool(stayed) and has_publications and (not is_audience or any(session.received for session in stayed))
