"""A control run for members that were cut off: one member that only listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.execute import ScheduleExecution
from wsproof.delivery.pool_settings import PoolSettings
from wsproof.errors import TargetError
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import Departure, Member
from wsproof.model.nanoseconds import NS

LONGEST_S = 12.0
"""Longest control run in seconds. Members of a schedule are seldom silent for longer."""
SHORTEST_S = 0.5
"""Shortest silence in seconds that is plausible as a rule of the server."""
MARGIN, MARGIN_S = 0.25, 0.3
"""Largest difference between the control run and the silence before a member was cut off: share, and seconds."""


@dataclass
class ListeningControl:
    """The time for which the server lets a silent member listen. Measured once per channel, when it is needed."""

    measure: Callable[[float], float | None]
    """Lets a member listen for this many seconds. Returns the seconds until the server cut it off, or None."""
    limit_s: float | None = None
    listened_s: float = 0.0

    def explained(self, findings: list[Finding], execution: ScheduleExecution) -> list[Finding]:
        """The findings. A disconnection that the control run shows as well is no violation.

        Raises:
            BudgetSpent: the run's time is over.
        """
        cut = [finding for finding in findings if finding.check == "disconnected" and finding.level.counts]
        silence_s = _silence_s(execution)
        if not cut or not SHORTEST_S <= silence_s <= LONGEST_S:
            return findings
        longest_s = min(silence_s * (1 + MARGIN) + MARGIN_S, LONGEST_S)
        if self.limit_s is None and self.listened_s < longest_s:
            self.limit_s, self.listened_s = self.measure(longest_s), longest_s
        if self.limit_s is None or abs(self.limit_s - silence_s) > max(MARGIN * silence_s, MARGIN_S):
            return findings
        note = (
            f" In a control run a member that only listened was cut off too, after {self.limit_s:.3g} s: the server "
            "ends connections that stay silent or do not answer it. That breaks no promise of the channel. Let the "
            "workload answer messages (`answer`) or send heartbeats (`timers`)."
        )
        return [
            replace(finding, anomaly=Anomaly.UNKNOWN, level=Level.INFORMATIONAL, explanation=finding.explanation + note)
            if finding in cut
            else finding
            for finding in findings
        ]


def listen(setting: PoolSettings, listen_s: float) -> float | None:
    """Let one member join, publish once and listen.

    Returns the seconds until the server ended its connection, or None if it did not.

    Raises:
        BudgetSpent: the run's time is over.
    """
    pool = ClientPool(setting)
    try:
        member = pool.join()
        if not member.can_send:
            return None
        if setting.workload.publishes:
            pool.publish(member, "a member that listens")
        pool.wait(lambda: not member.is_connected, listen_s)
        return _silent_s(member.to_member(), _sent(pool, member.number)) if not member.is_connected else None
    except TargetError:
        return None
    finally:
        pool.disconnect_all()


def _sent(pool: ClientPool, number: int) -> int:
    return max((publication.sent_ns for publication in pool.sent if publication.publisher == number), default=0)


def _silence_s(execution: ScheduleExecution) -> float:
    """The longest silence after which a member of the schedule was cut off; 0 if none was."""
    sent = execution.history.publications
    cut = [m for m in execution.history.members if m.departure is Departure.DROPPED and m.is_well_behaved]
    lasts = {m.number: int(sent.sent_ns[sent.publisher == m.number].max(initial=0)) for m in cut}
    return max((_silent_s(member, lasts[member.number]) for member in cut), default=0.0)


def _silent_s(member: Member, last_sent_ns: int) -> float:
    """Seconds from the last message that a member sent until its connection ended."""
    return (member.left_ns - max(member.connected_ns, last_sent_ns)) / NS
