"""The channel probe "pause": pauses the process of our server while members publish, and continues it."""

from __future__ import annotations

from dataclasses import replace

from wsproof.checks import run_checks
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.delivery_property import is_shared
from wsproof.delivery.runner import ScheduleRunner
from wsproof.delivery.standing_presence import StandingPresence
from wsproof.model.finding import Level
from wsproof.model.suite import SuiteOptions

PAUSE_S = 1.0
"""Seconds for which the process is paused: as long as a busy machine or a migrating virtual machine may pause it."""
MEMBERS = 3
"""Number of members that are connected."""
LOOKS_AT = ("lost", "disconnected", "duplicated", "nothing-received", "reordered")
"""The checks whose violations are reported."""


def _run(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
    with runner.pool(options.deadline_s) as pool:
        for _ in range(MEMBERS):
            member = pool.join()
            if member.can_send:
                pool.publish(member, "here")
                pool.wait(
                    lambda: pool.members[-1].in_ns > 0 or not pool.members[-1].is_connected, options.deadline_s / 2
                )
        pool.settle()
        with runner.server.paused():
            for member in pool.members:
                if member.can_send:
                    pool.publish(member, "while the server is stopped")
            pool.wait(lambda: False, PAUSE_S)
        pool.settle()
        for member in pool.members:
            if member.can_send:
                pool.publish(member, "when it goes on")
        pool.settle()
        pool.end_drain()
    findings = run_checks(pool.sent.history(), runner.workload.contract)
    opening = f"After the process of the server was stopped for {PAUSE_S:g} s (SIGSTOP) and went on (SIGCONT): "
    return ProbeOutcome(
        tuple(
            replace(finding, explanation=opening + finding.explanation)
            for finding in findings
            if finding.check in LOOKS_AT and finding.level is Level.VIOLATION
        ),
        MEMBERS,
    )


PAUSE = ChannelProbe(
    "pause",
    "A server that is paused and continued loses no message and disconnects no member.",
    is_shared,
    _run,
    standing=StandingPresence.AWAY,
    at_end=True,
    owned_only=True,
    needs=lambda workload: not workload.publishes_outside,  # a request to a stopped server waits for its answer
)
"""The probe. It runs once, on the first channel where members hear each other."""
