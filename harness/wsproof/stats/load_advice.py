"""Advice to use less or more load, with the options of the load generator that measured."""

from __future__ import annotations

from dataclasses import dataclass

from wsproof.model.measurement import Measurement
from wsproof.model.plan import Plan


@dataclass(frozen=True)
class LoadControls:
    """The words of a load generator for its members, and the options that set its load."""

    member: str
    members: str
    members_option: str
    rate_option: str
    duration_option: str

    def count(self, number: int) -> str:
        """A number of members in words."""
        return f"{number:,} {self.member if number == 1 else self.members}"

    def less(self, plan: Plan, *, is_feed: bool, start: str = "Use ") -> str:
        """Advice to use less load. The rate of a feed is not an option."""
        fewer = f"fewer {self.members} than {plan.subscribers} ({self.members_option})"
        if is_feed:
            return start + fewer
        return f"{start}a lower rate than {plan.rate_hz:g} Hz ({self.rate_option}) or {fewer}"

    def more_deliveries(self, plan: Plan) -> str:
        """Advice to measure more deliveries."""
        return (
            f"Measure longer than {plan.duration_s:.3g} s ({self.duration_option}), or with more than "
            f"{self.count(plan.subscribers)} ({self.members_option})."
        )


ENGINE = LoadControls("subscriber", "subscribers", "--subscribers", "--rate", "--duration")
"""The load engine of wsproof."""
LOCUST = LoadControls("user", "users", "--users", "--ws-rate", "--duration, or Locust's --run-time")
"""Locust, alone or as `wsproof load`."""


def controls_of(measurement: Measurement) -> LoadControls:
    """The controls of the generator that made a measurement."""
    return LOCUST if measurement.generator.loop == "gevent" else ENGINE
