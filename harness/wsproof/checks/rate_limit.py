"""Checks that the server delivers all messages of a member that keeps its rate limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wsproof.checks.check import channel_finding
from wsproof.model.contract import Contract, RateLimit
from wsproof.model.finding import Anomaly, Finding, Level

CHECK = "rate-limit"
"""The name of the check, and of the probe that sends the bursts."""


@dataclass(frozen=True, slots=True)
class Burst:
    """A burst of as many publications as the limit allows, after a pause that is longer than the limit's time.

    `others` counts the member's other messages: answers and heartbeats, which a server may count, too.
    """

    sent: int
    served: int
    others: int = 0

    @property
    def is_short(self) -> bool:
        """Whether publications are missing, and the member's other messages do not explain that."""
        return self.served + self.others < self.sent


def judge_rate(bursts: Sequence[Burst], contract: Contract, *, is_ended: bool = False) -> list[Finding]:
    """The findings about bursts that were not delivered in full. A single such burst is an observation."""
    limit = contract.rate_limit
    short = [burst for burst in bursts if burst.is_short]
    if limit is None or not short:
        return []
    finding = channel_finding(
        Anomaly.LOST,
        contract,
        _explanation(bursts, short, limit, is_ended=is_ended),
        [_line(number, burst) for number, burst in enumerate(bursts, 1)],
        level=Level.VIOLATION if len(short) > 1 else Level.OBSERVATION,
        occurrences=len(short),
    )
    return [replace(finding, check=CHECK)]


def _explanation(bursts: Sequence[Burst], short: Sequence[Burst], limit: RateLimit, *, is_ended: bool) -> str:
    least, most = min(burst.served for burst in short), max(burst.served for burst in short)
    served = f"{least}" if least == most else f"{least} to {most}"
    ended = " The server then ended its connection." if is_ended else ""
    return (
        f"A member published {limit.messages} messages at once, and then paused for longer than {limit.window_s:g} s, "
        f"{len(bursts)} times. That is within the limit of the contract ({limit.in_words}), and in {len(short)} of "
        f"these bursts only {served} of {limit.messages} messages were delivered.{ended}"
    )


def _line(number: int, burst: Burst) -> str:
    others = f", and sent {burst.others} other message(s)" if burst.others else ""
    return f"burst {number}: {burst.served} of {burst.sent} delivered{others}"
