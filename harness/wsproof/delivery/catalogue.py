"""All checks of channels: properties, which consist of schedules, and probes, which do their own work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from wsproof.delivery.channel_probe import ChannelProbe
from wsproof.delivery.delivery_property import DeliveryProperty
from wsproof.delivery.departure_properties import ALL_AT_ONCE
from wsproof.delivery.disturbance_probe import RECOVERS, WORKER_CRASH
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
from wsproof.net.endpoint import Endpoint
from wsproof.workloads import Workload

ChannelCheck: TypeAlias = DeliveryProperty | ChannelProbe

CHANNEL_PROBES: tuple[ChannelProbe, ...] = (
    RELEASE,
    ROOM_NAMES,
    STATE,
    REPEATS,
    LIMITS,
    REVOCATION,
    RATE,
    PLACES,
    STANDING,
    RECOVERS,
    WORKER_CRASH,
    PAUSE,
    SHUTDOWN,
)
"""All probes, in the order of execution."""
CHANNEL_CHECKS: tuple[ChannelCheck, ...] = (*PROPERTIES, *CHANNEL_PROBES)
"""Every check of a channel."""
QUICK: Mapping[str, tuple[Schedule, ...]] = {
    "delivery": (),
    "feed": (),
    "cross-worker-delivery": (),
    "late-join": (),
    "reconnect": (),
    "volume": (BURSTS,),
    "departures": (ALL_AT_ONCE,),
    "last-departure": (),
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

The values are the schedules to run; an empty tuple stands for all edge schedules. No schedules are drawn.
"""


def properties_of(workload: Workload, endpoint: Endpoint | None = None) -> list[ChannelCheck]:
    """The checks that can be made on the channel of this workload at this endpoint."""
    return [check for check in CHANNEL_CHECKS if check.applies_to(workload, endpoint)]


def quick_checks(checks: Iterable[ChannelCheck]) -> list[ChannelCheck]:
    """The checks of a quick run among these."""
    by_name = {check.name: check for check in checks}
    return [_quick(by_name[name], schedules) for name, schedules in QUICK.items() if name in by_name]


def _quick(check: ChannelCheck, schedules: tuple[Schedule, ...]) -> ChannelCheck:
    if not isinstance(check, DeliveryProperty):
        return check
    return replace(check, edges=schedules or check.edges, schedules=None)
