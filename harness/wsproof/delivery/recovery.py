"""Whether members that hear each other before a disturbance of their server do so again after it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from wsproof.checks.disturbance import judge_repeats
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.member import PoolMember
from wsproof.errors import TargetError
from wsproof.model.disturbance import DisturbanceRecord
from wsproof.model.finding import Finding
from wsproof.model.nanoseconds import NS
from wsproof.net.clock import Deadline, now_ns

PAUSE_S = 0.25
"""Seconds between two messages, and between two attempts to connect, while members wait to be served again."""
MEMBERS = 3
"""Number of members that are connected."""


def join_member(pool: ClientPool, again: PoolMember | None = None) -> PoolMember:
    """Let a member join, or reconnect under the name of `again`, and wait a moment for its first receipt."""
    member = pool.join(again)
    if member.can_send:
        pool.publish(member, "here")
        pool.wait(lambda: bool(member.in_ns) or not member.is_connected, PAUSE_S)
    return member


def all_hear(pool: ClientPool, present: list[PoolMember], timeout_s: float) -> bool:
    """Whether a message of each member reaches all others within the timeout."""
    sent = []
    for member in present:
        if not member.can_send:
            return False
        sent.append((member.number, member.sequence))
        pool.publish(member, "is everybody here?")

    def has_all() -> bool:
        return all(any(hearer == member.number for hearer, _ in pool.sent[key].heard_by) for key, member in expected)

    expected = [(key, member) for key in sent for member in present if member.number != key[0]]
    return pool.wait(has_all, timeout_s)


def recovery(pool: ClientPool, present: list[PoolMember], disturbance: str) -> DisturbanceRecord:
    """Let all members publish, and reconnect those that were disconnected, until they hear each other.

    `disturbance` names the disturbance.
    """
    limit_s = pool.contract.recovers_within_s
    began_ns, deadline, cut_off = now_ns(), Deadline.after(limit_s), 0
    while not deadline.passed:
        for place, member in enumerate(present):
            if not member.can_send:
                cut_off += member.is_connected or bool(member.connected_ns)
                with suppress(TargetError):
                    present[place] = join_member(pool, member)
        if all_hear(pool, present, PAUSE_S):
            recovered_s = (now_ns() - began_ns) / NS
            return DisturbanceRecord(disturbance, MEMBERS, True, cut_off, recovered_s, limit_s)
        pool.wait(lambda: False, PAUSE_S)
    deaf = tuple(member.name for member in present if member.can_send and member.heard_ns < began_ns)
    return DisturbanceRecord(disturbance, MEMBERS, True, cut_off, None, limit_s, deaf, _fresh_hears(pool, began_ns))


def unheard_newcomers(pool: ClientPool, present: list[PoolMember], record: DisturbanceRecord) -> DisturbanceRecord:
    """Let more members join, and all publish, twice if a message is missing. The record has the first missing pair."""
    newcomers = [join_member(pool) for _ in range(2 * MEMBERS)]
    everybody = [member for member in (*present, *newcomers) if member.can_send]
    for _ in range(2):
        sent = len(list(pool.sent))
        if all_hear(pool, everybody, pool.contract.recovers_within_s):
            return record
    unheard = next(
        (
            (member.name, pool.members[publication.publisher].name)
            for publication in list(pool.sent)[sent:]
            for member in everybody
            if member.number != publication.publisher
            and not any(number == member.number for number, _ in publication.heard_by)
        ),
        None,
    )
    is_known = all(member.can_send for member in everybody)  # a second disconnection is another fault
    return replace(record, newcomers=len(newcomers), lost_pair=unheard if is_known else None)


def repeats_after(pool: ClientPool, present: list[PoolMember], disturbance: str) -> list[Finding]:
    """Let all members publish twice more, and check whether messages of the second round arrive more than once."""
    since_ns = 0
    for _ in range(2):
        since_ns = now_ns()
        for member in present:
            if member.can_send:
                pool.publish(member, "is all as before?")
        pool.settle()
    pool.wait(lambda: False, PAUSE_S)  # for second copies
    pool.end_drain()
    return judge_repeats(pool.sent.history(), since_ns, disturbance, pool.contract)


def _fresh_hears(pool: ClientPool, began_ns: int) -> bool | None:
    """Whether a member that joins now hears something."""
    try:
        fresh = join_member(pool)
    except TargetError:
        return None
    if fresh.can_send:
        pool.publish(fresh, "who hears this?")
    pool.wait(lambda: fresh.heard_ns > began_ns, 1.0)
    return fresh.heard_ns > began_ns
