"""The channel probe "recovers": runs a command that disturbs the server, and waits until all hear each other."""

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
    crowd = ClientPool(runner.pool_settings(options.deadline_s))
    try:
        present = [_join(crowd) for _ in range(MEMBERS)]
        was_heard = _all_hear(crowd, present, options.deadline_s)
        if not was_heard:
            return ProbeOutcome(unknown="not checked: the members did not hear each other before the disturbance")
        fault = _disturb(crowd, options.disturb)
        if fault:
            return ProbeOutcome(unknown=f"not checked: {fault}")
        record = _recovery(crowd, present, options)
        measured = (Figure("time to recover", record.recovered_s, "s"),) if record.recovered_s is not None else ()
        return ProbeOutcome(tuple(judge_disturbance(record, runner.workload.contract)), 1, measured)
    finally:
        runner.first = max(crowd.next_alias, runner.first + len(crowd.people))
        crowd.disperse()


def _join(crowd: ClientPool, again: PoolMember | None = None) -> PoolMember:
    person = crowd.join(again)
    if person.can_speak:
        crowd.speak(person, "here")
        crowd.wait(lambda: bool(person.in_ns) or not person.here, PAUSE_S)
    return person


def _all_hear(crowd: ClientPool, present: list[PoolMember], timeout_s: float) -> bool:
    """Whether a message of each member reaches all others within the timeout."""
    sent = []
    for person in present:
        if not person.can_speak:
            return False
        sent.append((person.number, person.sequence))
        crowd.speak(person, "is everybody here?")

    def has_all() -> bool:
        return all(any(one == person.number for one, _ in crowd.said[key].heard_by) for key, person in wanted)

    wanted = [(key, person) for key in sent for person in present if person.number != key[0]]
    return crowd.wait(has_all, timeout_s)


def _disturb(crowd: ClientPool, command: str) -> str:
    """Run the command while all members go on reading. Returns why it failed; empty if it did not."""
    process = subprocess.Popen(command, shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = Deadline.after(COMMAND_S)
    while process.poll() is None:
        if deadline.passed:
            process.kill()
            process.wait()
            return f"the command that disturbs the server did not end within {COMMAND_S:.0f} s"
        crowd.setting.budget.check()
        crowd.turn(TURN_S)
    return (
        f"the command that disturbs the server ended with exit code {process.returncode}" if process.returncode else ""
    )


def _recovery(crowd: ClientPool, present: list[PoolMember], options: SuiteOptions) -> DisturbanceRecord:
    """Let all members speak, and connect again where they were cut off, until they hear each other."""
    began_ns, deadline, cut_off = now_ns(), Deadline.after(RECOVERS_S), 0
    while not deadline.passed:
        for place, person in enumerate(present):
            if not person.can_speak:
                cut_off += person.here or bool(person.connected_ns)
                with suppress(TargetError):
                    present[place] = _join(crowd, person)
        if _all_hear(crowd, present, PAUSE_S):
            recovered_s = (now_ns() - began_ns) / NS
            return DisturbanceRecord(options.disturb, MEMBERS, True, cut_off, recovered_s, RECOVERS_S)
        crowd.wait(lambda: False, PAUSE_S)
    deaf = tuple(person.name for person in present if person.can_speak and person.heard_ns < began_ns)
    return DisturbanceRecord(
        options.disturb, MEMBERS, True, cut_off, None, RECOVERS_S, deaf, _fresh_hears(crowd, began_ns)
    )


def _fresh_hears(crowd: ClientPool, began_ns: int) -> bool | None:
    """Whether a member that joins now hears something."""
    try:
        fresh = _join(crowd)
    except TargetError:
        return None
    if fresh.can_speak:
        crowd.speak(fresh, "who hears this?")
    crowd.wait(lambda: fresh.heard_ns > began_ns, 1.0)
    return fresh.heard_ns > began_ns


RECOVERS = ChannelProbe(
    "recovers",
    "After a disturbance all members hear each other again.",
    is_shared,
    _run,
    at_end=True,
    needs_command=True,
)
"""The probe. It runs only where the user gives a command (`--disturb`)."""
