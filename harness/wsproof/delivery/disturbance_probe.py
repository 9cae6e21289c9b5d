"""The channel probe "recovery": runs a command that disturbs the server, and waits until all hear each other."""

from __future__ import annotations

import subprocess
from contextlib import suppress

from wsproof.checks.disturbance import judge_disturbance
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.delivery_property import is_shared
from wsproof.delivery.member import PoolMember
from wsproof.delivery.runner import ScheduleRunner
from wsproof.errors import TargetError
from wsproof.model.disturbance import DisturbanceRecord
from wsproof.model.nanoseconds import NS
from wsproof.model.suite import Figure, SuiteOptions
from wsproof.net.clock import Deadline, now_ns

COMMAND_S = 60.0
"""Seconds that the command may take."""
RECOVERS_S = 10.0
"""Seconds after the command in which all members must hear each other again."""
PAUSE_S = 0.25
"""Seconds between two messages, and between two attempts to connect, while members wait to be served again."""
MEMBERS = 3
"""Number of members that are connected."""
TURN_S = 0.05
"""Seconds of one turn of reading while the command runs."""


def _run(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
    with runner.pool(options.deadline_s) as pool:
        present = [_join(pool) for _ in range(MEMBERS)]
        was_heard = _all_hear(pool, present, options.deadline_s)
        if not was_heard:
            return ProbeOutcome(unknown="not checked: the members did not hear each other before the disturbance")
        fault = _disturb(pool, options.disturb)
        if fault:
            return ProbeOutcome(unknown=f"not checked: {fault}")
        record = _recovery(pool, present, options)
        measured = (Figure("time to recover", record.recovered_s, "s"),) if record.recovered_s is not None else ()
        return ProbeOutcome(tuple(judge_disturbance(record, runner.workload.contract)), 1, measured)


def _join(pool: ClientPool, again: PoolMember | None = None) -> PoolMember:
    member = pool.join(again)
    if member.can_speak:
        pool.speak(member, "here")
        pool.wait(lambda: bool(member.in_ns) or not member.here, PAUSE_S)
    return member


def _all_hear(pool: ClientPool, present: list[PoolMember], timeout_s: float) -> bool:
    """Whether a message of each member reaches all others within the timeout."""
    sent = []
    for member in present:
        if not member.can_speak:
            return False
        sent.append((member.number, member.sequence))
        pool.speak(member, "is everybody here?")

    def has_all() -> bool:
        return all(any(one == member.number for one, _ in pool.sent[key].heard_by) for key, member in wanted)

    wanted = [(key, member) for key in sent for member in present if member.number != key[0]]
    return pool.wait(has_all, timeout_s)


def _disturb(pool: ClientPool, command: str) -> str:
    """Run the command while all members go on reading. Returns why it failed; empty if it did not."""
    process = subprocess.Popen(command, shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = Deadline.after(COMMAND_S)
    while process.poll() is None:
        if deadline.passed:
            process.kill()
            process.wait()
            return f"the command that disturbs the server did not end within {COMMAND_S:.0f} s"
        pool.setting.budget.check()
        pool.poll_once(TURN_S)
    return (
        f"the command that disturbs the server ended with exit code {process.returncode}" if process.returncode else ""
    )


def _recovery(pool: ClientPool, present: list[PoolMember], options: SuiteOptions) -> DisturbanceRecord:
    """Let all members speak, and connect again where they were cut off, until they hear each other."""
    began_ns, deadline, cut_off = now_ns(), Deadline.after(RECOVERS_S), 0
    while not deadline.passed:
        for place, member in enumerate(present):
            if not member.can_speak:
                cut_off += member.here or bool(member.connected_ns)
                with suppress(TargetError):
                    present[place] = _join(pool, member)
        if _all_hear(pool, present, PAUSE_S):
            recovered_s = (now_ns() - began_ns) / NS
            return DisturbanceRecord(options.disturb, MEMBERS, True, cut_off, recovered_s, RECOVERS_S)
        pool.wait(lambda: False, PAUSE_S)
    deaf = tuple(member.name for member in present if member.can_speak and member.heard_ns < began_ns)
    return DisturbanceRecord(
        options.disturb, MEMBERS, True, cut_off, None, RECOVERS_S, deaf, _fresh_hears(pool, began_ns)
    )


def _fresh_hears(pool: ClientPool, began_ns: int) -> bool | None:
    """Whether a member that joins now hears something."""
    try:
        fresh = _join(pool)
    except TargetError:
        return None
    if fresh.can_speak:
        pool.speak(fresh, "who hears this?")
    pool.wait(lambda: fresh.heard_ns > began_ns, 1.0)
    return fresh.heard_ns > began_ns


RECOVERS = ChannelProbe(
    "recovery",
    "After a disturbance all members hear each other again.",
    is_shared,
    _run,
    at_end=True,
    needs_command=True,
)
"""The probe. It runs only where the user gives a command (`--disturb`)."""
