"""Judges what a server keeps of members that have left: places, file descriptors, threads and memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from wsproof.checks.check import found
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level

ROUNDS = 8
"""Rounds after the warm-up. A resource that grows in each of them is never freed."""
FEWEST_STEPS = 5
"""Fewest rounds after the warm-up for a verdict."""
LEAST_SHARE = 0.02
"""Share of a round's members from which kept descriptors or threads count."""
LEAST_BYTES = 8_000
"""Bytes per member from which kept memory counts. Allocators and uncollected garbage explain less."""


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
    `came_before` counts the members that had joined and left by then.
    """

    rounds: tuple[ReleaseRound, ...] = ()
    refusal: str = ""
    came_before: int = 0


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
    return [replace(found(Anomaly.NOTHING_RECEIVED, contract, explanation, ()), check="place-not-freed")]


def _steps(values: Sequence[int | None]) -> list[int]:
    """The growth from round to round; empty if a value is not known, or if there are too few rounds."""
    known = [value for value in values if value is not None]
    if len(known) < len(values) or len(known) <= FEWEST_STEPS:
        return []
    return [after - before for before, after in pairwise(known)]


def _kept(
    record: ReleaseRecord, contract: Contract, what: str, value: Callable[[ReleaseRound], int | None]
) -> list[Finding]:
    """The finding that something countable grew in every round."""
    steps = _steps([value(round_) for round_ in record.rounds])
    sizes = [round_.connections for round_ in record.rounds[1:]]
    if not steps or any(step < max(2, LEAST_SHARE * size) for step, size in zip(steps, sizes, strict=True)):
        return []
    explanation = (
        f"Of {sum(sizes)} members that had left, the server kept {sum(steps)} {what}: their number grew in each of "
        f"{len(steps)} rounds, by {', '.join(map(str, steps))}."
    )
    finding = found(
        Anomaly.NOT_FREED, contract, explanation, [_line(at, round_) for at, round_ in enumerate(record.rounds)]
    )
    return [replace(finding, check=f"{what.split()[-1]}-not-freed")]


def has_memory_leak(rounds: Sequence[ReleaseRound]) -> bool:
    """Whether the memory grew in every round, and late as much as early."""
    each = _bytes_per_member(rounds)
    if not each:
        return False
    early, late = each[: len(each) // 2], each[len(each) // 2 :]
    is_late_too = sum(late) / len(late) >= sum(early) / len(early) / 2
    return min(each) > 0 and sum(each) / len(each) >= LEAST_BYTES and is_late_too


def _bytes_per_member(rounds: Sequence[ReleaseRound]) -> list[float]:
    steps = _steps([round_.memory_bytes for round_ in rounds])
    return [step / round_.connections for step, round_ in zip(steps, rounds[1:], strict=bool(steps))]


def _memory(record: ReleaseRecord, contract: Contract) -> list[Finding]:
    """The finding that memory grew. It may be a cache, so it is non-strict."""
    if not has_memory_leak(record.rounds):
        return []
    each = _bytes_per_member(record.rounds)
    explanation = (
        f"The memory of the server grew in each of {len(each)} rounds of members that joined and left under the same "
        f"names, by {sum(each) / len(each) / 1000:.1f} kB per member. It may be a cache that is not full yet."
    )
    lines = [_line(at, round_) for at, round_ in enumerate(record.rounds)]
    finding = found(Anomaly.NOT_FREED, contract, explanation, lines, level=Level.NON_STRICT)
    return [replace(finding, check="memory-not-freed")]


def _line(at: int, round_: ReleaseRound) -> str:
    parts = [f"after round {at}, {round_.connections} members"]
    parts += [f"{round_.fds} descriptors"] if round_.fds is not None else []
    parts += [f"{round_.threads} threads"] if round_.threads is not None else []
    parts += [f"{round_.memory_bytes / 1e6:.1f} MB"] if round_.memory_bytes is not None else []
    return ", ".join(parts)
