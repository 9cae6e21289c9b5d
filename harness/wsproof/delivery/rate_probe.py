"""The channel probe "rate-limit": a member publishes as much as the contract allows, again and again."""

from __future__ import annotations

from wsproof.checks.rate_limit import CHECK, Burst, judge_rate
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.delivery_property import is_spoken
from wsproof.delivery.joining import join
from wsproof.delivery.member import PoolMember
from wsproof.delivery.runner import ScheduleRunner
from wsproof.delivery.schedule import Action, Step
from wsproof.delivery.standing_presence import StandingPresence
from wsproof.model.contract import RateLimit
from wsproof.model.suite import SuiteOptions

BURSTS = 4
"""Number of bursts. A limiter may be right only in its first window, and a violation must recur."""
NEEDED = 2
"""Number of bursts with missing messages after which the probe stops."""
PAUSE = 1.5
"""Length of a pause, in windows of the limit.

It begins when the last message has arrived, so the server has read all of them. After it a fixed window, a sliding one
and a bucket of tokens all have room for a whole burst.
"""


def _run(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
    limit = runner.workload.contract.rate_limit
    assert limit is not None, "the probe applies to channels with a limit only"
    pauses_s = BURSTS * PAUSE * limit.window_s
    if pauses_s > runner.budget.remaining_s / 2:
        return ProbeOutcome(
            examples=0, unknown=f"not checked: its pauses take {pauses_s:g} s; a longer --budget allows it"
        )
    joined: dict[int, PoolMember] = {}
    with runner.pool(options.deadline_s) as pool:
        for number in (0, 1):  # where a publisher does not receive its own messages, the other one does
            join(pool, joined, Step(Action.JOIN, number))
        pool.settle()
        if pool.gave_up or not joined or not joined[0].counts:
            return ProbeOutcome(examples=0, unknown="not checked: the server did not serve the member at first")
        first, others = joined[0].sequence, _publish_bursts(pool, joined[0], limit)
        bursts = [
            _burst(pool, joined[0], first + number * limit.messages, limit, extra)
            for number, extra in enumerate(others)
        ]
        if not bursts:
            return ProbeOutcome(examples=0, unknown="not checked: the server ended the connection during a pause")
        findings = judge_rate(bursts, pool.contract, is_ended=not joined[0].is_connected)
    return ProbeOutcome(tuple(findings), len(bursts))


def _publish_bursts(pool: ClientPool, member: PoolMember, limit: RateLimit) -> list[int]:
    """Pause and publish in turn. Returns how many other messages the member sent in each turn."""
    others: list[int] = []
    short = 0
    while len(others) < BURSTS and short < NEEDED and member.can_send:
        sent = member.sent
        if pool.wait(lambda: not member.is_connected, PAUSE * limit.window_s):
            break  # a silent member was cut off, which no limit on the rate explains
        for number in range(limit.messages):
            if member.can_send:
                pool.publish(member, f"{number + 1} of {limit.messages}")
        pool.settle()
        short += pool.gave_up
        pool.expect_nothing()
        published = 0 if pool.setting.workload.publishes_outside else limit.messages
        others.append(max(member.sent - sent - published, 0))
    return others


def _burst(pool: ClientPool, member: PoolMember, first: int, limit: RateLimit, others: int) -> Burst:
    """The burst whose first publication has this sequence number. Read at the end, so that nothing is merely late."""
    keys = [(member.number, first + number) for number in range(limit.messages)]
    return Burst(limit.messages, sum(key in pool.sent and bool(pool.sent[key].heard_by) for key in keys), others)


RATE = ChannelProbe(
    CHECK,
    "A member that keeps the limit on its rate is served in full, again and again.",
    lambda contract: contract.rate_limit is not None and is_spoken(contract),
    _run,
    standing=StandingPresence.AWAY,
)
