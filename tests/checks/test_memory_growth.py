"""Tests that growth which continues is a leak, and growth which ends is not."""

from __future__ import annotations

import random
from itertools import accumulate, pairwise

import pytest

from wsproof.checks.memory_growth import MIB, MemoryGrowth, MemoryReading, MemoryVerdict

SIZE = 24
START = 30 * MIB
KIB = 1024
MEASURED_GARBAGE_KIB = [
    *(548, 132, 476, 144, 492, 92, 432, 104, 404, 104, 16, 8, 180, 184, 432, 160, 400, 180, 428, 196),
    *(412, 184, 440, 192, 404, 180, 420, -1244, 432, 176, 468, 156, 0, 1444, 0, 0, 0, 0, 0),
]
"""Steps of a server without a leak: its garbage was collected after 672 members, and reused from 816 on."""
MEASURED_BUFFERS_KIB = [
    *(1552, 1560, 1552, 1252, 1172, 1276, 1380, 1408, 1172, 1172, 1320, 1448, 1176, 1172, 1260, 1460, 1172, 1172),
    *(1272, 1448, 1124, 1172, 1172, 1180, 1172, 1172, 1172, 1172, 1172, 1172, 1172, 1176, 1172, 1172, 1172),
]
"""Steps of a server that keeps a buffer of 50 kB of each member."""


def history(steps: list[int]) -> list[MemoryReading]:
    return [MemoryReading(SIZE * at, held_kib) for at, held_kib in enumerate(accumulate(steps, initial=START))]


def verdict(steps: list[int]) -> MemoryVerdict:
    """The first verdict of a probe that stops as soon as there is one."""
    readings = history(steps)
    verdicts = (MemoryGrowth(readings[:end]).verdict for end in range(1, len(readings) + 1))
    return next((each for each in verdicts if each is not MemoryVerdict.UNDECIDED), MemoryVerdict.UNDECIDED)


def stepwise(kib: int, rounds: int, page: int) -> list[int]:
    """The steps of a leak in a process that takes memory from the system in pages of this size."""
    held_kib = [at * SIZE * kib * KIB // page * page for at in range(rounds + 1)]
    return [after - before for before, after in pairwise(held_kib)]


@pytest.mark.parametrize("kib", [4, 16, 64, 300])
@pytest.mark.parametrize("page", [4 * KIB, 256 * KIB, MIB], ids=["4 KiB", "256 KiB", "1 MiB"])
def test_a_constant_amount_for_each_member_is_a_leak(kib: int, page: int) -> None:
    assert verdict(stepwise(kib, 220, page)) is MemoryVerdict.LEAK


@pytest.mark.parametrize("kib", [4, 16, 64])
@pytest.mark.parametrize("seed", range(20))
def test_a_leak_is_found_in_noise(kib: int, seed: int) -> None:
    noise = random.Random(seed)
    jitter = [noise.randrange(-100, 100) * KIB for _ in range(221)]
    steps = [SIZE * kib * KIB + after - before for before, after in pairwise(jitter)]
    assert verdict(steps) is MemoryVerdict.LEAK


def test_a_leak_after_a_warm_up_is_found() -> None:
    steps = [3 * MIB // 2**at + SIZE * 16 * KIB for at in range(120)]
    assert verdict(steps) is MemoryVerdict.LEAK


def test_a_leak_as_measured_is_found() -> None:
    assert verdict([kib * KIB for kib in MEASURED_BUFFERS_KIB]) is MemoryVerdict.LEAK


def saturating(limit_mib: int, members: int) -> list[int]:
    """The steps of a cache that is nearly full after so many members."""
    held_kib = [int(limit_mib * MIB * (1 - 0.05 ** (SIZE * at / members))) for at in range(301)]
    return [after - before for before, after in pairwise(held_kib)]


@pytest.mark.parametrize("limit_mib", [3, 12, 40, 200])
@pytest.mark.parametrize("members", [100, 400, 1_500])
def test_a_warm_up_that_levels_off_is_not_a_leak(limit_mib: int, members: int) -> None:
    assert verdict(saturating(limit_mib, members)) is not MemoryVerdict.LEAK


@pytest.mark.parametrize("power", [0.3, 0.5, 0.7])
def test_growth_that_slows_down_is_not_a_leak(power: float) -> None:
    held_kib = [int(20 * MIB * at**power) for at in range(301)]
    assert verdict([after - before for before, after in pairwise(held_kib)]) is not MemoryVerdict.LEAK


@pytest.mark.parametrize("every", [20, 40, 100])
def test_arenas_that_are_allocated_now_and_then_are_not_a_leak(every: int) -> None:
    steps = [MIB if at % every == every - 1 else 0 for at in range(300)]
    assert verdict(steps) is not MemoryVerdict.LEAK


@pytest.mark.parametrize("limit_mib", [1, 4, 15])
@pytest.mark.parametrize("kib", [4, 16, 64])
def test_a_cache_that_fills_at_a_constant_rate_until_it_is_full_is_not_a_leak(limit_mib: int, kib: int) -> None:
    full = limit_mib * MIB
    held_kib = [min(full, at * SIZE * kib * KIB) for at in range(400)]
    steps = [after - before for before, after in pairwise(held_kib)]
    assert verdict(steps) is MemoryVerdict.LEVELS_OFF


@pytest.mark.parametrize("every", [10, 30, 60])
def test_garbage_that_is_collected_now_and_then_is_not_a_leak(every: int) -> None:
    step = SIZE * 8 * KIB
    steps = [-(every - 1) * step if at % every == every - 1 else step for at in range(300)]
    assert verdict(steps) is not MemoryVerdict.LEAK


@pytest.mark.parametrize("seed", range(20))
def test_noise_without_growth_is_not_a_leak(seed: int) -> None:
    noise = random.Random(seed)
    jitter = [noise.randrange(400) * KIB for _ in range(301)]
    steps = [after - before for before, after in pairwise(jitter)]
    assert verdict(steps) is MemoryVerdict.LEVELS_OFF


def test_garbage_as_measured_is_not_a_leak() -> None:
    assert verdict([kib * KIB for kib in MEASURED_GARBAGE_KIB]) is not MemoryVerdict.LEAK


def test_a_large_process_must_grow_more() -> None:
    readings = [MemoryReading(SIZE * at, 400 * MIB + at * SIZE * 16 * KIB) for at in range(220)]
    assert MemoryGrowth(readings).verdict is MemoryVerdict.UNDECIDED


def test_a_very_large_leak_needs_few_members() -> None:
    readings = [MemoryReading(SIZE * at, START + at * SIZE * 2 * MIB) for at in range(8)]
    assert MemoryGrowth(readings).verdict is MemoryVerdict.LEAK


@pytest.mark.parametrize("count", range(4))
def test_too_few_readings_give_no_verdict(count: int) -> None:
    growth = MemoryGrowth([MemoryReading(SIZE * at, START + at * MIB) for at in range(count)])
    assert growth.verdict is MemoryVerdict.UNDECIDED


def test_the_parts_of_a_history_cover_all_of_it() -> None:
    growth = MemoryGrowth(history([MIB] * 9))
    assert sum(part.grown_bytes for part in growth.parts(4)) == growth.grown_bytes
    assert sum(part.members for part in growth.parts(4)) == growth.members
