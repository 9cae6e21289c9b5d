"""Is it the neighbour's doing? Repeat the schedule on fresh servers, and then without what the neighbour did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from wsproof.delivery.schedule import Action, LeaveBy, Schedule, Step

REPEATS = 3


@dataclass(frozen=True)
class ControlRuns:
    """How often a schedule failed in REPEATS repetitions, and how often it went well without the misdeed.

    `controls` is 0 where there was nothing to leave out, or no reason to try.
    """

    again: int
    clean: int = 0
    controls: int = 0

    @property
    def proves(self) -> bool:
        """Whether the misdeed is to blame: it harms most times, and not once without it.

        A server that loses something now and then, whatever its members do, is so accused by chance in 3 % of the
        trials at most (two or three failures of three, and then six or three clean control runs).
        """
        return self.is_frequent and 0 < self.controls == self.clean

    @property
    def is_frequent(self) -> bool:
        """Whether most repetitions failed."""
        return 2 * self.again > REPEATS


def without_misdeeds(schedule: Schedule) -> Schedule:
    """The same schedule with a neighbour that reads, keeps the rules, and stays."""
    guilty = {step.member for step in schedule if _is_misdeed(step)}
    return tuple(
        Step.from_json({**step.to_json(), "narrow": False}) if step.narrow else step
        for step in schedule
        if not (_is_misdeed(step) or (step.deed is Action.LEAVE and step.member in guilty))
    )


def _is_misdeed(step: Step) -> bool:
    return step.deed in (Action.BREAK, Action.STALL) or (step.deed is Action.LEAVE and step.way is LeaveBy.RESET)


def eventless(schedule: Schedule) -> Schedule:
    """The same schedule where everyone keeps the rules and stays, and nobody takes over an id."""
    stays = (step for step in without_misdeeds(schedule) if step.deed is not Action.LEAVE)
    return tuple(replace(step, again=None) for step in stays)


def events_of(schedule: Schedule) -> frozenset[str]:
    """The kinds of steps in a schedule that `eventless` leaves out."""
    kinds = {
        Action.LEAVE: "leaves by {0.way.value}",
        Action.BREAK: "sends {0.breaks.value}",
        Action.STALL: "stops reading",
    }
    events = {kinds[step.deed].format(step) for step in schedule if step.deed in kinds}
    return frozenset(events | {"takes over an id" for step in schedule if step.again is not None})


def try_again(schedule: Schedule, fails: Callable[[Schedule], bool]) -> ControlRuns:
    """Repeat a schedule, without asking who is to blame."""
    return ControlRuns(sum(fails(schedule) for _ in range(REPEATS)))


def put_on_trial(
    schedule: Schedule, fails: Callable[[Schedule], bool], fails_at_all: Callable[[Schedule], bool]
) -> ControlRuns:
    """Repeat a schedule with and without the misdeed, until it is clear whether that is to blame.

    What does not fail every time may be chance: then there are twice as many control runs.
    """
    control = without_misdeeds(schedule)
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
    return ControlRuns(again, clean, clean)
