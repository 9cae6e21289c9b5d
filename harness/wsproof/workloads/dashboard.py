"""The feed of `tutorial`: `/dashboard-feed` sends one JSON object to all viewers in every period."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import ClassVar

from wsproof.errors import UsageError
from wsproof.model.contract import Audience, Contract, Feed, Order, Range
from wsproof.model.reference_server import DASHBOARD_PERIOD
from wsproof.workloads.base import MessageKind, Parsed, Workload

PERIOD_S = 2.0
"""Default period in seconds."""
FIELDS = (
    ("cpu_usage", Range(0, 100)),
    ("memory_usage", Range(0, 100)),
    ("active_users", Range(0, math.inf, integer=True)),
    ("response_time", Range(0, math.inf)),
)
"""The fields of each object, with the range of each."""


class Dashboard(Workload):
    """A channel on which only the server sends."""

    name = "dashboard"
    title = "Dashboard: the same figures to all viewers, every period"
    parameters: ClassVar[Mapping[str, str]] = {"period": f"seconds between two objects (default {PERIOD_S:g})"}

    def __init__(self, settings: Mapping[str, str] | None = None, *, base: int = 1) -> None:
        super().__init__(settings, base=base)
        self.period_s = _seconds(self.settings["period"]) if "period" in self.settings else PERIOD_S

    @property
    def contract(self) -> Contract:
        return Contract(
            channel=self.name,
            audience=Audience.NOBODY,
            order=Order.NONE,
            feed=Feed(self.period_s, FIELDS),
        )

    def path(self, member: int) -> str:
        return "/dashboard-feed"

    def read(self, member: int, message: str | bytes) -> Parsed:
        if isinstance(message, bytes):
            return Parsed(MessageKind.UNEXPECTED, text=repr(message))
        try:
            value = json.loads(message)
        except (ValueError, RecursionError):
            return Parsed(MessageKind.TICK, text=message)
        return Parsed(MessageKind.TICK, value=value if isinstance(value, dict) else None, text=message)

    def server_environment(self) -> Mapping[str, str]:
        return {DASHBOARD_PERIOD: f"{self.period_s:g}"} if "period" in self.settings else {}


def _seconds(text: str) -> float:
    """The setting `dashboard.period` in seconds. Raises UsageError if it is not a number above 0."""
    try:
        period = float(text)
    except ValueError:
        period = math.nan
    if not 0 < period < math.inf:
        raise UsageError(f"dashboard.period must be a number of seconds above 0, not {text!r}: try dashboard.period=2")
    return period
