"""The channel probe "shutdown": asks our server to end while clients are connected, and starts it again."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from wsproof.checks.shutdown import judge_shutdown
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.delivery_property import is_spoken
from wsproof.delivery.member import PoolMember
from wsproof.delivery.runner import ScheduleRunner
from wsproof.delivery.schedule import Action, Step, fitted
from wsproof.errors import TargetError
from wsproof.model.contract import Audience
from wsproof.model.disturbance import SeenEnd, ShutdownRecord
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import Kind
from wsproof.model.nanoseconds import NS
from wsproof.model.suite import Figure, SuiteOptions
from wsproof.net.clock import now_ns

EXIT_S = 10.0
"""Seconds that a server may take to end. Docker kills it then; Kubernetes waits for 30."""
MEMBERS = 4
"""Number of members that are connected. The last one does not read."""
LAST_MESSAGES = 3
"""Number of messages that are published right before the end."""


def _run(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
    """End the server with SIGTERM, judge what its members saw, and let members of the same names join the next one."""
    first = runner.first
    record = _shut_down(runner, options)
    runner.server.restart()
    runner.first = first
    again = _after_restart(runner, options)
    measured = (Figure("time to end", record.exit_s, "s"),) if record.exit_s is not None else ()
    return ProbeOutcome((*judge_shutdown(record, runner.workload.contract), *again), MEMBERS, measured)


def _shut_down(runner: ScheduleRunner, options: SuiteOptions) -> ShutdownRecord:
    crowd = ClientPool(runner.pool_settings(options.deadline_s))
    try:
        for _ in range(MEMBERS):
            _join(crowd)
        crowd.settle()
        silent = crowd.people[-1]
        silent.stalled = True
        silent.outstanding.clear()
        silent.client.stop_reading()
        accepted = _publish(crowd)
        began_ns = now_ns()
        runner.server.ask_to_end()
        reading = [person for person in crowd.people if person is not silent]
        crowd.wait(lambda: all(person.closed for person in reading), EXIT_S)
        left_s = EXIT_S - (now_ns() - began_ns) / NS
        has_exited = runner.server.wait_exit(max(0.1, left_s))
        exit_s = (now_ns() - began_ns) / NS if has_exited else None
        return ShutdownRecord(tuple(_seen_end(crowd, p, accepted) for p in crowd.people), exit_s, EXIT_S)
    finally:
        for person in crowd.people:
            person.client.abort()
            person.closed = True


def _join(crowd: ClientPool) -> None:
    person = crowd.join()
    if person.can_speak:
        crowd.speak(person, "here")
        crowd.wait(lambda: bool(person.in_ns) or not person.here, crowd.setting.deadline_s / 2)


def _publish(crowd: ClientPool) -> list[tuple[int, int]]:
    """Publish a few messages, and return those that their sender received back."""
    sender = crowd.people[0]
    keys = [(sender.number, sender.sequence + number) for number in range(LAST_MESSAGES)]
    for number in range(LAST_MESSAGES):
        if sender.can_speak:
            crowd.speak(sender, f"before the end {number}")

    def returned() -> list[tuple[int, int]]:
        return [key for key in keys if key in crowd.said and _has_heard(crowd, sender, key)]

    crowd.wait(lambda: len(returned()) == len(keys), crowd.setting.deadline_s / 2)
    return returned()


def _has_heard(crowd: ClientPool, person: PoolMember, key: tuple[int, int]) -> bool:
    heard = crowd.said[key].heard_by
    return (person.number, Kind.DELIVERY) in heard or (person.number, Kind.REPLY) in heard


def _seen_end(crowd: ClientPool, person: PoolMember, accepted: list[tuple[int, int]]) -> SeenEnd:
    is_expected = crowd.contract.audience is Audience.EVERYONE or person.number == 0
    missed = sum(not _has_heard(crowd, person, key) for key in accepted) if is_expected and person.in_ns else 0
    reads = not person.stalled
    return SeenEnd(person.name, reads, person.closed, person.close_code, missed if reads else 0)


def _after_restart(runner: ScheduleRunner, options: SuiteOptions) -> list[Finding]:
    """Let members of the same names join the new process. What they find is told as an effect of the restart."""
    steps = (
        *(Step(Action.JOIN, number) for number in range(3)),
        *(Step(Action.SAY, n, "back again") for n in range(3)),
    )
    with contextlib.suppress(TargetError):
        findings = runner.judge(fitted(steps, runner.workload), options.deadline_s).findings
        return [
            replace(finding, explanation=f"After the server was restarted: {finding.explanation}")
            for finding in findings
            if finding.level is Level.VIOLATION and finding.anomaly is not Anomaly.PROTOCOL
        ]
    return []


SHUTDOWN = ChannelProbe(
    "shutdown",
    "A server that is asked to end tells every client so by a close frame, loses nothing that it accepted, and ends.",
    is_spoken,
    _run,
    at_end=True,
    owned_only=True,
)
"""The probe. It runs once, on the first channel where members publish."""
