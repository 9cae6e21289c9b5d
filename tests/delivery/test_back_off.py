"""Tests of the delays between attempts to connect again."""

from __future__ import annotations

from wsproof.delivery.back_off import FIRST_S, JITTER, LONGEST_S, BackOff


def test_delays_double_up_to_a_limit_and_vary_between_clients() -> None:
    one, other = BackOff(1), BackOff(2)
    delays = [(one.next_s(), other.next_s()) for _ in range(40)]
    for number, pair in enumerate(delays):
        usual_s = min(FIRST_S * 2**number, LONGEST_S)
        assert all(usual_s * (1 - JITTER) <= delay <= usual_s * (1 + JITTER) for delay in pair)
    assert all(mine != theirs for mine, theirs in delays)
    assert one.attempts == 40


def test_the_same_seed_gives_the_same_delays() -> None:
    assert [BackOff(7).next_s() for _ in range(3)] == [BackOff(7).next_s()] * 3
