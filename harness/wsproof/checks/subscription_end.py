"""Finds members that the server stopped serving, although it kept their connections open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from wsproof.checks.check import channel_finding
from wsproof.checks.describe import shortened
from wsproof.checks.standing_history import GRACE_NS, settled_schedules
from wsproof.model.contract import Audience, Contract
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import Kind
from wsproof.model.standing import PoolPublication, StandingRecord, StandingRole, StandingSession

CHECK = "subscription-ended"
"""The name of the check."""
FEWEST_MISSED = 5
"""Fewest publications that a member must have missed before its subscription has ended, and not only lost some."""


@dataclass(frozen=True)
class SubscriptionEnd:
    """The end of a member's subscription: the last publication that it received, and those that it missed."""

    session: StandingSession
    last_ns: int
    """The time of the member's last receipt."""
    missed: tuple[PoolPublication, ...]
    """The publications after it that others received, in the order in which they were sent."""

    @property
    def notice(self) -> str:
        """The first message of its kind since then, if any: the server may have said why.

        A server may notice only at the first missed publication that the member may no longer receive it.
        """
        until_ns = self.missed[0].sent_ns + GRACE_NS
        times = ((at_ns, text) for text, at_ns in self.session.other_messages)
        return next((text for at_ns, text in sorted(times) if self.last_ns < at_ns <= until_ns), "")


def subscription_end(session: StandingSession, record: StandingRecord, contract: Contract) -> SubscriptionEnd | None:
    """The end of this member's subscription; None if it was served to the end, or was never served."""
    if contract.audience not in (Audience.EVERYONE, Audience.OTHERS) or session.refusal:
        return None
    receipts = [message for message in session.received if message.kind is Kind.DELIVERY]
    if not receipts:
        return None
    last_ns = max(message.received_ns for message in receipts)
    received = {message.key for message in receipts}
    expected = sorted(_expected(session, record), key=lambda publication: publication.sent_ns)
    places = [at for at, publication in enumerate(expected) if publication.key in received]
    missed = tuple(expected[places[-1] + 1 :] if places else expected)  # it may have received its own message only
    if len(missed) < FEWEST_MISSED or missed[0].sent_ns < last_ns:
        return None
    return SubscriptionEnd(session, last_ns, missed)


def _expected(session: StandingSession, record: StandingRecord) -> Iterator[PoolPublication]:
    """The publications that this member must have received: those of its room that others published and received."""
    for schedule in record.schedules[: settled_schedules(session, record.schedules)]:
        for publication in schedule.publications if schedule.is_judged else ():
            if session.must_receive(publication) and publication.key != session.own:
                yield publication


def subscription_ended(record: StandingRecord, contract: Contract) -> list[Finding]:
    """A member that only listens is served for as long as it is connected."""
    sessions = [replace(session, until_ns=responsive_until_ns(session)) for session in record.sessions]
    ends = [end for session in sessions if (end := subscription_end(session, record, contract)) is not None]
    if not ends:
        return []
    # An end without any message of the server comes first: such a message may be a notice that the workload ignores.
    end = min(ends, key=lambda each: (bool(each.notice), each.last_ns))
    finding = channel_finding(
        Anomaly.LOST,
        contract,
        _explanation(end),
        _witness(end),
        level=Level.INFORMATIONAL if end.notice else Level.VIOLATION,
        occurrences=sum(len(each.missed) for each in ends),
    )
    return [replace(finding, check=CHECK)]


def responsive_until_ns(session: StandingSession) -> int:
    """The end of the time in which the server must serve this member: the first ping that it does not answer."""
    if session.role is not StandingRole.UNRESPONSIVE or not session.pings_ns:
        return session.until_ns
    return min(session.until_ns, session.pings_ns[0])


def _seconds(session: StandingSession, at_ns: int) -> str:
    return f"{(at_ns - session.connected_ns) / 1e9:.1f} s"


def _explanation(end: SubscriptionEnd) -> str:
    session = end.session
    answered = "" if session.role is StandingRole.UNRESPONSIVE else _answered(len(session.pings_ns))
    explanation = (
        f"A member that {session.role} received messages until {_seconds(session, end.last_ns)} after it had "
        f"connected. Then it received none of the {len(end.missed)} messages that others published and received, "
        f"although it stayed connected until {_seconds(session, session.until_ns)}{answered}. So its subscription had "
        "ended before its connection did."
    )
    if end.notice:
        explanation += (
            f" At that time the server sent {shortened(end.notice, 80)}, which the workload does not know. If that "
            "says that the subscription ends, the server is right."
        )
    return explanation


def _answered(pings: int) -> str:
    return f" and answered the {pings} ping{'s' if pings > 1 else ''} of the server" if pings else ""


def _witness(end: SubscriptionEnd) -> tuple[str, ...]:
    session, first, last = end.session, end.missed[0], end.missed[-1]
    return (
        f"+{_seconds(session, end.last_ns)}  the member receives a message, its last one",
        f"+{_seconds(session, first.sent_ns)}  {first.name} publishes; other members receive it, this one does not",
        f"+{_seconds(session, last.sent_ns)}  {last.name} publishes the last of {len(end.missed)} such messages",
        f"+{_seconds(session, session.until_ns)}  the end of the time that is judged; its connection is open",
    )
