"""Tests that the ticks of a feed are matched by round."""

from __future__ import annotations

from wsproof.locust.tick_rounds import TickRounds

MS = 1_000_000


def spreads(*ticks: tuple[int, int]) -> list[int]:
    rounds = TickRounds(2.0)
    found = [rounds.add(member, at_ms * MS) for member, at_ms in ticks]
    return [spread_ns // MS for spread_ns in found if spread_ns is not None]


def test_two_equal_successive_readings_are_two_rounds() -> None:
    assert spreads((0, 0), (1, 3), (0, 2_000), (1, 2_004), (0, 4_000)) == [3, 4]


def test_a_second_tick_of_a_viewer_begins_a_round_however_soon_it_comes() -> None:
    assert spreads((0, 0), (1, 5), (0, 10), (1, 12), (0, 20)) == [5, 2]


def test_a_viewer_that_missed_a_round_does_not_stretch_it() -> None:
    assert spreads((0, 0), (1, 2_000), (0, 2_001), (1, 4_000)) == [1]


def test_ticks_read_in_another_order_than_they_arrived_have_the_correct_spread() -> None:
    assert spreads((0, 10), (1, 7), (2, 9), (0, 2_000)) == [3]


def test_one_viewer_has_no_spread() -> None:
    assert spreads((0, 0), (0, 2_000), (0, 4_000)) == []
