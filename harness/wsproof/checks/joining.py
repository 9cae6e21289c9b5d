"""Reports members that the server accepted and that could not join the channel."""

from __future__ import annotations

from wsproof.checks.check import found
from wsproof.checks.describe import Describer
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import History


def join_failed(history: History, contract: Contract) -> list[Finding]:
    """Every member that is accepted can join: the server answers each step of the workload's join().

    A member that tries to join without the right credentials is rightly refused.
    """
    failed = [member for member in history.members if member.join_fault and not member.intrusion]
    if not failed:
        return []
    describer, first = Describer(history), failed[0]
    told = (
        f"{len(failed)} of {len(history.members)} members could not join: {describer.who(first.number)}, for "
        f"one, since the server {first.join_fault}. Nothing is known of what such members would have received."
    )
    return [
        found(
            Anomaly.UNKNOWN,
            contract,
            told,
            [describer.arrival(first.number)],
            level=Level.INFORMATIONAL,
            occurrences=len(failed),
        )
    ]
