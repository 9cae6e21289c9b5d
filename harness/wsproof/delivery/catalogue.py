"""All checks of channels: those that consist of schedules, and those that do their own work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from wsproof.delivery.channel_probe import ChannelProbe
from wsproof.delivery.delivery_property import DeliveryProperty
from wsproof.delivery.departure_properties import ALL_AT_ONCE, LAST_ONE_OUT
from wsproof.delivery.disturbance_probe import RECOVERS
from wsproof.delivery.limits_probe import LIMITS
from wsproof.delivery.pause_probe import PAUSE
from wsproof.delivery.places_probe import PLACES
from wsproof.delivery.properties import PROPERTIES
from wsproof.delivery.rate_probe import RATE
from wsproof.delivery.release_probe import RELEASE
from wsproof.delivery.repeat_probe import REPEATS
from wsproof.delivery.revocation_probe import REVOCATION
from wsproof.delivery.room_names_probe import ROOM_NAMES
from wsproof.delivery.schedule import Schedule
from wsproof.delivery.shutdown_probe import SHUTDOWN
from wsproof.delivery.standing_probe import STANDING
from wsproof.delivery.state_probe import STATE
from wsproof.delivery.volume_properties import BURSTS
from wsproof.delivery.worker_crash_probe import WORKER_CRASH
from wsproof.net.endpoint import Endpoint
from wsproof.workloads import Workload

ChannelCheck: TypeAlias = DeliveryProperty | ChannelProbe

CHANNEL_PROBES: tuple[ChannelProbe, ...] = (
    RELEASE,
    PLACES,
    ROOM_NAMES,
    STATE,
    REPEATS,
    LIMITS,
    REVOCATION,
    RATE,
    STANDING,
    RECOVERS,
    WORKER_CRASH,
    PAUSE,
    SHUTDOWN,
)
"""Every check that is no set of schedules, in the order of execution."""
CHANNEL_CHECKS: tuple[ChannelCheck, ...] = (*PROPERTIES, *CHANNEL_PROBES)
"""Every check of a channel."""
QUICK: Mapping[str, tuple[Schedule, ...]] = {
    "delivery": (),
    "feed": (),
    "cross-worker-delivery": (),
    "late-join": (),
    "reconnect": (),
    "volume": (BURSTS,),
    "departures": (ALL_AT_ONCE, LAST_ONE_OUT),
    "messages-before-close": (),
    "leave-notices": (),
    "concurrent-joins": (),
    "silent-client-isolation": (),
    "resuming": (),
    "room-change": (),
    "double-subscription": (),
    "order": (),
    "feed-restart": (),
    "access": (),
    "long-lived-listeners": (),
}
"""The checks of a quick run, by name: those that found most faults for the time they take, in that order.

Some run only a part of their schedules, which is listed here. None draws any.
"""


def properties_of(workload: Workload, endpoint: Endpoint | None = None) -> list[ChannelCheck]:
    """The checks that can be made on the channel of this workload at this endpoint."""
    return [each for each in CHANNEL_CHECKS if each.applies_to(workload, endpoint)]


def quick_checks(checks: Iterable[ChannelCheck]) -> list[ChannelCheck]:
    """The checks of a quick run among these."""
    known = {each.name: each for each in checks}
    return [_quick(known[name], schedules) for name, schedules in QUICK.items() if name in known]


def _quick(each: ChannelCheck, schedules: tuple[Schedule, ...]) -> ChannelCheck:
    if not isinstance(each, DeliveryProperty):
        return each
    return replace(each, edges=schedules or each.edges, schedules=None)
