"""Faulty clients beside a load: which kinds, how many at a time, and how many a second.

stalled=5,reset=1/s,silent=3,churn=10/s,slow-handshake=10,garbage=1/s
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MOST_AT_ONCE = 1_000
"""Most faulty clients of one kind that are connected at a time."""
MOST_PER_S = 1_000.0
"""Most faulty clients of one kind in a second."""
_ENTRY = re.compile(r"([a-z-]+)=(\d+(?:\.\d+)?)(/s)?")


class FaultKind(StrEnum):
    """What a faulty client does. Those of STANDING stay for a whole window; the others come and go."""

    STALLED = "stalled"
    """Joins, and reads nothing. The first one sends pings before, whose answers fill its buffers."""
    SILENT = "silent"
    """Joins, then reads nothing and answers no ping."""
    SLOW_HANDSHAKE = "slow-handshake"
    """Sends its handshake byte by byte, and never all of it."""
    RESET = "reset"
    """Joins, and resets its TCP connection."""
    CHURN = "churn"
    """Joins, and closes its connection."""
    GARBAGE = "garbage"
    """Sends bytes that are no HTTP, or a frame that no server may accept."""


STANDING = (FaultKind.STALLED, FaultKind.SILENT, FaultKind.SLOW_HANDSHAKE)
"""The kinds of which a number is connected at a time."""


@dataclass(frozen=True)
class FaultLoad:
    """The faulty clients beside a load.

    `standing` has the number of clients that are connected at a time, `per_s` the number that come each second.
    """

    standing: Mapping[FaultKind, int] = field(default_factory=dict)
    per_s: Mapping[FaultKind, float] = field(default_factory=dict)

    def __str__(self) -> str:
        standing = [f"{kind}={number}" for kind, number in self.standing.items()]
        return ",".join([*standing, *(f"{kind}={rate:g}/s" for kind, rate in self.per_s.items())])


def parse_faults(text: str) -> FaultLoad:
    """Parse the value of `--faults`.

    Raises:
        ValueError: an entry is unknown, repeated, or no number.
    """
    standing: dict[FaultKind, int] = {}
    per_s: dict[FaultKind, float] = {}
    for entry in text.split(","):
        kind, number, is_rate = _parsed(entry.strip())
        if kind in standing or kind in per_s:
            raise ValueError(f"{kind} occurs twice")
        if is_rate:
            per_s[kind] = number
        else:
            standing[kind] = int(number)
    return FaultLoad(standing, per_s)


def _parsed(entry: str) -> tuple[FaultKind, float, bool]:
    name = entry.partition("=")[0]
    if name not in list(FaultKind):
        raise ValueError(f"expected one of {', '.join(FaultKind)}, got {name!r}")
    kind = FaultKind(name)
    match = _ENTRY.fullmatch(entry)
    form = f"{kind}=5" if kind in STANDING else f"{kind}=1/s"
    meaning = "clients that are connected at a time" if kind in STANDING else "clients that come each second"
    if match is None or bool(match[3]) == (kind in STANDING):
        raise ValueError(f"expected {form} ({meaning}), got {entry!r}")
    number = float(match[2])
    most = MOST_AT_ONCE if kind in STANDING else MOST_PER_S
    if not 0 < number <= most or (kind in STANDING and not number.is_integer()):
        raise ValueError(f"expected {form}, with at most {most:,g}, got {entry!r}")
    return kind, number, kind not in STANDING
