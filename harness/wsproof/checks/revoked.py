"""Checks that a member whose access was revoked is no longer served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wsproof.checks.check import channel_finding
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level

CHECK = "revoked-access"
"""The name of the check, and of the probe that makes the attempts."""


@dataclass(frozen=True, slots=True)
class RevocationAttempt:
    """One member whose access was revoked while it was connected.

    `ended_s` says when the server ended its connection; None if it did not. `has_received`: it received a message that
    another member published after the time that the contract allows. `could_publish`: another member received a
    message of it.
    """

    name: str
    ended_s: float | None
    close_code: int | None = None
    has_received: bool = False
    could_publish: bool = False

    @property
    def is_served(self) -> bool:
        """Whether the server still served the member."""
        return self.has_received or self.could_publish


def judge_revocation(attempts: Sequence[RevocationAttempt], contract: Contract) -> list[Finding]:
    """The findings about members that were still served.

    One attempt that a second one does not repeat is an observation.
    """
    served = [attempt for attempt in attempts if attempt.is_served]
    if not served:
        return []
    is_repeated = len(served) == len(attempts) > 1
    explanation = (
        f"{contract.revoked_within_s:g} s after its access was revoked, member {served[0].name} {_service(served[0])}. "
        "Its connection was open all the time: the server checks credentials only in the handshake. End the "
        "connections of a user whose access is revoked."
    )
    level = Level.VIOLATION if is_repeated else Level.OBSERVATION
    finding = channel_finding(
        Anomaly.MISROUTED,
        contract,
        explanation,
        [_line(attempt) for attempt in attempts],
        level=level,
        occurrences=len(served),
    )
    return [replace(finding, check=CHECK)]


def _service(attempt: RevocationAttempt) -> str:
    ways = ["still received messages of others"] if attempt.has_received else []
    if attempt.could_publish:
        ways.append("could still publish to others")
    return " and ".join(ways)


def _line(attempt: RevocationAttempt) -> str:
    if attempt.ended_s is not None:
        code = "without a close frame" if attempt.close_code is None else f"with close code {attempt.close_code}"
        return f"{attempt.name}: the server ended the connection after {attempt.ended_s:.1f} s, {code}"
    return f"{attempt.name}: {_service(attempt) or 'the connection stayed open, and carried nothing more'}"
