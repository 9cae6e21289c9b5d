"""Detects leaks by the slope of a resource over past connections, never by its amount."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

__all__ = ["MEMORY_LEAK_BYTES", "ChurnRound", "grows_steadily", "leaked_bytes", "leaked_fds"]

MEMORY_LEAK_BYTES = 2_000
"""Bytes per connection that count as a leak. Allocators and garbage collectors hide smaller ones."""
_FDS_SHARE = 0.02
"""Least share of a round's connections whose leaked descriptors count."""


@dataclass(frozen=True, slots=True)
class ChurnRound:
    """Resources of the server after a round of `connections` that had all ended; None if unknown."""

    connections: int
    fds: int | None
    memory_bytes: int | None


def leaked_fds(rounds: Sequence[ChurnRound]) -> float | None:
    """File descriptors leaked per connection; None unless every round after the warm-up leaked some."""
    steps = [
        after.fds - before.fds for before, after in pairwise(rounds) if before.fds is not None and after.fds is not None
    ]
    sizes = [each.connections for each in rounds[1:]]
    if not steps or len(steps) < len(sizes):
        return None
    if any(step < max(2, _FDS_SHARE * size) for step, size in zip(steps, sizes, strict=True)):
        return None
    return sum(steps) / sum(sizes)


def leaked_bytes(rounds: Sequence[ChurnRound]) -> float:
    """Bytes leaked per connection: the median over the rounds after the warm-up, since memory also grows in steps."""
    steps = [
        (after.memory_bytes - before.memory_bytes) / after.connections
        for before, after in pairwise(rounds)
        if before.memory_bytes is not None and after.memory_bytes is not None
    ]
    return median(steps) if steps else 0.0


def grows_steadily(rounds: Sequence[ChurnRound]) -> bool:
    """Whether connections leak memory: it grew early and late alike, and never fell.

    Memory also grows until a garbage collector runs, so it must grow in the later half as well.
    """
    held = [each.memory_bytes for each in rounds if each.memory_bytes is not None]
    if len(held) < len(rounds) or len(rounds) < 5:
        return False
    early, late = leaked_bytes(rounds[: len(rounds) // 2 + 1]), leaked_bytes(rounds[len(rounds) // 2 :])
    least = min(early, late)
    total = held[-1] - held[0]
    per_connection = total / sum(each.connections for each in rounds[1:])
    return (
        least >= MEMORY_LEAK_BYTES
        and per_connection >= MEMORY_LEAK_BYTES
        and late >= early / 2
        and held[-1] == max(held)
    )
