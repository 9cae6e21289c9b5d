"""The channel probe "room-names": members in rooms with similar numbers, such as 1, 11 and 21, must not be mixed."""

from __future__ import annotations

from dataclasses import replace

from wsproof.checks.room_names import CHECK, RoomNamesTest, judge_room_names
from wsproof.delivery.altered_workload import with_rooms
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.delivery_property import is_shared
from wsproof.delivery.member import PoolMember
from wsproof.delivery.runner import ScheduleRunner
from wsproof.errors import TargetError, WorkloadError
from wsproof.model.contract import Audience
from wsproof.model.suite import SuiteOptions
from wsproof.workloads import Workload

ROOMS = (1, 11, 22, 21)
"""The rooms: 11 begins with 1, and 21 ends with it. 22 is like neither 1 nor 11, and 21 is not like 11."""
TRIALS = 2
"""Number of trials in which rooms must be mixed for a violation."""
HEARS_S = 2.0
"""Seconds to wait for messages of a member's own room, and a tenth of it for messages of other rooms."""
NO_SUCH_ROOMS = "the channel has no rooms of these numbers"
"""The remark if the workload has no name for such rooms, or the server does not serve their members."""


def _run(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
    trials: list[RoomNamesTest] = []
    while len(trials) < TRIALS and (not trials or trials[-1].mixed):
        try:
            trial = _try(runner, options)
        except (WorkloadError, TargetError):
            trial = None
        if trial is None or not trial.are_served:
            return ProbeOutcome(examples=0, remark=NO_SUCH_ROOMS)
        trials.append(trial)
    return ProbeOutcome(tuple(judge_room_names(trials, runner.workload.contract)), len(trials))


def _try(runner: ScheduleRunner, options: SuiteOptions) -> RoomNamesTest | None:
    """Let one member join each of the rooms, and let each publish. None if one of them cannot join."""
    first = runner.first
    rooms = {first + at: room for at, room in enumerate(ROOMS)}
    workload = with_rooms(runner.workload, rooms)
    if not _have_own_names(workload, tuple(rooms)):
        return None
    pool = ClientPool(replace(runner.pool_settings(options.deadline_s), workload=workload))
    try:
        members = [pool.join(room=room) for room in ROOMS]
        if not all(member.can_send for member in members):
            return None
        return RoomNamesTest(ROOMS, _heard(pool, members))
    finally:
        pool.disconnect_all()
        runner.first = max(pool.next_first, first + len(ROOMS))


def _have_own_names(workload: Workload, members: tuple[int, ...]) -> bool:
    """Whether the path or greeting of each member contains the number of its room."""
    for member in members:
        sent = f"{workload.path(member)} {workload.greeting(member)!r}"
        if str(workload.room_of(member)) not in sent:
            return False
    return True


def _heard(pool: ClientPool, members: list[PoolMember]) -> frozenset[tuple[int, int]]:
    """Let each member publish, twice, and return who heard whom, by room."""
    for _ in range(2):
        for member in members:
            if member.can_send:
                pool.publish(member, f"in room {member.room}")
        pool.wait(lambda: all(member.in_ns for member in members), HEARS_S)
    pool.settle()
    pool.wait(lambda: False, HEARS_S / 10)
    by_number = {member.number: member.room for member in members}
    return frozenset(
        (by_number[hearer], by_number[publication.publisher])
        for publication in pool.sent
        for hearer, _ in publication.heard_by
    )


ROOM_NAMES = ChannelProbe(
    CHECK,
    "Rooms whose names begin or end alike are not mixed.",
    lambda contract: is_shared(contract) and contract.audience is Audience.EVERYONE,
    _run,
    needs=lambda workload: workload.rooms > 1 and not workload.has_prepare,
)
"""The probe."""
