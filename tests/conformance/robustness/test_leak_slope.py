"""Tests of leak detection: steady growth counts, growth from an allocator or a collector does not."""

from __future__ import annotations

from itertools import accumulate

from wsproof.conformance.robustness.leak_slope import ChurnRound, grows_steadily, leaked_bytes, leaked_fds

_WARM = 20_000_000


def rounds_of_fds(*count: int | None) -> list[ChurnRound]:
    return [ChurnRound(200, fds, None) for fds in count]


def rounds_of_memory(*steps: int) -> list[ChurnRound]:
    return [ChurnRound(200, 9, count) for count in accumulate(steps, initial=_WARM)]


def test_descriptors_that_grow_in_every_round_are_a_leak() -> None:
    assert leaked_fds(rounds_of_fds(9, 209, 409)) == 1.0
    assert leaked_fds(rounds_of_fds(9, 13, 17, 21)) == 0.02


def test_descriptors_that_are_released_once_are_no_leak() -> None:
    assert leaked_fds(rounds_of_fds(9, 209, 9, 209)) is None
    # A log file or a pipe. Two descriptors are too few for a leak.
    assert leaked_fds(rounds_of_fds(9, 10, 11, 12)) is None
    assert leaked_fds(rounds_of_fds(9, 9, 9)) is None


def test_unmeasured_resources_are_no_leak() -> None:
    assert leaked_fds(rounds_of_fds(None, None, None)) is None
    assert leaked_fds(rounds_of_fds(9, 209, None)) is None
    assert not grows_steadily([ChurnRound(200, 9, None)] * 8)
    assert leaked_bytes([ChurnRound(200, 9, None)] * 8) == 0.0


def test_memory_that_grows_in_every_round_is_a_leak() -> None:
    rounds = rounds_of_memory(*[1_000_000] * 8)
    assert leaked_bytes(rounds) == 5_000
    assert grows_steadily(rounds)


def test_a_single_jump_is_no_leak() -> None:
    rounds = rounds_of_memory(0, 0, 40_000_000, 0, 0, 0, 0, 0)
    assert leaked_bytes(rounds) == 0
    assert not grows_steadily(rounds)


def test_memory_that_a_collector_frees_at_the_end_is_no_leak() -> None:
    assert not grows_steadily(rounds_of_memory(*[1_000_000] * 7, -7_000_000))


def test_memory_that_stops_growing_is_no_leak() -> None:
    assert not grows_steadily(rounds_of_memory(*[1_000_000] * 4, 0, 0, 0, 0, 0))


def test_four_rounds_are_too_few_for_a_memory_leak() -> None:
    assert not grows_steadily(rounds_of_memory(*[1_000_000] * 3))
