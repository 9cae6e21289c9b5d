"""The channel probes "recovery" and "worker-crash": disturb the server, and wait until all members hear each other.

"recovery" runs a command of the user. "worker-crash" kills one of several workers of our server.
"""

from __future__ import annotations

import subprocess

from wsproof.checks.disturbance import CHECK, judge_disturbance
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.delivery_property import is_shared
from wsproof.delivery.recovery import MEMBERS, all_hear, join_member, recovery, repeats_after, unheard_newcomers
from wsproof.delivery.runner import ScheduleRunner
from wsproof.delivery.standing_presence import StandingPresence
from wsproof.model.suite import Figure, SuiteOptions
from wsproof.net.clock import Deadline

DISTURBANCE = "one of its workers was killed (SIGKILL)"
ONE_WORKER = "the server has one worker only"
ENDED = "the server ended when one of its workers was killed: whatever starts it must start it again"
COMMAND_S = 60.0
"""Seconds that the command may take."""
TURN_S = 0.05
"""Longest time in seconds between two checks of the command, while all members read."""


def _run_command(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
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
    """Run the command while all members read. Returns why it failed; empty if it succeeded."""
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
    _run_command,
    standing=StandingPresence.AWAY,
    at_end=True,
    needs_command=True,
)
"""The probe of the command. It runs only if the user gives one (`--disturb`)."""


def _kill_worker(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
    workers = runner.server.cores
    if workers < 2:
        return ProbeOutcome(examples=0, remark=ONE_WORKER)
    with runner.pool(options.deadline_s) as pool:
        present = [join_member(pool) for _ in range(MEMBERS)]
        if not all_hear(pool, present, options.deadline_s):
            return ProbeOutcome(examples=0, remark="the members did not hear each other before a worker was killed")
        if not runner.server.kill_worker():
            return ProbeOutcome(examples=0, remark=ONE_WORKER)
        record = recovery(pool, present, DISTURBANCE)
        limit_s = pool.contract.recovers_within_s
        if record.recovered_s is not None and pool.wait(lambda: runner.server.cores >= workers, limit_s):
            record = unheard_newcomers(pool, present, record)
        again = repeats_after(pool, present, DISTURBANCE) if record.recovered_s is not None else []
        is_alive = runner.server.is_alive()
    runner.server.restart()
    if not is_alive:
        return ProbeOutcome(remark=ENDED)
    measured = (Figure("time to recover", record.recovered_s, "s"),) if record.recovered_s is not None else ()
    return ProbeOutcome((*judge_disturbance(record, runner.workload.contract), *again), measured=measured)


WORKER_CRASH = ChannelProbe(
    "worker-crash",
    "After one of several workers of a server was killed, all members hear each other again.",
    is_shared,
    _kill_worker,
    standing=StandingPresence.AWAY,
    at_end=True,
    owned_only=True,
)
"""The probe. It runs once, on the first channel where members hear each other."""
