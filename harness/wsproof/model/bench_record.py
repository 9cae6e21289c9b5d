"""Circumstances and results of a measurement, apart from its metrics and findings: set-up, objectives, chart series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeAlias

__all__ = [
    "ArrivalIntervals",
    "ChartSeries",
    "Columns",
    "GeneratorSetup",
    "MixedLoad",
    "ObjectiveOutcome",
    "SecondMeasurement",
]


@dataclass(frozen=True)
class ObjectiveOutcome:
    """One `--slo` objective. `met` is None if it could not be decided; `sentence` says the outcome in words."""

    objective: str
    met: bool | None
    value: float | None = None
    sentence: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `objectives` in a run record."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ObjectiveOutcome:
        """The inverse of `to_json`."""
        return cls(**data)


@dataclass(frozen=True)
class ArrivalIntervals:
    """Messages whose arrival is known only within an interval, because several were read together. Widths in ns."""

    messages: int
    width_p50_ns: int
    width_p99_ns: int
    width_max_ns: int


@dataclass(frozen=True)
class GeneratorSetup:
    """The load generator of a measurement.

    `chosen`: wsproof chose the number of processes, not the user. `cores` are those reserved for the generator. `loop`
    is the event loop's library. `reader` is the code that read known frames, `compiled` or `python`. `deflated` counts
    the connections that agreed to compression; None if none was offered. `stamps` is the clock of the arrival times,
    `kernel` or `user`. With the kernel's, `full_buffers` counts the reads that found a full receive buffer.
    """

    processes: int
    chosen: bool
    cores: tuple[int, ...] = ()
    loop: str | None = None
    reader: str | None = None
    stamps: str | None = None
    intervals: ArrivalIntervals | None = None
    full_buffers: int | None = None
    deflated: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `generator` in a run record."""
        return asdict(self) | {"cores": list(self.cores)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> GeneratorSetup:
        """The inverse of `to_json`."""
        intervals = data.get("intervals")
        return cls(
            **{
                **data,
                "cores": tuple(data["cores"]),
                "intervals": None if intervals is None else ArrivalIntervals(**intervals),
            }
        )


@dataclass(frozen=True)
class SecondMeasurement:
    """A load that was measured twice, because figures that count were void the first time.

    `because` holds the codes of the first block's warnings. `kept` is "first" or "second".
    """

    because: tuple[str, ...]
    kept: str

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `measured_again` in a run record."""
        return {"because": list(self.because), "kept": self.kept}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SecondMeasurement:
        """The inverse of `to_json`."""
        return cls(tuple(data["because"]), data["kept"])


@dataclass(frozen=True)
class MixedLoad:
    """The other load on the server in a mix of workloads, and the server's CPU time per delivery of all workloads."""

    beside: str
    server_cpu_per_delivery_us: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `mix` in a run record."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> MixedLoad:
        """The inverse of `to_json`."""
        return cls(**data)


Columns: TypeAlias = Mapping[str, Sequence[float | None]]
"""The columns of one chart, by name. Empty without data."""


@dataclass(frozen=True)
class ChartSeries:
    """Data series of the charts of a run, each reduced to a few hundred points.

    Times are in ns, except `at_s`: seconds since the measured window began.
    """

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
