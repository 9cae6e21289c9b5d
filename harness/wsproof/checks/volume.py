"""Limits that a server may enforce under load: drop messages, disconnect slow members, refuse connections."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import numpy as np

from wsproof.checks.behind import is_late
from wsproof.checks.check import channel_finding
from wsproof.checks.delivery import GOOD_REASONS
from wsproof.checks.describe import shortened
from wsproof.model.contract import Contract
from wsproof.model.expected import Ints, expected_deliveries, reached_anybody
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import Departure, History, Kind, Member

INTERNAL_ERROR = 1011
"""Close code of a server that failed (RFC 6455 7.4.1)."""
UNANSWERED_PING = re.compile("ping timeout|keepalive", re.IGNORECASE)
"""The reason of a close frame with which a server ends a connection that has not answered its ping."""
USUAL_KEEPALIVE_NS = 10 * 10**9
"""Least usual time for a ping and the wait for its answer, in ns. A shorter one cuts off members of a busy server."""
FEWEST_ABOVE = 5
"""Fewest discarded messages that look like a limit on the rate."""
SHARE_ABOVE = 0.02
"""Least share of the messages. A fault that loses one message in hundreds discards less."""


def under_load(history: History, contract: Contract, findings: list[Finding]) -> list[Finding]:
    """The findings about a schedule with much traffic, in which limits are information and not faults."""
    limit = _rate_limit(history, contract) if any(finding.check == "lost" for finding in findings) else None
    kept = [limit] if limit is not None else []
    for finding in findings:
        if finding.check == "lost" and limit is not None:
            continue
        if finding.check == "phantom" and _is_only_unclassified(history, finding):
            kept.append(_unclassified(history, contract))
        elif finding.check != "disconnected" and finding.anomaly is not Anomaly.BEHIND:
            kept.append(finding)
    return [*kept, *_cut_off(history, contract), *_refused(history, contract)]


def _rate_limit(history: History, contract: Contract) -> Finding | None:
    """The finding that the server discarded messages for everybody; None if it did not.

    A message that only some members received is lost. A single one of hundreds that nobody received is lost as well.
    """
    sent = history.publications
    missing = np.concatenate([_lost_rows(history, contract, kind) for kind in (Kind.DELIVERY, Kind.REPLY)])
    if bool(np.any(reached_anybody(history)[missing])):
        return None
    discarded: Ints = np.unique(missing)
    if len(discarded) < max(FEWEST_ABOVE, SHARE_ABOVE * len(sent)):
        return None
    return _limit(
        contract,
        f"The server discarded {len(discarded)} of {len(sent)} messages for everybody, the publisher included: it "
        "seems to limit the rate, and does not tell the publishers.",
        occurrences=len(discarded),
    )


def _lost_rows(history: History, contract: Contract, kind: Kind) -> Ints:
    """The publication of each delivery that is missing and no longer on its way."""
    due = expected_deliveries(history, contract, kind)
    lost: Ints = due.missing_row[~is_late(history, contract, kind, due.missing_member, due.missing_row)]
    return lost


def _is_only_unclassified(history: History, finding: Finding) -> bool:
    """Whether a phantom finding is only about messages without an envelope, such as an error."""
    return bool(history.unexpected) and finding.occurrences <= sum(
        not message.has_envelope for message in history.unexpected
    )


def _unclassified(history: History, contract: Contract) -> Finding:
    first = next(unexpected for unexpected in history.unexpected if not unexpected.has_envelope)
    return _limit(
        contract,
        f"Under load the server sent {shortened(first.text)}, which is not a message of the channel: it may be a "
        "limit. If the channel may send it, let read() of the workload return IGNORED.",
        occurrences=len(history.unexpected),
    )


def _cut_off(history: History, contract: Contract) -> list[Finding]:
    """The finding about members that the server disconnected, once for each close code."""
    cut = [m for m in history.members if m.is_well_behaved and m.departure is Departure.DROPPED]
    codes = Counter(member.close_code for member in cut)
    return [_cut_with(code, [m for m in cut if m.close_code == code], history, contract) for code in codes]


def _cut_with(code: int | None, cut: list[Member], history: History, contract: Contract) -> Finding:
    reason = GOOD_REASONS.get(code or 0)
    how = f"close code {code}{f' ({reason})' if reason else ''}" if code is not None else "no close code"
    explanation = (
        f"Under {len(history.publications)} messages the server disconnected {len(cut)} of {len(history.members)} "
        f"members, with {how}"
    )
    if code == INTERNAL_ERROR and all(_is_slow_keepalive(member) for member in cut):
        return _limit(
            contract,
            f"{explanation}: it did not read the answers to its pings in time. The members answer pings at once, so "
            "the server, or its machine, was too slow for this load.",
            occurrences=len(cut),
        )
    if code == INTERNAL_ERROR:
        finding = channel_finding(Anomaly.LOST, contract, f"{explanation}: it failed.", (), occurrences=len(cut))
        return replace(finding, check="disconnected")
    if code is None and all(member.was_reset for member in cut):
        return _limit(
            contract,
            f"{explanation}: it reset TCP, and a close frame that it sent may be lost with the data that it had not "
            "read. It has a limit, or it was too slow for this load.",
            occurrences=len(cut),
        )
    if code is None:
        explanation = f"{explanation}. A limit that ends connections should say so with a close code."
        finding = channel_finding(
            Anomaly.DISCONNECTED, contract, explanation, (), level=Level.NON_STRICT, occurrences=len(cut)
        )
        return replace(finding, check="limit")
    return _limit(
        contract, f"{explanation}: a limit on slow consumers, on the rate or on members.", occurrences=len(cut)
    )


def _is_slow_keepalive(member: Member) -> bool:
    """Whether the server ended a connection for an unanswered ping, after a time that is usual for that."""
    lasted_ns = member.left_ns - member.connected_ns
    return lasted_ns >= USUAL_KEEPALIVE_NS and UNANSWERED_PING.search(member.close_reason) is not None


def _refused(history: History, contract: Contract) -> list[Finding]:
    refused = [m for m in history.members if m.departure is Departure.REFUSED]
    if not refused:
        return []
    taken = len(history.members) - len(refused)
    return [_limit(contract, f"The server accepted {taken} members at the same time and refused the next one.")]


def _limit(contract: Contract, explanation: str, *, occurrences: int = 1) -> Finding:
    finding = channel_finding(
        Anomaly.DISCONNECTED, contract, explanation, (), level=Level.INFORMATIONAL, occurrences=occurrences
    )
    return replace(finding, check="limit")
