"""The checks of a quick run: those that found most faults for the time they take, in that order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from wsproof.delivery.catalogue import ChannelCheck
from wsproof.delivery.delivery_property import DeliveryProperty
from wsproof.delivery.departure_properties import ALL_AT_ONCE, LAST_ONE_OUT
from wsproof.delivery.schedule import Schedule
from wsproof.delivery.volume_properties import BURSTS

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
"""The names of these checks. Some run only a part of their schedules, which is named here; none draws any."""


def quick_checks(checks: Iterable[ChannelCheck]) -> list[ChannelCheck]:
    """The checks of a quick run among these."""
    known = {each.name: each for each in checks}
    return [_quick(known[name], schedules) for name, schedules in QUICK.items() if name in known]


def _quick(each: ChannelCheck, schedules: tuple[Schedule, ...]) -> ChannelCheck:
    if not isinstance(each, DeliveryProperty):
        return each
    return replace(each, edges=schedules or each.edges, schedules=None)
