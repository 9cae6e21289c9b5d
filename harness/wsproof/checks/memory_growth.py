"""Distinguishes a memory leak, which goes on, from growth that ends: caches, allocators, uncollected garbage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import accumulate, pairwise

MIB = 2**20
LEAST_BYTES = 4_000
"""Bytes per member from which kept memory counts."""
SUSPECT_BYTES = 2 * LEAST_BYTES
"""Bytes per member in the second half that are suspect after any growth in the first."""
FEWEST_MEMBERS = 480
"""Fewest members that must have left for a verdict."""
LEAST_GROWTH_BYTES = 16 * MIB
"""Least growth of a leak. Garbage collectors and allocators explain less."""
LEAST_GROWTH_SHARE = 0.5
"""The same as a share of the memory at the start: the more a process holds, the later its garbage is collected."""
MOST_GROWTH_BYTES = 256 * MIB
"""Growth that is a leak even after fewer members."""
STEADY_SHARE = 0.75
"""Least growth of the second half of a leak, as a share of the growth of the first half."""
LEVEL_SHARE = 0.5
"""Growth of a part, as a share of the mean or of the part before it, below which memory levels off."""
FALL_SHARE = 1 / 8
"""Share of the growth that must not have been freed again at any time."""


class MemoryVerdict(Enum):
    """What a history of readings shows."""

    LEVELS_OFF = auto()
    UNDECIDED = auto()
    LEAK = auto()


@dataclass(frozen=True, slots=True)
class MemoryReading:
    """The memory of a server after `members` members had joined and left."""

    members: int
    held_bytes: int


@dataclass(frozen=True)
class MemoryGrowth:
    """The growth of a server's memory over a history of readings, the first of which is the start."""

    readings: Sequence[MemoryReading]

    @property
    def members(self) -> int:
        """The number of members that joined and left."""
        return self.readings[-1].members - self.readings[0].members if self.readings else 0

    @property
    def grown_bytes(self) -> int:
        """The growth from the first reading to the last."""
        return self.readings[-1].held_bytes - self.readings[0].held_bytes if self.readings else 0

    @property
    def bytes_per_member(self) -> float:
        """The mean growth for each member."""
        return self.grown_bytes / self.members if self.members else 0.0

    @property
    def is_suspected(self) -> bool:
        """Whether more members must show if the growth goes on.

        Memory may have grown faster at first, by a warm-up, if the late growth alone is large.
        """
        early, late = (half.bytes_per_member for half in self.parts(2))
        is_steady = self.bytes_per_member >= LEAST_BYTES and late >= max(LEAST_BYTES / 2, LEVEL_SHARE * early)
        return is_steady or late >= SUSPECT_BYTES

    @property
    def verdict(self) -> MemoryVerdict:
        """Whether the growth ended, or went on for so long that it is a leak."""
        if self._is_leak:
            return MemoryVerdict.LEAK
        if self.members >= FEWEST_MEMBERS and self.parts(2)[1].is_level:
            return MemoryVerdict.LEVELS_OFF
        return MemoryVerdict.UNDECIDED

    @property
    def is_level(self) -> bool:
        """Whether memory grew by much less for each member than a leak that counts."""
        return self.bytes_per_member < LEAST_BYTES / 2

    @property
    def _is_leak(self) -> bool:
        return self.bytes_per_member >= LEAST_BYTES and self._is_enough and self._is_steady

    @property
    def _is_enough(self) -> bool:
        """Whether so many members came, and memory grew so much, that no warm-up explains it."""
        if self.grown_bytes >= MOST_GROWTH_BYTES:
            return True
        least = max(LEAST_GROWTH_BYTES, LEAST_GROWTH_SHARE * self.readings[0].held_bytes)
        return self.members >= FEWEST_MEMBERS and self.grown_bytes >= least

    @property
    def _is_steady(self) -> bool:
        """Whether memory grew at nearly the same rate all the time, and the server freed little of it."""
        early, late = self.parts(2)
        quarters = self.parts(4)
        has_pause = min(quarter.bytes_per_member for quarter in quarters) < LEVEL_SHARE * self.bytes_per_member
        is_late_too = late.bytes_per_member >= STEADY_SHARE * early.bytes_per_member
        return is_late_too and not has_pause and self._largest_fall() < FALL_SHARE * self.grown_bytes

    def _largest_fall(self) -> int:
        """The largest number of bytes by which memory was below an earlier reading."""
        held = [reading.held_bytes for reading in self.readings]
        return max((peak - now for peak, now in zip(accumulate(held, max), held, strict=True)), default=0)

    def parts(self, count: int) -> list[MemoryGrowth]:
        """The history, cut into `count` parts of about as many readings. Each begins where the one before ends."""
        steps = len(self.readings) - 1
        cuts = [steps * at // count for at in range(count + 1)]
        return [MemoryGrowth(self.readings[begin : end + 1]) for begin, end in pairwise(cuts)]
