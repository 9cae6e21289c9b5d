"""Reports members that could not join, and publications that were not accepted. No message counts as lost for them."""

from __future__ import annotations

from wsproof.checks.check import channel_finding
from wsproof.checks.describe import Describer, shortened
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import History, Outcome

REASONS_SHOWN = 3
"""Number of different answers that the finding shows."""


def publish_refused(history: History, contract: Contract) -> list[Finding]:
    """The server accepts what is published from outside: requests (status 200 to 299), calls and commands."""
    if not history.refusals:
        return []
    describer, first = Describer(history), history.refusals[0]
    count = sum(refusal.count for refusal in history.refusals)
    reasons = "; ".join(
        f"{refusal.count} with {shortened(refusal.reason, 120)}" for refusal in history.refusals[:REASONS_SHOWN]
    )
    unsure = sum(refusal.count for refusal in history.refusals if refusal.outcome is Outcome.INFO)
    explanation = (
        f"{count} of {len(history.publications)} requests that should publish did not succeed: {reasons}. "
        "Nobody is expected to receive such a publication, so none of them counts as lost."
    )
    if unsure:
        explanation += f" It is unknown whether the server published {unsure} of them."
    publication = describer.what(first.publisher, first.sequence)
    return [
        channel_finding(
            Anomaly.REFUSED,
            contract,
            explanation,
            [
                f"        {describer.who(first.publisher)} publishes {publication} from outside: "
                f"{shortened(first.reason, 200)}"
            ],
            level=Level.INFORMATIONAL,
            occurrences=count,
        )
    ]


def join_failed(history: History, contract: Contract) -> list[Finding]:
    """Every member that is accepted can join: the server answers each step of the workload's join().

    The server is right to refuse a member without the right credentials.
    """
    failed = [member for member in history.members if member.join_fault and not member.intrusion]
    if not failed:
        return []
    describer, first = Describer(history), failed[0]
    explanation = (
        f"{len(failed)} of {len(history.members)} members could not join: {describer.who(first.number)}, for "
        f"example, because the server {first.join_fault}. It is unknown what such members would have received."
    )
    return [
        channel_finding(
            Anomaly.UNKNOWN,
            contract,
            explanation,
            [describer.arrival(first.number)],
            level=Level.INFORMATIONAL,
            occurrences=len(failed),
        )
    ]
