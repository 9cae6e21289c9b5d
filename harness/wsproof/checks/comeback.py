"""Judges what members receive when they come back after a restart of their server."""

from __future__ import annotations

from wsproof.model.comeback import ComebackRecord
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level


def judge_comeback(record: ComebackRecord, contract: Contract) -> list[Finding]:
    """The findings about a restart: members that cannot come back, and acknowledged messages that are gone."""
    return [*_unserved(record, contract), *_forgotten(record, contract)]


def _unserved(record: ComebackRecord, contract: Contract) -> list[Finding]:
    """A member that is not served again, although a newcomer is: the server remembers its old connection.

    Without a served newcomer the new process may only be slow.
    """
    if not record.unserved or not record.is_newcomer_served:
        return []
    explanation = (
        f"The server was restarted, and {len(record.unserved)} of {record.members} members cannot come back: "
        f"{record.unserved[0]}, for example, was not served within {record.waited_s:.0f} s after the new process was "
        "ready, while a member of a new name was. So the new process remembers something of the old connections, "
        "such as a taken seat or a name in use, that ended with the old process."
    )
    witness = (
        f"{record.members} members are connected",
        "the server is asked to end (SIGTERM), and started again",
        f"the members connect again, with back-off, {record.attempts} times in all",
        f"a newcomer is served; {', '.join(record.unserved[:5])} still not",
    )
    return [
        Finding("restart-return", contract.channel, Anomaly.NOTHING_RECEIVED, Level.VIOLATION, explanation, witness)
    ]


def _forgotten(record: ComebackRecord, contract: Contract) -> list[Finding]:
    """Acknowledged messages that are gone. The contract does not say whether its history outlives a process."""
    if not record.forgotten:
        return []
    explanation = (
        f"A member came back after a restart of the server, and did not get {len(record.forgotten)} message(s) that "
        f"were published while it was away: {record.forgotten[0]}, for example. Their publisher had received them "
        f"before the restart, so the server had accepted them. The contract promises: {contract.resume.in_words}. The "
        "history seems to be kept in the memory of the process."
    )
    witness = (
        "a member leaves",
        *(f"{what} is published, and its publisher receives it" for what in record.forgotten[:5]),
        "the server is asked to end (SIGTERM), and started again",
        "the member comes back, and does not receive it",
    )
    return [
        Finding(
            "restart-loss",
            contract.channel,
            Anomaly.LOST,
            Level.NON_STRICT,
            explanation,
            witness,
            occurrences=len(record.forgotten),
        )
    ]
