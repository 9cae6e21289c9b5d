"""The channel probe "worker-crash": kills one of several workers of our server, and waits until all hear each other."""

from __future__ import annotations

from wsproof.checks.disturbance import judge_disturbance
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.delivery_property import is_shared
from wsproof.delivery.recovery import MEMBERS, all_hear, join_member, recovery, repeats_after, unheard_newcomers
from wsproof.delivery.runner import ScheduleRunner
from wsproof.model.suite import Figure, SuiteOptions

DISTURBANCE = "one of its workers was killed (SIGKILL)"
ONE_WORKER = "the server has one worker only"
ENDED = "the server ended when one of its workers was killed: whatever starts it must start it again"


def _run(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
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
    _run,
    at_end=True,
    owned_only=True,
)
"""The probe. It runs once, on the first channel where members hear each other."""
