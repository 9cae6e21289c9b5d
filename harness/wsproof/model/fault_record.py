"""What faulty clients did to healthy ones and to the server, and how clients came back after all were dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class FaultFigure:
    """A figure of the healthy clients, in windows without faulty clients and beside them.

    `without` and `beside` are medians of the windows. `ratio` is the geometric mean over all pairs of windows, with its
    95 % interval; None if too few pairs have the figure.
    """

    name: str
    unit: str
    without: float | None
    beside: float | None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    pairs: int = 0
    has_worsened: bool = False
    """Whether the figure is larger beside faulty clients than noise explains."""


@dataclass(frozen=True)
class FaultTally:
    """The faulty clients of one kind: how many connected, were refused, and were cut off by the server."""

    kind: str
    connected: int = 0
    refused: int = 0
    cut_off: int = 0


@dataclass(frozen=True)
class ServerState:
    """The server's private memory and open descriptors at one moment; None if unknown."""

    memory_bytes: int | None
    fds: int | None


@dataclass(frozen=True)
class FaultResources:
    """The server before, during (its peak) and after faulty clients.

    `waited_s`: seconds from the end of the last faulty client to the reading `after`. The wait ends once the server has
    as few descriptors as before.
    """

    before: ServerState
    during: ServerState
    after: ServerState
    waited_s: float


@dataclass(frozen=True)
class FaultsRecord:
    """The result of `--faults`. `unsure` says why the figures prove nothing about the server; empty if they do."""

    faults: str
    window_s: float
    figures: tuple[FaultFigure, ...] = ()
    tallies: tuple[FaultTally, ...] = ()
    resources: FaultResources | None = None
    unsure: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `faults` in a run record."""
        return asdict(self) | {
            "figures": [asdict(one) for one in self.figures],
            "tallies": [asdict(one) for one in self.tallies],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FaultsRecord:
        """The inverse of `to_json`."""
        resources = data["resources"]
        return cls(
            data["faults"],
            data["window_s"],
            tuple(FaultFigure(**one) for one in data["figures"]),
            tuple(FaultTally(**one) for one in data["tallies"]),
            None if resources is None else _resources(resources),
            data["unsure"],
        )


def _resources(data: Mapping[str, Any]) -> FaultResources:
    states = {name: ServerState(**data[name]) for name in ("before", "during", "after")}
    return FaultResources(**states, waited_s=data["waited_s"])


@dataclass(frozen=True)
class StormTurn:
    """All clients were dropped at once and came back.

    `is_spread`: each waited a random time first. `recovered_s` is the time until the last one was served again; None if
    not all were within the time limit. `refused` counts attempts that failed, `peak_refused` those in the worst second.
    """

    is_spread: bool
    clients: int
    returned: int
    recovered_s: float | None
    median_s: float | None
    refused: int = 0
    peak_refused: int = 0
    refusal: str = ""
    """The server's most frequent refusal, in words; empty without one."""


@dataclass(frozen=True)
class StormRecord:
    """The result of `--reconnect-storm`. `unsure` says why it proves nothing about the server; empty if it does."""

    turns: tuple[StormTurn, ...]
    spread_s: float
    limit_s: float
    unsure: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `reconnect_storm` in a run record."""
        return asdict(self) | {"turns": [asdict(one) for one in self.turns]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StormRecord:
        """The inverse of `to_json`."""
        turns = tuple(StormTurn(**one) for one in data["turns"])
        return cls(turns, data["spread_s"], data["limit_s"], data["unsure"])
