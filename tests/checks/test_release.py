"""Tests of released resources: a leak is reported only if memory grows in each of eight rounds."""

from __future__ import annotations

from itertools import accumulate

import pytest

from wsproof import Audience, Contract, Level
from wsproof.checks.release import ReleaseRecord, ReleaseRound, judge_release

CHAT = Contract("chat", Audience.EVERYONE)
SIZE = 24


def findings_of(record: ReleaseRecord) -> list[tuple[str, Level]]:
    return [(finding.check, finding.level) for finding in judge_release(record, CHAT)]


def descriptors(*steps: int) -> ReleaseRecord:
    return ReleaseRecord(tuple(ReleaseRound(SIZE, fds, 5, 20_000_000) for fds in accumulate((14, *steps))))


def memory(*steps: int) -> ReleaseRecord:
    return ReleaseRecord(tuple(ReleaseRound(SIZE, 14, 5, held) for held in accumulate((20_000_000, *steps))))


def test_a_server_that_releases_its_resources_has_no_finding() -> None:
    assert findings_of(descriptors(*[0] * 8)) == []
    assert findings_of(ReleaseRecord()) == []


def test_descriptors_that_grow_in_each_round_are_a_violation() -> None:
    assert findings_of(descriptors(*[4] * 8)) == [("descriptors-not-freed", Level.VIOLATION)]


@pytest.mark.parametrize("steps", [(4, 4, 4, 0, 4, 4, 4, 4), (1,) * 8, (24, 0, 0, 0, 0, 0, 0, 0), (4, 4, 4, 4)])
def test_descriptors_that_do_not_grow_in_each_round_are_not_reported(steps: tuple[int, ...]) -> None:
    assert findings_of(descriptors(*steps)) == []


def test_kept_threads_are_reported_with_descriptors() -> None:
    rounds = tuple(ReleaseRound(SIZE, 14 + 3 * at, 5 + 3 * at, None) for at in range(9))
    assert findings_of(ReleaseRecord(rounds)) == [
        ("descriptors-not-freed", Level.VIOLATION),
        ("threads-not-freed", Level.VIOLATION),
    ]


def test_memory_that_grows_late_as_much_as_early_is_non_strict() -> None:
    assert findings_of(memory(*[SIZE * 10_000] * 8)) == [("memory-not-freed", Level.NON_STRICT)]


@pytest.mark.parametrize(
    "steps",
    [
        (SIZE * 1_000,) * 8,
        tuple(SIZE * 80_000 // 2**at for at in range(8)),
        (SIZE * 10_000,) * 7 + (-4_096,),
        (SIZE * 10_000, 0) * 4,
    ],
    ids=["little", "levels off", "falls once", "stands still"],
)
def test_memory_that_levels_off_or_is_collected_is_not_a_leak(steps: tuple[int, ...]) -> None:
    assert findings_of(memory(*steps)) == []


def test_unmeasured_resources_are_not_reported() -> None:
    assert findings_of(ReleaseRecord(tuple(ReleaseRound(SIZE) for _ in range(9)))) == []


def test_a_connection_slot_that_is_not_released_is_a_violation() -> None:
    (finding,) = judge_release(ReleaseRecord((), "HTTP/1.1 503", 48), CHAT)
    assert (finding.check, finding.level) == ("place-not-freed", Level.VIOLATION)
    assert "After 48 members had joined and left" in finding.explanation
