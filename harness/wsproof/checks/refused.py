"""Reports publications from outside that were not accepted: requests, calls and commands. None of them is lost."""

from __future__ import annotations

from wsproof.checks.check import found
from wsproof.checks.describe import Describer, shortened
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import History, Outcome

REASONS_SHOWN = 3
"""Different answers that the finding shows."""


def publish_refused(history: History, contract: Contract) -> list[Finding]:
    """The server accepts what is published from outside: requests (status 200 to 299), calls and commands."""
    if not history.refusals:
        return []
    describer, first = Describer(history), history.refusals[0]
    count = sum(refusal.count for refusal in history.refusals)
    reasons = "; ".join(f"{one.count} with {shortened(one.reason, 120)}" for one in history.refusals[:REASONS_SHOWN])
    unsure = sum(one.count for one in history.refusals if one.outcome is Outcome.INFO)
    told = (
        f"{count} of {len(history.publications)} requests that should publish did not succeed: {reasons}. "
        "Nobody is expected to receive such a publication, so none of them counts as lost."
    )
    if unsure:
        told += f" Of {unsure} nobody can know whether the server published them."
    what = describer.what(first.publisher, first.sequence)
    return [
        found(
            Anomaly.REFUSED,
            contract,
            told,
            [f"        {describer.who(first.publisher)} publishes {what} from outside: {shortened(first.reason, 200)}"],
            level=Level.INFORMATIONAL,
            occurrences=count,
        )
    ]
