"""The channel probe "shutdown": asks our server to end while clients are connected, and starts it again.

The clients come back with back-off. Where the contract promises missed messages, one of them was away before.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from wsproof.checks.comeback import judge_comeback
from wsproof.checks.shutdown import judge_shutdown
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.comeback import Comeback, restart_beside
from wsproof.delivery.delivery_property import is_spoken
from wsproof.delivery.departures import DEPARTURES
from wsproof.delivery.member import PoolMember
from wsproof.delivery.runner import ScheduleRunner
from wsproof.delivery.schedule import Action, Step, fitted
from wsproof.delivery.standing_presence import StandingPresence
from wsproof.errors import TargetError
from wsproof.model.comeback import ComebackRecord
from wsproof.model.contract import Audience, Resume
from wsproof.model.disturbance import SeenEnd, ShutdownRecord
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import Kind
from wsproof.model.nanoseconds import NS
from wsproof.model.suite import Figure, SuiteOptions
from wsproof.net.clock import now_ns

EXIT_S = 10.0
"""Seconds that a server may take to end. Docker kills it after 10 s, Kubernetes after 30 s."""
MEMBERS = 4
"""Number of members that are connected. The last one does not read."""
AWAY = 1
"""The member that leaves before the last messages, if the contract promises them to members that come back."""
POLITELY = "a close frame with code 1000"
"""How it leaves: one of `DEPARTURES`."""
LAST_MESSAGES = 3
"""Number of messages that are published right before the end."""


def _run(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
    """End the server with SIGTERM, judge what its members saw, and let them come back to the next process."""
    contract, pool = runner.workload.contract, ClientPool(runner.pool_settings(options.deadline_s))
    try:
        record, accepted = _shut_down(runner, pool)
        back = _come_back(runner, pool, accepted)
    finally:
        pool.disconnect_all()
        runner.first = pool.next_first
    again = _after_restart(runner, options)
    findings = (
        *judge_shutdown(record, contract),
        *(judge_comeback(back, contract) if back is not None else ()),
        *again,
    )
    return ProbeOutcome(findings, MEMBERS, _figures(record, back))


def _figures(record: ShutdownRecord, back: ComebackRecord | None) -> tuple[Figure, ...]:
    figures = [("time to end", record.exit_s), ("time to serve all again", back.served_s if back is not None else None)]
    return tuple(Figure(name, seconds, "s") for name, seconds in figures if seconds is not None)


def _shut_down(runner: ScheduleRunner, pool: ClientPool) -> tuple[ShutdownRecord, list[tuple[int, int]]]:
    """End the server. The second value has the messages that it had accepted before."""
    try:
        for _ in range(MEMBERS):
            _join(pool)
        pool.settle()
        if runner.workload.contract.resume is not Resume.NONE:
            DEPARTURES[POLITELY](pool, pool.members[AWAY])
            pool.settle()
        silent = pool.members[-1]
        silent.stalled = True
        silent.outstanding.clear()
        silent.client.stop_reading()
        accepted = _publish(pool)
        began_ns = now_ns()
        runner.server.ask_to_end()
        reading = [member for member in pool.members if member is not silent and not member.closed]
        pool.wait(lambda: all(member.closed for member in reading), EXIT_S)
        left_s = EXIT_S - (now_ns() - began_ns) / NS
        has_exited = runner.server.wait_exit(max(0.1, left_s))
        exit_s = (now_ns() - began_ns) / NS if has_exited else None
        connected = [*reading, silent]
        return ShutdownRecord(tuple(_seen_end(pool, p, accepted) for p in connected), exit_s, EXIT_S), accepted
    finally:
        for member in pool.members:
            member.client.abort()
            member.closed = True


def _come_back(runner: ScheduleRunner, pool: ClientPool, accepted: list[tuple[int, int]]) -> ComebackRecord | None:
    """Start the server again while the members connect again.

    None if it listens at another port now, or if members must be prepared: the new process need not know their logins.
    """
    members, before = list(pool.members), runner.server.endpoint
    if runner.workload.has_prepare:
        runner.server.restart()
        return None
    comeback = Comeback(pool, members)
    restart_beside(comeback, runner.server.restart)
    if runner.server.endpoint.port != before.port:
        return None
    if pool.contract.resume is Resume.NONE or not comeback.members[AWAY].in_ns:
        return comeback.record()
    returned = comeback.members[AWAY]
    pool.wait(lambda: all(_has_heard(pool, returned, key) for key in accepted), pool.setting.deadline_s)
    gone = [key for key in accepted if not _has_heard(pool, returned, key)]
    return comeback.record(tuple(f"message {sequence} of {pool.members[number].name}" for number, sequence in gone))


def _join(pool: ClientPool) -> None:
    member = pool.join()
    if member.can_send:
        pool.publish(member, "here")
        pool.wait(lambda: bool(member.in_ns) or not member.is_connected, pool.setting.deadline_s / 2)


def _publish(pool: ClientPool) -> list[tuple[int, int]]:
    """Publish a few messages, and return those that their sender received back."""
    sender = pool.members[0]
    keys = [(sender.number, sender.sequence + number) for number in range(LAST_MESSAGES)]
    for number in range(LAST_MESSAGES):
        if sender.can_send:
            pool.publish(sender, f"before the end {number}")

    def returned() -> list[tuple[int, int]]:
        return [key for key in keys if key in pool.sent and _has_heard(pool, sender, key)]

    pool.wait(lambda: len(returned()) == len(keys), pool.setting.deadline_s / 2)
    return returned()


def _has_heard(pool: ClientPool, member: PoolMember, key: tuple[int, int]) -> bool:
    heard = pool.sent[key].heard_by
    return (member.number, Kind.DELIVERY) in heard or (member.number, Kind.REPLY) in heard


def _seen_end(pool: ClientPool, member: PoolMember, accepted: list[tuple[int, int]]) -> SeenEnd:
    is_expected = pool.contract.audience is Audience.EVERYONE or member.number == 0
    missed = sum(not _has_heard(pool, member, key) for key in accepted) if is_expected and member.in_ns else 0
    reads = not member.stalled
    return SeenEnd(member.name, reads, member.closed, member.close_code, missed if reads else 0)


def _after_restart(runner: ScheduleRunner, options: SuiteOptions) -> list[Finding]:
    """Let new members join the new process. Their findings are reported as effects of the restart."""
    steps = (
        *(Step(Action.JOIN, number) for number in range(3)),
        *(Step(Action.SAY, n, "back again") for n in range(3)),
    )
    with contextlib.suppress(TargetError):
        findings = runner.run_and_check(fitted(steps, runner.workload), options.deadline_s).findings
        return [
            replace(finding, explanation=f"After the server was restarted: {finding.explanation}")
            for finding in findings
            if finding.level is Level.VIOLATION and finding.anomaly is not Anomaly.PROTOCOL
        ]
    return []


SHUTDOWN = ChannelProbe(
    "shutdown",
    "On SIGTERM the server sends every client a close frame, loses no message that it accepted, and ends.",
    is_spoken,
    _run,
    standing=StandingPresence.AWAY,
    at_end=True,
    owned_only=True,
)
"""The probe. It runs once, on the first channel where members publish."""
