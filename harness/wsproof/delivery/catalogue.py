"""All checks of channels: those that consist of schedules, and those that do their own work."""

from __future__ import annotations

from typing import TypeAlias

from wsproof.delivery.channel_probe import ChannelProbe
from wsproof.delivery.delivery_property import DeliveryProperty
from wsproof.delivery.disturbance_probe import RECOVERS
from wsproof.delivery.limits_probe import LIMITS
from wsproof.delivery.pause_probe import PAUSE
from wsproof.delivery.properties import PROPERTIES
from wsproof.delivery.rate_probe import RATE
from wsproof.delivery.release_probe import RELEASE
from wsproof.delivery.revocation_probe import REVOCATION
from wsproof.delivery.shutdown_probe import SHUTDOWN
from wsproof.delivery.standing_probe import STANDING
from wsproof.net.endpoint import Endpoint
from wsproof.workloads import Workload

ChannelCheck: TypeAlias = DeliveryProperty | ChannelProbe

CHANNEL_PROBES: tuple[ChannelProbe, ...] = (
    RELEASE,
    LIMITS,
    REVOCATION,
    RATE,
    STANDING,
    RECOVERS,
    PAUSE,
    SHUTDOWN,
)
"""Every check that is no set of schedules, in the order of execution."""
CHANNEL_CHECKS: tuple[ChannelCheck, ...] = (*PROPERTIES, *CHANNEL_PROBES)
"""Every check of a channel."""


def properties_of(workload: Workload, endpoint: Endpoint | None = None) -> list[ChannelCheck]:
    """The checks that can be made on the channel of this workload at this endpoint."""
    return [each for each in CHANNEL_CHECKS if each.applies_to(workload, endpoint)]
