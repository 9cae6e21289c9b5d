"""The channel probe "recovery": runs a command that disturbs the server, and waits until all hear each other."""

from __future__ import annotations

import subprocess

from wsproof.checks.disturbance import CHECK, judge_disturbance
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.delivery_property import is_shared
from wsproof.delivery.recovery import MEMBERS, all_hear, join_member, recovery, repeats_after
from wsproof.delivery.runner import ScheduleRunner
from wsproof.model.suite import Figure, SuiteOptions
from wsproof.net.clock import Deadline

COMMAND_S = 60.0
"""Seconds that the command may take."""
TURN_S = 0.05
"""Seconds of one turn of reading while the command runs."""


def _run(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
    with runner.pool(options.deadline_s) as pool:
        present = [join_member(pool) for _ in range(MEMBERS)]
        was_heard = all_hear(pool, present, options.deadline_s)
        if not was_heard:
            return ProbeOutcome(unknown="not checked: the members did not hear each other before the disturbance")
        fault = _disturb(pool, options.disturb)
        if fault:
            return ProbeOutcome(unknown=f"not checked: {fault}")
        record = recovery(pool, present, options.disturb)
        measured = (Figure("time to recover", record.recovered_s, "s"),) if record.recovered_s is not None else ()
        again = repeats_after(pool, present, options.disturb) if record.recovered_s is not None else []
        return ProbeOutcome((*judge_disturbance(record, runner.workload.contract), *again), 1, measured)


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


RECOVERS = ChannelProbe(
    CHECK,
    "After a disturbance all members hear each other again.",
    is_shared,
    _run,
    at_end=True,
    needs_command=True,
)
"""The probe. It runs only where the user gives a command (`--disturb`)."""
