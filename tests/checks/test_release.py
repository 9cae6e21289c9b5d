"""Tests of findings about resources that the server does not release after its members have left."""

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


def memory(early: list[int], in_turn: list[int]) -> ReleaseRecord:
    """Return a record whose memory grew by these steps in the rounds of all members and of members in turn."""
    held = list(accumulate(early, initial=20_000_000))
    late = list(accumulate(in_turn, initial=held[-1]))[1:]
    return ReleaseRecord(
        tuple(ReleaseRound(SIZE, 14, 5, amount) for amount in held),
        in_turn=tuple(ReleaseRound(SIZE, 14, 5, amount) for amount in late),
    )


def test_a_server_that_releases_its_resources_has_no_finding() -> None:
    assert findings_of(descriptors(*[0] * 8)) == []
    assert findings_of(ReleaseRecord()) == []


def test_descriptors_that_grow_in_each_round_are_a_violation() -> None:
    assert findings_of(descriptors(*[4] * 8)) == [("descriptors-not-freed", Level.VIOLATION)]


@pytest.mark.parametrize("steps", [(4, 4, 4, 0, 4, 4, 4, 4), (1,) * 8, (24, 0, 0, 0, 0, 0, 0, 0), (4, 4, 4, 4)])
def test_descriptors_that_do_not_grow_in_each_round_are_not_reported(steps: tuple[int, ...]) -> None:
    assert findings_of(descriptors(*steps)) == []


def test_threads_that_grow_are_reported_with_the_descriptors() -> None:
    rounds = tuple(ReleaseRound(SIZE, 14 + 3 * at, 5 + 3 * at, None) for at in range(9))
    assert findings_of(ReleaseRecord(rounds)) == [
        ("descriptors-not-freed", Level.VIOLATION),
        ("threads-not-freed", Level.VIOLATION),
    ]


KEPT = SIZE * 50_000
GARBAGE = SIZE * 12_000


def test_memory_that_grows_to_the_end_is_non_strict() -> None:
    record = memory([KEPT] * 8, [KEPT] * 20)
    assert record.may_leak_memory
    assert findings_of(record) == [("memory-not-freed", Level.NON_STRICT)]
    (finding,) = judge_release(record, CHAT)
    assert "480 members joined and left, one after the other" in finding.explanation
    assert "grew by 24.0 MB: 48.8 KiB for each member, 48.8 KiB in the first half" in finding.explanation


@pytest.mark.parametrize("in_turn", [[], [500] * 20, [GARBAGE] * 4], ids=["none", "level", "few"])
def test_garbage_that_grows_in_each_round_is_not_a_leak_until_further_members_show_it(in_turn: list[int]) -> None:
    record = memory([GARBAGE] * 8, in_turn)
    assert record.may_leak_memory
    assert findings_of(record) == []


@pytest.mark.parametrize(
    "steps",
    [[SIZE * 1_000] * 8, [SIZE * 80_000 // 2**at for at in range(8)], [KEPT] * 4],
    ids=["little", "levels off", "too few rounds"],
)
def test_memory_that_grows_little_or_levels_off_needs_no_further_members(steps: list[int]) -> None:
    record = memory(steps, [])
    assert not record.may_leak_memory
    assert findings_of(record) == []


def test_a_warm_up_does_not_hide_a_leak() -> None:
    assert memory([kib * 1024 for kib in (1024, 2124, 1664, 452, 692, 501, 892, 524)], []).may_leak_memory


def test_memory_that_grows_only_in_some_rounds_may_be_a_leak() -> None:
    assert memory([2 * KEPT, 0] * 4, []).may_leak_memory
    assert memory([KEPT] * 7 + [-4_096], []).may_leak_memory


def test_unmeasured_resources_are_not_reported() -> None:
    record = ReleaseRecord(tuple(ReleaseRound(SIZE) for _ in range(9)))
    assert not record.may_leak_memory
    assert findings_of(record) == []


def test_a_connection_slot_that_is_not_released_is_a_violation() -> None:
    (finding,) = judge_release(ReleaseRecord((), "HTTP/1.1 503", 48), CHAT)
    assert (finding.check, finding.level) == ("place-not-freed", Level.VIOLATION)
    assert "After 48 members had joined and left" in finding.explanation
