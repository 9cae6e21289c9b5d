"""The channel probe "room-names": members in rooms with similar names must not be mixed.

The rooms have similar numbers, such as 1, 11 and 21, and then unusual names.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from wsproof.checks.room_names import CHECK, RoomNamesTest, judge_room_names
from wsproof.checks.room_shapes import RoomShapeTest, judge_room_shapes
from wsproof.delivery.altered_workload import ROOM_NUMBER, names_its_rooms, with_room_names, with_rooms
from wsproof.delivery.channel_probe import ChannelProbe, ProbeOutcome
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.delivery_property import is_shared
from wsproof.delivery.member import PoolMember
from wsproof.delivery.runner import ScheduleRunner
from wsproof.errors import TargetError, WorkloadError
from wsproof.model.contract import Audience
from wsproof.model.room_shape import RoomShape
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
    numbers = _run_numbers(runner, options) if runner.workload.rooms > 1 else ProbeOutcome(examples=0)
    if numbers.findings or not names_its_rooms(runner.workload):
        return numbers
    first = _try_shapes(runner, options, tuple(RoomShape))
    again = _try_shapes(runner, options, tuple(test.shape for test in first if test.mixes))
    served = sum(test.is_served for test in first)
    findings = tuple(judge_room_shapes(first, again, runner.workload.contract))
    remark = f"{served} of {len(first)} kinds of names are served"
    return ProbeOutcome(findings, numbers.examples + served, remark=remark)


def _try_shapes(
    runner: ScheduleRunner, options: SuiteOptions, shapes: tuple[RoomShape, ...]
) -> tuple[RoomShapeTest, ...]:
    """Let one member join each room of these shapes, and let each publish."""
    names = [name for shape in shapes for name in shape.value.names]
    first = runner.first
    workload = with_room_names(runner.workload, {first + at: name for at, name in enumerate(names)})
    pool = ClientPool(replace(runner.pool_settings(options.deadline_s), workload=workload))
    places: dict[int, int] = {}
    try:
        for at in range(len(names)):
            with suppress(TargetError, WorkloadError):
                places[pool.join(room=ROOM_NUMBER + at).number] = at
        heard = _pairs_heard(pool, list(pool.members), places)
    finally:
        pool.disconnect_all()
        runner.first = max(pool.next_first, first + len(names))
    return tuple(
        RoomShapeTest(shape, frozenset((one % 3, two % 3) for one, two in heard if one // 3 == at and two // 3 == at))
        for at, shape in enumerate(shapes)
    )


def _run_numbers(runner: ScheduleRunner, options: SuiteOptions) -> ProbeOutcome:
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
        return RoomNamesTest(ROOMS, _pairs_heard(pool, members, {member.number: member.room for member in members}))
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


def _pairs_heard(pool: ClientPool, members: list[PoolMember], rooms: Mapping[int, int]) -> frozenset[tuple[int, int]]:
    """Let each member publish, twice, and return who heard whom, by the room of the member's number."""
    for _ in range(2):
        for member in members:
            if member.can_send:
                pool.publish(member, f"in room {rooms[member.number]}")
        pool.wait(lambda: all(member.in_ns for member in members), HEARS_S)
    pool.settle()
    pool.wait(lambda: False, HEARS_S / 10)
    return frozenset(
        (rooms[hearer], rooms[publication.publisher]) for publication in pool.sent for hearer, _ in publication.heard_by
    )


ROOM_NAMES = ChannelProbe(
    CHECK,
    "Rooms whose names begin or end alike are not mixed.",
    lambda contract: is_shared(contract) and contract.audience is Audience.EVERYONE,
    _run,
    needs=lambda workload: not workload.has_prepare and (workload.rooms > 1 or names_its_rooms(workload)),
)
"""The probe."""
