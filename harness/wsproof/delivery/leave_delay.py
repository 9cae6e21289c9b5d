"""The time until a server tells of a departure, where a schedule does not wait that long.

Many servers wait some seconds for a client to come back before they tell the others that it has gone. No contract says
how long that may take, so only a notice that does not come at all is missing.
"""

from __future__ import annotations

from dataclasses import replace

from wsproof.delivery.execute import execute_step
from wsproof.delivery.member import PoolMember
from wsproof.delivery.runner import ScheduleRunner
from wsproof.delivery.schedule import Action, Schedule, Step
from wsproof.net.clock import now_ns

WAIT_DEADLINES = 2.5
"""Longest wait for a notice, as a multiple of a schedule's deadline: 12.5 s by default."""
BUDGET_SHARE = 0.5
"""Share of the remaining budget that the wait may use."""
LEAVING = (Action.LEAVE, Action.DEPART)
"""The actions that end a member's connection."""
MOST_WAYS = 8
"""Most ways to leave that are tried at once."""


def is_only_late(runner: ScheduleRunner, schedule: Schedule, deadline_s: float) -> bool:
    """Whether the server tells of departures like those of the schedule, but later than a schedule waits.

    A channel whose notices are late is asked once, and so is each way to leave.

    Raises:
        TargetError: the server does not answer.
        BudgetSpent: the run's time is over.
    """
    ways = _ways_of(schedule)
    if runner.leave_delay_s is None and not runner.awaited_ways.issuperset(ways):
        runner.awaited_ways.update(ways)
        delay_s = _leave_delay_s(runner, ways, deadline_s)
        if delay_s is not None and delay_s > deadline_s / 2:  # a schedule waits for half of its deadline in silence
            runner.leave_delay_s = delay_s
    return runner.leave_delay_s is not None


def _ways_of(schedule: Schedule) -> list[Step]:
    """The first MOST_WAYS different ways to leave of a schedule."""
    return list(dict.fromkeys(replace(step, member=0) for step in schedule if step.action in LEAVING))[:MOST_WAYS]


def _leave_delay_s(runner: ScheduleRunner, ways: list[Step], deadline_s: float) -> float | None:
    """Let members leave at once, one in each way. None if the member that stays is not told of all."""
    joined: dict[int, PoolMember] = {}
    with runner.pool(deadline_s) as pool:
        for number in range(len(ways) + 1):
            execute_step(pool, joined, Step(Action.JOIN, number))
        pool.settle()
        began_ns = now_ns()
        for number, step in enumerate(ways, 1):
            execute_step(pool, joined, replace(step, member=number))
        wait_s = min(WAIT_DEADLINES * deadline_s, BUDGET_SHARE * runner.budget.remaining_s)
        is_told = pool.wait(lambda: not pool.members[0].waits, wait_s) and pool.members[0].counts
    return (now_ns() - began_ns) / 1e9 if is_told else None
