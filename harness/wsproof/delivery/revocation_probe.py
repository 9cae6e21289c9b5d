"""The channel probe "revoked-access": revokes a connected member's access, and tests whether it is still served."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from wsproof.checks.revoked import CHECK, RevocationAttempt, judge_revocation
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.delivery_property import is_shared
from wsproof.delivery.joining import join
from wsproof.delivery.member import PoolMember
from wsproof.delivery.runner import ScheduleRunner
from wsproof.delivery.schedule import Action, Step
from wsproof.delivery.standing_presence import StandingPresence
from wsproof.model.nanoseconds import NS
from wsproof.model.suite import SuiteOptions
from wsproof.net.clock import now_ns
from wsproof.workloads.steps import JoinRefused

ATTEMPTS = 2
"""Maximum number of members whose access is revoked: a second one only if the first is still served."""
AFTERWARDS = "after the access was revoked"
"""The text that is published after the access was revoked."""


def _run(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
    attempts: list[RevocationAttempt] = []
    while len(attempts) < ATTEMPTS and (not attempts or attempts[-1].is_served):
        try:
            attempt = _try(runner, options)
        except JoinRefused as refusal:
            return ProbeOutcome(examples=0, unknown=f"not checked: the access could not be revoked: {refusal}")
        if attempt is None:
            return ProbeOutcome(examples=0, unknown="not checked: the server did not serve two members at first")
        attempts.append(attempt)
    return ProbeOutcome(tuple(judge_revocation(attempts, runner.workload.contract)), len(attempts))


def _try(runner: ScheduleRunner, options: SuiteOptions) -> RevocationAttempt | None:
    """Let two members join, and revoke the access of one. None if one of them could not join."""
    joined: dict[int, PoolMember] = {}
    with runner.pool(options.deadline_s) as pool:
        for number in (0, 1):
            join(pool, joined, Step(Action.JOIN, number))
        pool.settle()
        if pool.gave_up or len(joined) < 2 or not all(member.counts for member in joined.values()):
            return None
        return _revoke(pool, joined[0], joined[1], options)


def _revoke(pool: ClientPool, stays: PoolMember, leaves: PoolMember, options: SuiteOptions) -> RevocationAttempt:
    leaves.misbehaviour = "access that was revoked"  # nothing is expected to reach it from now on
    leaves.outstanding.clear()
    began_ns = now_ns()
    _call_revoke(pool, leaves.alias, options)
    pool.wait(lambda: not leaves.is_connected, pool.contract.revoked_within_s)
    ended_s = None if leaves.is_connected else (leaves.left_ns - began_ns) / NS
    keys = [(member.number, member.sequence) for member in (stays, leaves)]
    for member in (stays, leaves):
        if member.can_send:
            pool.publish(member, AFTERWARDS)
    hearers = tuple(zip(keys, (leaves, stays), strict=True))
    pool.wait(
        lambda: all(_is_heard(pool, *expected) for expected in hearers) or not leaves.is_connected,
        options.deadline_s / 2,
    )
    has_received, could_publish = (_is_heard(pool, *expected) for expected in hearers)
    return RevocationAttempt(leaves.name, ended_s, leaves.close_code, has_received, could_publish)


def _call_revoke(pool: ClientPool, alias: int, options: SuiteOptions) -> None:
    """Let the workload revoke the access, while all members continue to receive.

    A server may answer only after the member has replied to its close frame.

    Raises:
        JoinRefused: that was not possible.
    """
    workload, url = pool.setting.workload, pool.setting.endpoint.http_url
    executor = ThreadPoolExecutor(1, thread_name_prefix="revoke")
    try:
        revoked = executor.submit(workload.revoke, alias, url)
        if not pool.wait(revoked.done, options.deadline_s):
            raise JoinRefused(f"revoke() did not return within {options.deadline_s:g} s")
        revoked.result()
    finally:
        executor.shutdown(wait=False)


def _is_heard(pool: ClientPool, key: tuple[int, int], by: PoolMember) -> bool:
    """Whether a member has received this publication."""
    return key in pool.sent and any(number == by.number for number, _ in pool.sent[key].heard_by)


REVOCATION = ChannelProbe(
    CHECK,
    "A member whose access is revoked is no longer served.",
    is_shared,
    _run,
    standing=StandingPresence.AWAY,
    needs=lambda workload: workload.has_revoke,
)
