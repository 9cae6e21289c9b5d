"""Tests of the capacity search on simulated servers whose capacity is known."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from wsproof.model.capacity import LevelOutcome, SearchEnding
from wsproof.stats.capacity import Capacity, Measure, Search, find_capacity

WIDE = Search(10, 10_000)


def server(knee: float, *, limit: float = math.inf) -> Measure:
    """Return a server that meets every level up to its knee. The generator is not trusted above its limit."""

    def measure(level: float) -> LevelOutcome:
        if level > limit:
            return LevelOutcome.UNTRUSTED
        return LevelOutcome.MET if level <= knee else LevelOutcome.MISSED

    return measure


def random_server(knee: float, softness: float, error_rate: float, seed: int) -> Measure:
    """Return a server that is random near its knee. A share `error_rate` of its outcomes is random at any level."""
    generator = random.Random(seed)

    def measure(level: float) -> LevelOutcome:
        if generator.random() < error_rate:
            return generator.choice([LevelOutcome.MET, LevelOutcome.MISSED])
        missed = 1 / (1 + math.exp(-math.log(level / knee) / softness))
        return LevelOutcome.MISSED if generator.random() < missed else LevelOutcome.MET

    return measure


def levels(capacity: Capacity) -> list[float]:
    return [run.level for run in capacity.runs]


@pytest.mark.parametrize("knee", [11, 37, 412, 2900, 9500])
def test_the_interval_holds_the_knee_and_is_as_narrow_as_requested(knee: int) -> None:
    capacity = find_capacity(server(knee), WIDE)
    assert capacity.ending is SearchEnding.FOUND
    assert capacity.knee is not None
    assert capacity.knee.low <= knee <= capacity.knee.high
    assert capacity.knee.high <= capacity.knee.low * 1.4
    assert capacity.met is not None
    assert capacity.met <= knee


def test_the_search_doubles_the_level_and_then_bisects() -> None:
    measured = levels(find_capacity(server(100), WIDE))
    assert measured[:5] == [10, 20, 40, 80, 160]
    assert all(40 < level < 320 for level in measured[5:])


def test_levels_near_the_knee_are_measured_repeatedly() -> None:
    capacity = find_capacity(server(100), WIDE)
    near = [run.outcome for run in capacity.runs if 70 <= run.level <= 140]
    assert min(near.count(LevelOutcome.MET), near.count(LevelOutcome.MISSED)) >= 2


@pytest.mark.parametrize(("softness", "error_rate"), [(0.02, 0.0), (0.05, 0.02), (0.1, 0.0), (0.1, 0.02)])
def test_with_noise_the_interval_holds_the_knee_with_its_stated_probability(softness: float, error_rate: float) -> None:
    hits = settled = 0
    for seed in range(40):
        knee = math.exp(random.Random(seed).uniform(math.log(20), math.log(5000)))
        capacity = find_capacity(random_server(knee, softness, error_rate, seed), WIDE)
        assert capacity.ending in (SearchEnding.FOUND, SearchEnding.UNSETTLED)
        assert capacity.knee is not None
        settled += capacity.ending is SearchEnding.FOUND
        hits += capacity.knee.low <= knee <= capacity.knee.high
    assert hits >= 36
    assert settled >= 30


def test_one_wrong_answer_far_from_the_knee_is_outvoted() -> None:
    outcomes = iter([LevelOutcome.MET, LevelOutcome.MISSED])  # The knee is wrongly placed between 10 and 20 at first.

    def measure(level: float) -> LevelOutcome:
        return next(outcomes, None) or server(400)(level)

    capacity = find_capacity(measure, Search(10, 10_000, max_runs=60))
    assert capacity.knee is not None
    assert capacity.knee.low <= 400 <= capacity.knee.high


def test_a_miss_at_the_lowest_level_is_repeated_before_it_is_reported() -> None:
    capacity = find_capacity(server(3), WIDE)
    assert capacity.ending is SearchEnding.MISSED_AT_LOWEST
    assert set(levels(capacity)) == {10}
    assert len(capacity.runs) >= 2
    assert capacity.met is None


def test_a_server_that_meets_the_highest_level_is_confirmed_there() -> None:
    capacity = find_capacity(server(1e9), Search(10, 500))
    assert capacity.ending is SearchEnding.MET_AT_HIGHEST
    assert levels(capacity)[-2:] == [500, 500]
    assert capacity.met == 500
    assert capacity.knee is None  # the knee is above the measured levels


def test_levels_above_the_generator_limit_give_no_result_about_the_server() -> None:
    capacity = find_capacity(server(1e9, limit=300), WIDE)
    assert capacity.ending is SearchEnding.GENERATOR_LIMITED
    assert capacity.met is not None
    assert capacity.ceiling is not None
    assert capacity.met <= 300 < capacity.ceiling <= capacity.met * 1.4
    assert LevelOutcome.MISSED not in {run.outcome for run in capacity.runs}


def test_a_knee_below_the_limit_of_the_generator_is_found() -> None:
    capacity = find_capacity(server(250, limit=300), WIDE)
    assert capacity.ending is SearchEnding.FOUND
    assert capacity.knee is not None
    assert capacity.knee.low <= 250 <= capacity.knee.high


def test_an_untrusted_run_is_retried_and_only_several_in_a_row_are_the_limit_of_the_generator() -> None:
    measured: list[float] = []

    def measure(level: float) -> LevelOutcome:
        measured.append(level)
        return LevelOutcome.UNTRUSTED if measured.count(level) == 1 else server(100)(level)

    capacity = find_capacity(measure, WIDE)
    assert capacity.ceiling is None
    assert capacity.ending is SearchEnding.FOUND


def test_a_generator_that_cannot_produce_the_lowest_level_gives_no_result() -> None:
    capacity = find_capacity(server(100, limit=1), WIDE)
    assert capacity.ending is SearchEnding.GENERATOR_LIMITED
    assert capacity.knee is None
    assert levels(capacity) == [10, 10, 10]


def test_a_search_out_of_runs_is_reported_as_unsettled() -> None:
    capacity = find_capacity(server(100), Search(10, 10_000, max_runs=5))
    assert capacity.ending is SearchEnding.UNSETTLED
    assert len(capacity.runs) == 5


@pytest.mark.parametrize("pick", [lambda level: LevelOutcome.MET if int(level) % 2 else LevelOutcome.MISSED])
def test_random_outcomes_end_within_the_maximum_number_of_runs(
    pick: Callable[[float], LevelOutcome],
) -> None:
    assert len(find_capacity(pick, WIDE).runs) <= WIDE.max_runs


def test_the_search_ends_at_neighbouring_whole_numbers() -> None:
    capacity = find_capacity(server(3), Search(1, 100))
    assert capacity.ending is SearchEnding.FOUND
    assert capacity.knee is not None
    assert 3 <= capacity.knee.high < 5


@pytest.mark.parametrize(
    ("search", "near", "level"),
    [
        (WIDE, 1234.5, 1230),
        (WIDE, 17.4, 17),
        (WIDE, 5, 10),
        (WIDE, 1e9, 10_000),
        (Search(0.5, 100, whole=False), 3.14159, 3.14),
        (Search(0.5, 100, whole=False), 0.1, 0.5),
    ],
)
def test_levels_are_round_and_within_the_limits(search: Search, near: float, level: float) -> None:
    assert search.level(near) == level
