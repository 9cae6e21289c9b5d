"""Judges what a server keeps of members that have left: places, file descriptors, threads and memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from wsproof.checks.check import channel_finding
from wsproof.checks.memory_growth import MemoryGrowth, MemoryReading, MemoryVerdict
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level

ROUNDS = 8
"""Rounds after the warm-up. A resource that grows in each of them is never freed."""
FEWEST_STEPS = 5
"""Fewest rounds after the warm-up for a verdict."""
LEAST_SHARE = 0.02
"""Share of a round's members from which kept descriptors or threads count."""
MOST_LINES = 9
"""Maximum number of readings of the memory that a finding shows."""


@dataclass(frozen=True, slots=True)
class ReleaseRound:
    """Resources of the server after a round of `connections` members, which have all left; None if unknown."""

    connections: int
    fds: int | None = None
    threads: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class ReleaseRecord:
    """The results of all rounds. The first one is the warm-up.

    `refusal` says how the server refused a member, repeatedly, although all others had left; empty if it did not.
    `came_before` counts the members that had joined and left by then. In the rounds `in_turn`, which follow if the
    memory grew in `rounds`, each member leaves before the next one joins.
    """

    rounds: tuple[ReleaseRound, ...] = ()
    refusal: str = ""
    came_before: int = 0
    in_turn: tuple[ReleaseRound, ...] = ()

    @property
    def may_leak_memory(self) -> bool:
        """Whether the memory grew in `rounds` as a leak would make it grow. More members must show whether it does."""
        return len(self.rounds) > FEWEST_STEPS and _growth(self.rounds).is_suspected

    @property
    def memory_growth(self) -> MemoryGrowth:
        """The growth of the memory in the rounds `in_turn`.

        Garbage in cycles that outlived several collections is collected late, perhaps after thousands of members. If
        the members are not connected at the same time, little of their garbage grows that old.
        """
        return _growth((*self.rounds[-1:], *self.in_turn))


def judge_release(record: ReleaseRecord, contract: Contract) -> list[Finding]:
    """All findings about what the server keeps of members that have left."""
    return [
        *_place(record, contract),
        *_kept(record, contract, "file descriptors", lambda round_: round_.fds),
        *_kept(record, contract, "threads", lambda round_: round_.threads),
        *_memory(record, contract),
    ]


def _place(record: ReleaseRecord, contract: Contract) -> list[Finding]:
    """The finding that the server does not free the places of members that have left."""
    if not record.refusal:
        return []
    explanation = (
        f"After {record.came_before} members had joined and left, the server refused the next one, although nobody "
        f"was connected any more: {record.refusal}. It had accepted members before, so it did not free their places."
    )
    return [replace(channel_finding(Anomaly.NOTHING_RECEIVED, contract, explanation, ()), check="place-not-freed")]


def _steps(values: Sequence[int | None]) -> list[int]:
    """The growth from round to round; empty if a value is not known, or if there are too few rounds."""
    measured = [value for value in values if value is not None]
    if len(measured) < len(values) or len(measured) <= FEWEST_STEPS:
        return []
    return [after - before for before, after in pairwise(measured)]


def _kept(
    record: ReleaseRecord, contract: Contract, resource: str, value: Callable[[ReleaseRound], int | None]
) -> list[Finding]:
    """The finding that something countable grew in every round."""
    steps = _steps([value(round_) for round_ in record.rounds])
    sizes = [round_.connections for round_ in record.rounds[1:]]
    if not steps or any(step < max(2, LEAST_SHARE * size) for step, size in zip(steps, sizes, strict=True)):
        return []
    explanation = (
        f"Of {sum(sizes)} members that had left, the server kept {sum(steps)} {resource}: their number grew in each of "
        f"{len(steps)} rounds, by {', '.join(map(str, steps))}."
    )
    finding = channel_finding(
        Anomaly.NOT_FREED, contract, explanation, [_line(at, round_) for at, round_ in enumerate(record.rounds)]
    )
    return [replace(finding, check=f"{resource.split()[-1]}-not-freed")]


def _growth(rounds: Sequence[ReleaseRound]) -> MemoryGrowth:
    """The growth of the memory since the first of these rounds; empty if a reading is missing."""
    members = accumulate((round_.connections for round_ in rounds[1:]), initial=0)
    readings = [
        MemoryReading(count, round_.memory_bytes)
        for count, round_ in zip(members, rounds, strict=False)
        if round_.memory_bytes is not None
    ]
    return MemoryGrowth(readings if len(readings) == len(rounds) else ())


def _memory(record: ReleaseRecord, contract: Contract) -> list[Finding]:
    """The finding that memory grew on and on. It may be a cache, so it is non-strict."""
    growth = record.memory_growth
    if growth.verdict is not MemoryVerdict.LEAK:
        return []
    early, late = (half.bytes_per_member / 1024 for half in growth.parts(2))
    explanation = (
        f"{growth.members} members joined and left, one after the other and under the same names. The memory of the "
        f"server grew by {growth.grown_bytes / 1e6:.1f} MB: {growth.bytes_per_member / 1024:.1f} KiB for each member, "
        f"{early:.1f} KiB in the first half and {late:.1f} KiB in the second. It may also be a cache that is not "
        "full yet, garbage that is not collected yet, or state that the server keeps for some time."
    )
    finding = channel_finding(Anomaly.NOT_FREED, contract, explanation, _memory_lines(growth), level=Level.NON_STRICT)
    return [replace(finding, check="memory-not-freed")]


def _memory_lines(growth: MemoryGrowth) -> list[str]:
    """A line for each of some readings, from the first to the last."""
    last = len(growth.readings) - 1
    shown = sorted({last * at // (MOST_LINES - 1) for at in range(MOST_LINES)})
    return [
        f"after {growth.readings[at].members} members, {growth.readings[at].held_bytes / 1e6:.1f} MB" for at in shown
    ]


def _line(at: int, round_: ReleaseRound) -> str:
    parts = [f"after round {at}, {round_.connections} members"]
    parts += [f"{round_.fds} descriptors"] if round_.fds is not None else []
    parts += [f"{round_.threads} threads"] if round_.threads is not None else []
    parts += [f"{round_.memory_bytes / 1e6:.1f} MB"] if round_.memory_bytes is not None else []
    return ", ".join(parts)
