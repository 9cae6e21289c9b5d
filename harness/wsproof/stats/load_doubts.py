"""Doubts about a load of Locust users: whether it was the requested load, and whether it can prove anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from wsproof.model.contract import Audience
from wsproof.model.history import Departure
from wsproof.model.measurement import Measurement
from wsproof.stats.trust import LOADED
from wsproof.stats.void_figures import Doubt, doubt

SHARED = (Audience.EVERYONE, Audience.OTHERS)
"""Audiences that need a second member."""


def load_doubts(measurement: Measurement, *, is_ramp_complete: bool, users_asked: int) -> tuple[Doubt, ...]:
    """The doubts about one workload. `users_asked`: the users of all workloads that Locust was to spawn."""
    return (
        *(() if is_ramp_complete else (_incomplete_ramp(measurement, users_asked),)),
        *_missing_users(measurement),
        *_lonely_rooms(measurement),
    )


def _incomplete_ramp(measurement: Measurement, users_asked: int) -> Doubt:
    workload, users = measurement.contract.channel, len(measurement.history.members)
    return doubt(
        "ramp-not-ended",
        f"The test ended before all {users_asked} users had joined ({users} of {workload} had joined): "
        "there is no measured window, and the load was lighter than requested.",
        "Run longer (--run-time), or let users arrive faster (--spawn-rate).",
        LOADED,
    )


def _missing_users(measurement: Measurement) -> Iterator[Doubt]:
    """Users whose handshake timed out, and who did not try again. The trust rules report refused users."""
    history = measurement.history
    replaced = {member.replaces for member in history.members}
    users = sum(1 for member in history.members if member.replaces < 0)
    gone = [m for m in history.members if m.departure is Departure.CLOSED and not m.connected_ns]
    missing = sum(1 for member in gone if member.left_ns < history.end_ns and member.number not in replaced)
    if missing:
        yield doubt(
            "users-missing",
            f"{missing} of {users} users were not answered in time and never joined: "
            "the load was lighter than requested.",
            "Let users arrive more slowly (--spawn-rate), or use fewer (--users).",
            LOADED,
        )


def _lonely_rooms(measurement: Measurement) -> Iterator[Doubt]:
    contract, history = measurement.contract, measurement.history
    if contract.audience not in SHARED or contract.feed is not None:
        return
    rooms = Counter(member.room for member in history.members if member.connected_ns and member.is_well_behaved)
    lonely = sum(1 for members in rooms.values() if members == 1)
    if not lonely:
        return
    is_all = lonely == len(rooms)
    which = "Its only user was" if len(rooms) == 1 else f"In {lonely} of {len(rooms)} rooms a user was"
    yield doubt(
        "one-member",
        f"{which} alone in the room of {contract.channel}: nobody else could miss a message, so nothing is proven.",
        "Use more users (--users), or fewer rooms.",
        (*LOADED, "reach") if is_all else (),
    )
