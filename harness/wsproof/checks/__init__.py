"""Checks on histories: pure functions from (history, contract) to findings, all listed in CHECKS.

To add a check, write a function in the module that fits, with the promise as its docstring, and list it here.
"""

from __future__ import annotations

from dataclasses import replace

from wsproof.checks.access import unauthorized_access
from wsproof.checks.behind import behind
from wsproof.checks.check import Check, channel_finding, check
from wsproof.checks.delivery import corrupt, disconnected, duplicated, lost, misrouted, nothing_received, phantom
from wsproof.checks.describe import shortened
from wsproof.checks.feed import feed_stopped, leaked_producer, out_of_range, wrong_period
from wsproof.checks.gap import gap
from wsproof.checks.isolation import stalled_by_other_member
from wsproof.checks.order import reordered
from wsproof.checks.presence import duplicate_leave, false_leave, message_after_leave, misrouted_leave, missing_leave
from wsproof.checks.protocol import protocol
from wsproof.checks.refused import join_failed, publish_refused
from wsproof.checks.resumed import missed_while_away, repeated_after_return
from wsproof.checks.same_name import early_user_leave
from wsproof.checks.shared_feed import missing_object, own_producer
from wsproof.checks.split_audience import split_audience
from wsproof.checks.total_order import agreed_order
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import Departure, History

CHECKS: tuple[Check, ...] = (
    check("nothing-received", nothing_received),
    check("split-audience", split_audience),
    check("lost", lost),
    check("gap", gap),
    check("missed-while-away", missed_while_away),
    check("repeated-after-return", repeated_after_return),
    check("behind", behind),
    check("disconnected", disconnected),
    check("duplicated", duplicated),
    check("phantom", phantom),
    check("misrouted", misrouted),
    check("unauthorized-access", unauthorized_access),
    check("corrupt", corrupt),
    check("reordered", reordered),
    check("total-order", agreed_order),
    check("missing-leave", missing_leave),
    check("duplicate-leave", duplicate_leave),
    check("false-leave", false_leave),
    check("misrouted-leave", misrouted_leave),
    check("message-after-leave", message_after_leave),
    check("early-user-leave", early_user_leave),
    check("stalled-by-other-member", stalled_by_other_member),
    check("out-of-range", out_of_range),
    check("wrong-period", wrong_period),
    check("leaked-producer", leaked_producer),
    check("own-producer", own_producer),
    check("missing-object", missing_object),
    check("feed-stopped", feed_stopped),
    check("join-failed", join_failed),
    check("publish-refused", publish_refused),
    check("protocol", protocol),
)
"""Every check, in the order of reports."""
PROMISES = {each.name: each.promise for each in CHECKS}
"""The promise that each check tests, by the name of the check."""


def run_checks(history: History, contract: Contract) -> list[Finding]:
    """Return all findings of all checks. The result is UNKNOWN for a check that crashes, and for an empty history."""
    nothing = _nothing_received(history, contract)
    if nothing is not None:
        return [
            *(_guarded(check("join-failed", join_failed), history, contract) or [nothing]),
            *_guarded(check("publish-refused", publish_refused), history, contract),
            *_guarded(check("protocol", protocol), history, contract),
        ]
    return [finding for each in CHECKS for finding in _guarded(each, history, contract)]


def _guarded(each: Check, history: History, contract: Contract) -> list[Finding]:
    """The findings of one check; an UNKNOWN finding if the check crashes."""
    try:
        findings = each.run(history, contract)
    except Exception as fault:  # noqa: BLE001 - a crash in a check must never read as "valid"
        explanation = f"The check {each.name} crashed, so nothing is known: {type(fault).__name__}: {fault}"
        return [_unknown(each.name, contract, explanation)]
    if each.name == "protocol":
        return findings  # these findings already name the rule of the RFC
    return [replace(finding, check=each.name, source=each.promise) for finding in findings]


def _nothing_received(history: History, contract: Contract) -> Finding | None:
    """The UNKNOWN finding of a history without any message; None if a message was received."""
    if len(history.receipts) or history.ticks or history.notices or history.unexpected:
        return None
    opened = [m for m in history.members if m.departure is not Departure.REFUSED]
    received = "Nothing was received"
    if history.ignored:
        received = (
            f"Nothing but {history.ignored} message(s) was received that the workload reads as IGNORED, "
            f"for example {shortened(history.ignored_text)}"
        )
    explanation = (
        f"{received}, so nothing is known: {len(opened)} of {len(history.members)} connections opened, "
        f"{len(history.publications)} messages were published."
    )
    return _unknown("received", contract, explanation)


def _unknown(name: str, contract: Contract, explanation: str) -> Finding:
    return Finding(name, contract.channel, Anomaly.UNKNOWN, Level.INFORMATIONAL, explanation)


__all__ = ["CHECKS", "PROMISES", "Check", "channel_finding", "check", "run_checks"]
