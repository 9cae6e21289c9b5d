"""Data series for the charts of a run: a measurement reduced to a few hundred points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias

__all__ = ["ChartSeries", "Columns"]

Columns: TypeAlias = Mapping[str, Sequence[float | None]]
"""The columns of one chart, by name. Empty without data."""


@dataclass(frozen=True)
class ChartSeries:
    """The series of each chart. Times are in ns, except `at_s`: seconds since the measured window began."""

    percentiles: Columns = field(default_factory=dict)
    timeline: Columns = field(default_factory=dict)
    time_to_last: Columns = field(default_factory=dict)
    deliveries: Columns = field(default_factory=dict)
    server: Columns = field(default_factory=dict)
    generator: Columns = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `series` in a run record."""
        return {one.name: dict(getattr(self, one.name)) for one in fields(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ChartSeries:
        """The inverse of `to_json`. Unknown series of later versions are ignored."""
        return cls(**{one.name: data[one.name] for one in fields(cls) if one.name in data})
