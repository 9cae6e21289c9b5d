"""Repetitions of a failing schedule: shortened, as it is, and without the misbehaviour that may cause the failure.

The runs without it are control runs: they show whether the misbehaviour is the cause. Each run may need a fresh server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from wsproof.delivery.schedule import Action, LeaveBy, Schedule, Step
from wsproof.net.budget import BudgetSpent
from wsproof.net.clock import Deadline

REPEATS = 3
"""Number of repetitions of a failing schedule, and of the control runs of a constant failure."""

DEPARTING = (Action.LEAVE, Action.DEPART, Action.ABANDON, Action.GREET, Action.PAUSE)
"""The actions, besides misbehaviour, that `eventless` leaves out."""


@dataclass(frozen=True)
class ControlRuns:
    """The results of the repetitions and of the control runs, which lack the misbehaviour.

    `again` is the number of REPEATS repetitions that failed. `clean` of `controls` control runs passed. `controls` is 0
    if the schedule contains no misbehaviour, or if no control run was made. `needs_departure_only` says whether the
    schedule failed as well when the misbehaving member only left.
    """

    again: int
    clean: int = 0
    controls: int = 0
    needs_departure_only: bool = False

    @property
    def proves(self) -> bool:
        """Whether the misbehaviour is the cause: most repetitions failed, and no control run did.

        For a server that loses messages at random, the false-positive rate is at most 3 %. A false positive needs two
        or three failures in three repetitions, and then six or three passing control runs.
        """
        return self.is_frequent and 0 < self.controls == self.clean and not self.needs_departure_only

    @property
    def is_frequent(self) -> bool:
        """Whether most repetitions failed."""
        return 2 * self.again > REPEATS


def without_misbehaviour(schedule: Schedule) -> Schedule:
    """The same schedule, in which every member joins, reads, keeps the protocol and does not reset its connection.

    A silent client joins like the others, so that as many connections are open: the server may limit their number.
    """
    misbehaving = {step.member for step in schedule if _is_misbehaviour(step)}
    return tuple(
        replace(step, has_small_buffer=False, shape=None, silent=False)
        for step in schedule
        if not (_is_misbehaviour(step) or (step.action is Action.LEAVE and step.member in misbehaving))
    )


def leaving_instead(schedule: Schedule) -> Schedule:
    """The same schedule, in which each misbehaving member leaves with a close frame instead, and does nothing more.

    A member that breaks the protocol is usually disconnected, so its departure may be the cause. The others wait until
    the server has told of it: a message in the same moment could meet another fault.
    """
    gone: set[int] = set()
    steps: list[Step] = []
    for step in schedule:
        if step.member in gone and step.action is not Action.JOIN:
            continue
        if _is_misbehaviour(step):
            gone.add(step.member)
            steps += [Step(Action.LEAVE, step.member, leave_by=LeaveBy.CLOSE), Step(Action.SETTLE)]
        else:
            steps.append(replace(step, has_small_buffer=False))
    return tuple(steps) if gone else schedule


def _is_misbehaviour(step: Step) -> bool:
    """Whether a step breaks the protocol, stops reading, or resets a connection."""
    return step.action in (Action.BREAK, Action.STALL, Action.MUTATE) or (
        step.action is Action.LEAVE and step.leave_by is LeaveBy.RESET
    )


def eventless(schedule: Schedule) -> Schedule:
    """The same schedule with only joins and messages: no misbehaviour, no leaving, no reused member id."""
    stays = (step for step in without_misbehaviour(schedule) if step.action not in (*DEPARTING, Action.MOVE))
    return tuple(
        replace(step_alone, rejoin_as=None, resumes=False, amid=False)
        for step in stays
        for step_alone in _one_by_one(step)
    )


def _one_by_one(step: Step) -> tuple[Step, ...]:
    """The same step, in which members that join in one moment join one after the other."""
    if step.action is not Action.TOGETHER:
        return (step,)
    return tuple(Step(Action.JOIN, step.member + at, room=step.room) for at in range(step.count))


def events_of(schedule: Schedule) -> frozenset[str]:
    """The kinds of steps in a schedule that `eventless` leaves out, as phrases."""
    kinds = {
        Action.LEAVE: "leaves by {0.leave_by.value}",
        Action.DEPART: "goes by {0.how}",
        Action.ABANDON: "abandons a handshake",
        Action.BREAK: "sends {0.misbehaviour.value}",
        Action.STALL: "stops reading",
        Action.GREET: "sends its greeting again",
        Action.MUTATE: "sends a message {0.mutation.value}",
        Action.MOVE: "moves to another room",
        Action.TOGETHER: "joins in the same moment as others",
        Action.PAUSE: "stops reading for a while",
    }
    events = {kinds[step.action].format(step) for step in schedule if step.action in kinds}
    events |= {f"has a name {step.shape.value}" for step in schedule if step.shape is not None}
    events |= {"joins while others talk" for step in schedule if step.amid}
    events |= {"sends nothing after its handshake" for step in schedule if step.silent}
    return frozenset(events | {"takes over an id" for step in schedule if step.rejoin_as is not None})


def try_again(schedule: Schedule, fails: Callable[[Schedule], bool]) -> ControlRuns:
    """Repeat a schedule REPEATS times, without control runs."""
    return ControlRuns(sum(fails(schedule) for _ in range(REPEATS)))


def run_controls(
    schedule: Schedule, fails: Callable[[Schedule], bool], fails_at_all: Callable[[Schedule], bool]
) -> ControlRuns:
    """Repeat a schedule with and without the misbehaviour, until the cause is clear.

    An intermittent failure may be noise, so it gets twice as many control runs.
    """
    control = without_misbehaviour(schedule)
    if control == schedule:
        return try_again(schedule, fails)
    if fails_at_all(control):
        return ControlRuns(sum(fails(schedule) for _ in range(REPEATS)), 0, 1)
    again = sum(fails(schedule) for _ in range(REPEATS))
    clean = 1
    if ControlRuns(again).is_frequent:
        for _ in range(1, REPEATS if again == REPEATS else 2 * REPEATS):
            if fails_at_all(control):
                return ControlRuns(again, clean, clean + 1)
            clean += 1
    runs = ControlRuns(again, clean, clean)
    return replace(runs, needs_departure_only=runs.proves and _fails_by_departure(schedule, fails))


def _fails_by_departure(schedule: Schedule, fails: Callable[[Schedule], bool]) -> bool:
    """Whether the schedule fails each time if the misbehaving members only leave.

    False if the time does not suffice.
    """
    departure = leaving_instead(schedule)
    with suppress(BudgetSpent):
        return departure != schedule and all(fails(departure) for _ in range(REPEATS))
    return False


def shorten(schedule: Schedule, fails: Callable[[Schedule], bool], *, budget_s: float, tries: int = 40) -> Schedule:
    """Leave out and simplify steps while `fails` still holds, within `budget_s` seconds and `tries` tries."""
    deadline, best = Deadline.after(budget_s), schedule
    progress = True
    while progress:
        progress = False
        for candidate in _simpler(best):
            if tries <= 0 or deadline.passed:
                return best
            tries -= 1
            if fails(candidate):
                best, progress = candidate, True
                break
    return best


def _simpler(schedule: Schedule) -> Iterator[Schedule]:
    """Simpler schedules, the largest cut first: half the steps, a quarter, ... one step; then simpler steps."""
    size = len(schedule) // 2
    while size:
        for start in range(len(schedule) - size, -1, -size):
            yield schedule[:start] + schedule[start + size :]
        size //= 2
    for at, step in enumerate(schedule):
        for plainer in (
            replace(step, cuts=()),
            replace(step, size_bytes=0) if step.action is Action.SAY else step,
            replace(step, body="", plain=False) if step.body else step,
        ):
            if plainer != step:
                yield (*schedule[:at], plainer, *schedule[at + 1 :])
